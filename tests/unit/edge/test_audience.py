"""What an edge gathers for the stage, and what it does when the stage does not take it."""

import msgspec
import pytest

from hustings.base.errors import Denied, UserError
from hustings.edge.audience.census import Salt
from hustings.edge.audience.voice import Audience
from hustings.wire.batch import Answer, Now
from hustings.wire.tickets import keys_of
from hustings.wire.tokens import hand_of

NOW = Now(live=7)


def test_hands_and_reactions_make_one_batch() -> None:
    audience = Audience()
    made = audience.hand(b'{"name": " Ada  L ", "question": "Why?", "more": 1}', 10.0)
    assert made["hand"] == hand_of(made["ticket"])
    for _ in range(1_000):
        audience.react(b'{"kind": "clap"}', ["clap"])
    assert audience.news(NOW)
    batch = audience.batch(NOW, 11.5)
    [raised] = batch.hands.first
    assert (raised.id, raised.name, raised.question) == (made["hand"], "Ada L", "Why?")
    assert (raised.age_s, batch.now, batch.reactions) == (1.5, NOW, {"clap": 1_000})
    audience.answered(Answer(taken=1, wanted=5))
    assert not audience.news(NOW)
    assert audience.batch(NOW, 12.0).hands.first == []
    audience.answered(Answer())
    assert audience.news(Now(live=8))


def test_what_adds_up_comes_again_if_the_stage_was_away() -> None:
    audience = Audience()
    audience.joined(None, None, 0.0)
    for second in range(11):
        audience.turn(NOW, float(second))
    first = audience.batch(NOW, 10.0)
    assert (first.joins, first.listened_s) == (1, 70.0)
    audience.joined(None, None, 10.0)
    audience.turn(NOW, 11.0)
    audience.lost()
    assert (audience.batch(NOW, 11.0).joins, audience.batch(NOW, 11.0).listened_s) == (2, 77.0)
    audience.joined(None, None, 11.0)
    audience.answered(Answer())
    assert (audience.batch(NOW, 12.0).joins, audience.batch(NOW, 12.0).listened_s) == (1, 0.0)


def test_its_owner_lowers_a_hand_or_raises_it_again() -> None:
    audience = Audience()
    made = audience.hand(b'{"name": "Ada"}', 1.0)
    again = msgspec.json.encode({"name": "Ada", "ticket": made["ticket"]})
    assert audience.hand(again, 9.0) == made
    assert len(audience.hands) == 1
    down = msgspec.json.encode({"ticket": made["ticket"], "raised": False})
    assert audience.hand(down, 9.0) == {"hand": made["hand"]}
    assert len(audience.hands) == 0


def test_a_hand_that_is_raised_again_elsewhere_keeps_its_place() -> None:
    keys = keys_of(b"m" * 32, 1_000_000.0)
    one, other = Audience(), Audience()
    first = one.hand(b'{"name": "Ada"}', 50.0, room="r", keys=keys, second=1_000_000.0)
    other.hand(b'{"name": "Bo"}', 7.0, room="r", keys=keys, second=1_000_020.0)
    again = msgspec.json.encode({"name": "Ada", "ticket": first["ticket"]})
    assert other.hand(again, 107.0, room="r", keys=keys, second=1_000_120.0) == first
    said = other.batch(NOW, 107.0).hands
    assert [(each.name, each.age_s) for each in said.first] == [("Ada", 120.0), ("Bo", 100.0)]
    assert said.down == [first["hand"]]  # whoever else holds it lets it go
    with pytest.raises(Denied):  # nor is it a place in the queue for a seat
        keys.check(first["ticket"], room="r", now_s=1_000_000.0)
    foreign = Audience()
    foreign.hand(again, 107.0, room="another", keys=keys, second=1_000_120.0)
    assert foreign.batch(NOW, 107.0).hands.first[0].age_s == 0.0


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"[]", b"{}", b'{"name": " "}', b"\xff", b'{"name": 1}', b'{"raised": false}'),
        msgspec.json.encode({"name": "x" * 81}),
        msgspec.json.encode({"name": "x", "question": "y" * 281}),
        msgspec.json.encode({"name": "x", "ticket": "y" * 161}),
    ],
)
def test_bad_hands_are_refused(body: bytes) -> None:
    with pytest.raises(UserError):
        Audience().hand(body, 0.0)


def test_reactions_are_known_ones() -> None:
    with pytest.raises(UserError):
        Audience().react(b'{"kind": "boo"}', ["clap", "heart"])


def test_sketches_go_up_every_ten_seconds_and_with_their_salt() -> None:
    audience = Audience()
    audience.salted(Salt("monday", b"s" * 32))
    audience.census.pages.add(12345)
    batch = audience.batch(NOW, 0.0)
    assert batch.salt == "monday"
    assert batch.pages
    audience.answered(Answer())
    assert not audience.batch(NOW, 9.0).pages
    audience.lost()
    assert audience.batch(NOW, 9.5).pages
    audience.answered(Answer())
    audience.salted(Salt("tuesday", b"t" * 32))
    assert not audience.batch(NOW, 30.0).pages
