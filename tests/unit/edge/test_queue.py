"""One room's queue at one edge: who is let in, who is told what."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.edge.waiting.queue import LEAST_S, MOST_S, Queue, seat
from hustings.wire.kinds import Draw
from hustings.wire.places import Span, commitment, place, seed_of
from hustings.wire.queues import Heard, Said, read_heard
from hustings.wire.tickets import SEAT_S, Ticket

NOW = 1_800_000_000.0
SEED = seed_of(b"m" * 32, "r")
DRAW = Draw(commitment(SEED), SEED.hex(), int(NOW) - 100)


def queue(draw: Draw | None = DRAW) -> Queue:
    made = Queue("r", pace=10)
    made.turn(1.0, draw)
    return made


def waiting(at_s: float, number: int = 7) -> Ticket:
    return Ticket("r", int(at_s), number, "wait", int(at_s) + 600)


def test_with_seats_for_all_nobody_waits() -> None:
    verdict = queue().admit(None, NOW, number=5, free=1)
    assert verdict.seated
    assert verdict.ticket == Ticket("r", int(NOW), 5, "seat", int(NOW) + SEAT_S)


def test_a_newcomer_at_a_full_edge_gets_a_place() -> None:
    full = queue()
    verdict = full.admit(None, NOW, number=5, free=0)
    assert not verdict.seated
    assert verdict.ticket.at_s == int(NOW)
    assert verdict.place == place(verdict.ticket, DRAW)
    assert LEAST_S <= verdict.retry_s <= MOST_S
    assert full.said(free=0).arrived == {int(NOW): 1}


def test_a_newcomer_never_passes_those_who_wait() -> None:
    some = queue()
    for number in range(5):
        some.admit(None, NOW, number=number, free=0)
    assert not some.admit(None, NOW + 9, number=9, free=3).seated  # three seats for five people
    assert some.admit(None, NOW + 9, number=9, free=30).seated  # enough for all of them


def test_who_was_in_is_never_queued_again() -> None:
    full = queue()
    ticket = seat(waiting(NOW - 300), NOW - 300)
    verdict = full.admit(ticket, NOW, number=1, free=0)
    assert verdict.seated
    assert verdict.ticket.exp_s == int(NOW) + SEAT_S  # and their time begins anew
    assert not full.busy


def test_a_ticket_is_let_in_when_its_place_is_served_and_not_before() -> None:
    some = queue()
    ticket = waiting(NOW)
    at = place(ticket, DRAW)
    assert at is not None
    crowd = (Span(int(NOW), int(NOW) + 1, 50),)
    some.hear(Heard("r", at - 0.001, 1.0, 50, 0, crowd))
    assert not some.admit(ticket, NOW + 5, number=1, free=1).seated
    some.hear(Heard("r", at, 1.0, 50, 0, crowd))
    assert some.called(ticket)
    assert some.admit(ticket, NOW + 5, number=1, free=1).seated
    assert some.said(free=0).came == 1


def test_the_called_who_find_no_seat_come_back_soon_but_not_all_at_once() -> None:
    some = queue()
    some.hear(Heard("r", NOW + 5, 1.0, 50, 0, (Span(int(NOW) + 6, int(NOW) + 7, 50),)))
    delays = [some.admit(waiting(NOW), NOW, number=1, free=0).retry_s for _ in range(100)]
    assert delays[0] == pytest.approx(LEAST_S, abs=0.2)
    assert delays == sorted(delays)
    assert 10 <= delays[-1] <= MOST_S  # ten a second may come


def test_before_the_doors_open_places_are_not_drawn() -> None:
    closed = queue(Draw(commitment(SEED)))
    verdict = closed.admit(None, NOW, number=5, free=0)
    assert (verdict.place, verdict.ahead, verdict.wait_s) == (None, None, None)
    assert not closed.admit(waiting(NOW - 5), NOW, number=5, free=1).seated


def test_the_estimate_is_people_by_rate() -> None:
    some = queue()
    some.hear(Heard("r", NOW - 10, 2.0, 40, 0, (Span(int(NOW) - 10, int(NOW), 40),)))
    verdict = some.admit(waiting(NOW), NOW, number=1, free=0)
    assert verdict.ahead == 40
    assert verdict.wait_s == pytest.approx(20)
    assert verdict.retry_s == pytest.approx(20)


def test_what_the_stage_took_is_not_said_again_unless_it_forgot() -> None:
    some = queue()
    for _ in range(3):
        some.admit(None, NOW, number=1, free=0)
    said = some.said(free=4)
    assert said == Said({int(NOW): 3}, 4, 10, 0, some.serving)
    assert some.said(free=4).arrived == said.arrived  # the batch was lost: it comes again
    some.taken(said)
    assert some.said(free=4).arrived == {}
    some.admit(None, NOW, number=1, free=0)
    assert some.said(free=4).arrived == {int(NOW): 4}  # totals, so that doubles change nothing
    some.anew()
    assert some.said(free=4).arrived == {int(NOW): 4}


def test_the_table_of_arrivals_is_bounded() -> None:
    some = queue()
    for second in range(8_000):
        some.arrive(int(NOW) + second)
    some.turn(1.0, DRAW)
    assert len(some.said(free=0).arrived) == 500
    assert some.waiting == 7_200
    assert len(some.view(second=NOW, free=0)["spans"]) <= 40


def test_without_the_stage_the_last_rate_goes_on_and_only_while_there_are_seats() -> None:
    some = queue()
    some.hear(Heard("r", NOW - 100, 4.0, 100, 0, (Span(int(NOW) - 100, int(NOW), 100),)))
    some.go_on(5.0, NOW, free=0)
    assert some.serving == NOW - 100
    some.go_on(5.0, NOW, free=3)
    assert some.serving == pytest.approx(NOW - 80)  # 4 a second for 5 seconds, one to a second


@given(words=st.lists(st.floats(0, 1e10), max_size=20), turns=st.lists(st.booleans(), max_size=20))
def test_places_never_jump_back(words: list[float], turns: list[bool]) -> None:
    some, before = queue(), 0.0
    for word, alone in zip(words, turns, strict=False):
        if alone:
            some.go_on(1.0, NOW, free=1)
        else:
            some.hear(Heard("r", word, 1.0))
        assert some.serving >= before
        before = some.serving


GOOD = {"room": "r", "serving": 5.0, "rate": 1.0, "waiting": 1, "coming": 0, "spans": [[5, 6, 1]]}


def test_the_stages_word_is_read() -> None:
    assert read_heard(GOOD).spans == (Span(5, 6, 1),)


@pytest.mark.parametrize(
    "poison",
    [
        None,
        [],
        {},
        GOOD | {"serving": -1},
        GOOD | {"serving": float("nan")},
        GOOD | {"serving": 2.0**50},
        GOOD | {"rate": float("inf")},
        GOOD | {"waiting": -1},
        GOOD | {"spans": [[6, 5, 1]]},
        GOOD | {"spans": [[5, 7, 1], [6, 8, 1]]},
        GOOD | {"spans": [[5, 6, -1]]},
        GOOD | {"spans": [[n, n + 1, 1] for n in range(1_000)]},
        GOOD | {"spans": "x"},
    ],
)
def test_F31_a_poisoned_word_on_a_queue_is_refused(poison: object) -> None:
    with pytest.raises(PeerError) as refused:
        read_heard(poison)
    assert refused.value.code == "queue_bad"


def test_what_edges_say_fits_the_wire() -> None:
    said = Said({int(NOW): 3}, 4, 10.0, 1, NOW)
    assert msgspec.json.decode(msgspec.json.encode(said), type=Said) == said
