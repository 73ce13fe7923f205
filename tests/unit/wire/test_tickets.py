"""Listeners' tickets: what any edge of a room accepts, and that nothing else is."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, PeerError
from hustings.wire.tickets import (
    LEEWAY_S,
    PERIOD_S,
    SEAT_S,
    WAIT_S,
    Ticket,
    TicketKeys,
    keys_of,
    read_line,
)

MASTER = b"m" * 32
NOW = 1_800_000_000
KEYS = keys_of(MASTER, NOW)
TICKET = Ticket("town-hall", NOW, 2**63 + 7, "wait", NOW + WAIT_S)

ids = st.integers(0, 2**64 - 1)
seconds = st.integers(0, 2**32 - 1)
rooms = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?", fullmatch=True)
tickets = st.builds(Ticket, rooms, seconds, ids, st.sampled_from(["wait", "seat"]), seconds)


def code(text: str, keys: TicketKeys = KEYS, *, room: str = "town-hall", now_s: float = NOW) -> str:
    with pytest.raises(Denied) as refused:
        keys.check(text, room=room, now_s=now_s)
    return refused.value.code


@given(ticket=tickets)
def test_what_was_signed_is_what_is_read(ticket: Ticket) -> None:
    text = KEYS.sign(ticket)
    assert len(text) <= 132
    assert KEYS.check(text, room=ticket.room, now_s=ticket.exp_s) == ticket


def test_refusals_have_stable_codes() -> None:
    text = KEYS.sign(TICKET)
    assert code("") == "token_missing"
    assert code(text, keys_of(b"x" * 32, NOW)) == "token_bad"
    assert code(text, room="another") == "token_room"
    assert code(text, now_s=TICKET.exp_s + LEEWAY_S + 1) == "token_expired"


@given(ticket=tickets, at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_no_flipped_bit_passes(ticket: Ticket, at: int, bit: int) -> None:
    text = bytearray(KEYS.sign(ticket).encode())
    text[at % len(text)] ^= 1 << bit
    assert code(text.decode("latin-1"), room=ticket.room, now_s=ticket.exp_s) == "token_bad"


@given(ticket=tickets, extra=st.text("AZaz09-_=+/ .\n", min_size=1, max_size=4))
def test_a_ticket_has_one_spelling(ticket: Ticket, extra: str) -> None:
    text = KEYS.sign(ticket)
    for other in (text + extra, extra + text, text + "=" * (-len(text) % 4 or 4)):
        assert code(other, room=ticket.room, now_s=ticket.exp_s) == "token_bad"
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    spare = base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert spare == text  # and the last letter's unused bits are no second spelling
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for letter in letters.replace(text[-1], ""):
        assert code(text[:-1] + letter, room=ticket.room, now_s=ticket.exp_s) == "token_bad"


@given(text=st.text(max_size=200))
def test_garbage_is_refused(text: str) -> None:
    assert code(text) in {"token_bad", "token_missing"}


@given(data=st.binary(max_size=120))
def test_well_spelt_garbage_is_refused(data: bytes) -> None:
    assert code(base64.urlsafe_b64encode(data).decode().rstrip("=")) in {
        "token_bad",
        "token_missing",
    }


@given(begun=st.integers(3 * PERIOD_S, 2**31), waited=st.integers(0, WAIT_S))
def test_no_ticket_ends_with_a_period(begun: int, waited: int) -> None:
    for kind, lasts in (("wait", WAIT_S), ("seat", SEAT_S)):
        ticket = Ticket("r", begun, 1, kind, begun + lasts)  # type: ignore[arg-type]
        text = keys_of(MASTER, begun).sign(ticket)
        if waited <= lasts:
            assert keys_of(MASTER, begun + waited).check(text, room="r", now_s=begun + waited)


def test_a_key_of_two_periods_ago_is_dead() -> None:
    text = KEYS.sign(TICKET)
    assert code(text, keys_of(MASTER, NOW + 2 * PERIOD_S)) == "token_bad"


def test_the_other_key_id_does_not_pass() -> None:
    one, other = TicketKeys({1: b"a" * 32}, 1), TicketKeys({1: b"b" * 32, 2: b"a" * 32}, 2)
    text = one.sign(TICKET)  # the same secret under another id
    assert code(text, other) == "token_bad"


def test_a_restarted_stage_hands_out_the_same_keys() -> None:
    assert keys_of(MASTER, NOW) == keys_of(MASTER, NOW + 60)
    assert keys_of(MASTER, NOW) != keys_of(MASTER, NOW + PERIOD_S)


def test_the_line_of_the_feed_is_read_back() -> None:
    assert read_line(KEYS.line()) == KEYS


GOOD = KEYS.line()


@pytest.mark.parametrize(
    "line",
    [
        None,
        [],
        "keys",
        {},
        {"current": GOOD["current"]},
        {"current": 300, "keys": GOOD["keys"]},
        {"current": str(GOOD["current"]), "keys": GOOD["keys"]},
        {"current": 1, "keys": {"1": "AAAA"}},
        {"current": 1, "keys": {"1": "not base64 at all, and of no right length"}},
        {"current": 1, "keys": {"x": next(iter(GOOD["keys"].values()))}},
        {"current": 1, "keys": {}},
        {**GOOD, "more": True},
        {"current": 1, "keys": {str(n): next(iter(GOOD["keys"].values())) for n in range(20)}},
    ],
)
def test_a_poisoned_line_is_no_set_of_keys(line: object) -> None:
    with pytest.raises(PeerError) as refused:
        read_line(line)
    assert refused.value.code == "tickets_bad"


@pytest.mark.parametrize("skew_s", [-90, 90])
def test_F28_an_edge_whose_clock_is_off_by_90_s_reads_tickets_to_their_end(skew_s: int) -> None:
    keys = keys_of(b"k" * 32, NOW)
    ticket = Ticket("demo", NOW, 7, "seat", NOW + 600)
    text = keys.sign(ticket)
    for later in (0, 300, 600):
        elsewhere = keys_of(b"k" * 32, NOW + later + skew_s)
        assert elsewhere.check(text, room="demo", now_s=NOW + later + skew_s) == ticket
