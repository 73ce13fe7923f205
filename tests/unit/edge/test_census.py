"""Who is counted as what."""

import pytest

from hustings.base.errors import UserError
from hustings.edge.audience import census as module
from hustings.edge.audience.census import Census, Identity, Receipt, Salt, identify
from hustings.edge.audience.voice import receipt_of
from hustings.wire.batch import Now

SALT = Salt("monday", b"s" * 32)


class Stream:
    def __init__(self) -> None:
        self.closed = False


def who(name: str) -> Identity:
    return identify(SALT, page=name)


def test_pages_and_players_are_told_apart_and_by_salt() -> None:
    page = identify(SALT, page="t", address="10.0.0.1", agent="x")
    assert page == identify(SALT, page="t")
    assert page.page
    player = identify(SALT, address="10.0.0.1", agent="x")
    assert not player.page
    others = {
        identify(SALT, address="10.0.0.1", agent="y").hash,
        identify(SALT, address="10.0.0.2", agent="x").hash,
        identify(Salt("tuesday", b"t" * 32), address="10.0.0.1", agent="x").hash,
        page.hash,
    }
    assert player.hash not in others
    assert len(others) == 4


def test_only_who_stays_a_minute_is_unique() -> None:
    census, stays, goes = Census(), Stream(), Stream()
    census.joined(who("stays"), stays, 0.0)
    census.joined(who("stays"), stays, 0.0)  # a second tab
    census.joined(who("goes"), goes, 1.0)
    goes.closed = True
    census.turn(59.9)
    assert census.pages.size == 0
    census.turn(61.5)
    assert (census.pages.size, census.players.size) == (1, 0)


def test_streams_that_are_gone_are_not_held() -> None:
    census, stays = Census(), [Stream() for _ in range(700)]
    for stream in stays:
        census.joined(who("a"), stream, 0.0)
    for n in range(20_000):
        gone = Stream()
        census.joined(who("b"), gone, 0.0)
        gone.closed = True
        assert len(census._timed) <= max(1_000, 2 * 700), n
    census.turn(61.0)
    assert census.pages.size == 1


def test_players_count_while_they_ask() -> None:
    census = Census()
    player = identify(SALT, address="10.0.0.1", agent="x")
    for second in range(0, 64, 4):
        census.asked(player, float(second))
        census.turn(float(second))
        assert census.now(live=2, low=1) == Now(live=2, low=1, hls=1)
    assert (census.pages.size, census.players.size) == (0, 1)
    census.turn(80.0)
    assert census.now(live=0, low=0) == Now()


def test_receipts_count_until_the_next_and_say_what_is_heard() -> None:
    census = Census()
    census.receipt(who("a"), Receipt("a", "low", waits=True), 0.0)
    census.receipt(who("b"), Receipt("b", "hls"), 0.0)
    census.receipt(who("c"), Receipt("c", "nothing", waits=True), 0.0)
    assert (census.now(live=0, low=0), census.waiting) == (Now(low=1, hls=1), 2)
    census.receipt(who("a"), Receipt("a", "hls", heard_s=61), 30.0)  # came in by another way
    census.receipt(who("b"), Receipt("b", "nothing"), 30.0)  # left
    census.turn(31.0)
    assert (census.now(live=0, low=0), census.waiting) == (Now(hls=1), 0)
    assert census.pages.size == 1
    census.turn(61.0)
    assert census.now(live=0, low=0) == Now()


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SEEN", 10)
    census = Census()
    for n in range(100):
        census.receipt(who(str(n)), Receipt("x" * 8, "hls"), 0.0)
        census.asked(who(str(n)), 0.0)
    assert census.now(live=0, low=0).hls == 20


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b"\xff", b'{"id":"short","hears":"hls"}'),
        b'{"id":"12345678","hears":"colours"}',
        b'{"id":"12345678","hears":"hls","heard_s":-1}',
    ],
)
def test_receipts_that_make_no_sense_are_refused(body: bytes) -> None:
    with pytest.raises(UserError):
        receipt_of(body)
