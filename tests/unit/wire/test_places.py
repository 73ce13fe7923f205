"""Places: an order that anybody can work out again, and how many stand before whom."""

import hashlib
import hmac
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.wire.kinds import Draw
from hustings.wire.places import (
    Crowd,
    Span,
    advance,
    commitment,
    draw_of,
    merged,
    people,
    place,
    rank,
    room_second,
    seed_of,
)
from hustings.wire.tickets import Ticket

MASTER = b"m" * 32
SEED = seed_of(MASTER, "town-hall")
DOORS_S = 1_800_000_000
OPEN = Draw(commitment(SEED), SEED.hex(), DOORS_S)

ids = st.integers(0, 2**64 - 1)
seconds = st.integers(0, DOORS_S + 100_000)


@st.composite
def queues(draw: st.DrawFn) -> list[Span]:
    """Spans in order, not overlapping."""
    at, spans = DOORS_S, list[Span]()
    for gap, width, many in draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9), st.integers(1, 5_000)), max_size=9)
    ):
        spans.append(Span(at + gap, at + gap + width, many))
        at += gap + width
    return spans


def ticket(number: int, at_s: int) -> Ticket:
    return Ticket("town-hall", at_s, number, "wait", at_s + 60)


@given(number=ids, at_s=seconds)
def test_nobody_has_a_place_before_the_doors_open(number: int, at_s: int) -> None:
    assert place(ticket(number, at_s), None) is None
    assert place(ticket(number, at_s), Draw(commitment(SEED))) is None


@given(number=ids, at_s=seconds)
def test_a_place_is_the_second_of_arrival_and_a_rank_in_it(number: int, at_s: int) -> None:
    at = place(ticket(number, at_s), OPEN)
    assert at is not None
    assert int(at) == max(at_s, DOORS_S - 1)
    assert at - int(at) == rank(SEED, number)  # exact: 20 bits fit beside the seconds


@given(first=ids, second=ids, early=st.integers(0, DOORS_S - 1), late=st.integers(0, DOORS_S - 1))
def test_who_waited_before_the_doors_opened_stands_by_lot_and_not_by_time(
    first: int, second: int, early: int, late: int
) -> None:
    assert place(ticket(first, early), OPEN) == place(ticket(first, late), OPEN)
    one, other = place(ticket(first, early), OPEN), place(ticket(second, late), OPEN)
    assert one is not None
    assert other is not None
    assert (one < other) == (rank(SEED, first) < rank(SEED, second))


def test_anybody_can_check_a_draw() -> None:
    """The whole recipe of docs/operations.md, with nothing of ours."""
    seed, number = bytes.fromhex(OPEN.seed), 12_345_678_901_234_567_890
    assert hashlib.sha256(seed).hexdigest() == OPEN.commit
    digest = hmac.digest(seed, number.to_bytes(8, "big"), "sha256")
    assert rank(SEED, number) == (int.from_bytes(digest[:3], "big") >> 4) / 2**20


def test_a_draw_favours_nobody() -> None:
    """Ranks of consecutive numbers, the worst case, fill a hundred bins evenly (chi-square)."""
    bins = [0] * 100
    for number in range(20_000):
        bins[int(rank(SEED, number) * 100)] += 1
    chi2 = sum((count - 200) ** 2 / 200 for count in bins)
    assert chi2 < 160  # 99 degrees of freedom: above it once in 10,000 seeds, and the seed is fixed


def test_seeds_belong_to_a_room_and_a_house() -> None:
    assert seed_of(MASTER, "town-hall") == SEED
    assert len({SEED, seed_of(MASTER, "other"), seed_of(b"n" * 32, "town-hall")}) == 3


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"draw": None},
        {"draw": "x"},
        {"draw": {"commit": 1}},
        {"draw": {"commit": "", "seed": "zz", "doors_s": 5}},
        {"draw": {"commit": "", "seed": "", "doors_s": 5}},
    ],
)
def test_a_draw_that_cannot_be_used_is_none(facts: dict[str, object]) -> None:
    assert draw_of(facts) is None


def test_a_draw_is_read_from_a_rooms_facts() -> None:
    facts = {"draw": {"commit": OPEN.commit, "seed": OPEN.seed, "doors_s": OPEN.doors_s}}
    assert draw_of(facts) == OPEN
    assert draw_of({"draw": {"commit": OPEN.commit}}) == Draw(OPEN.commit)


def test_seconds_of_a_room_follow_its_media_time() -> None:
    assert room_second(1_800_000_000_500, 48_000 * 10) == 1_800_000_010.5


@given(spans=queues(), low=st.floats(-5, 90), high=st.floats(-5, 90), more=st.floats(0, 50))
def test_counting_people_adds_up(spans: list[Span], low: float, high: float, more: float) -> None:
    low, high = DOORS_S + min(low, high), DOORS_S + max(low, high)
    everybody = sum(span.people for span in spans)
    assert people(spans, -math.inf, math.inf) == everybody
    here = people(spans, low, high)
    assert 0 <= here <= everybody
    assert Crowd(spans).between(low, high) == pytest.approx(here, abs=1e-3)
    assert people(spans, low, high + more) == pytest.approx(
        here + people(spans, high, high + more), abs=1e-3
    )


@given(spans=queues(), start=st.floats(-5, 90), count=st.floats(0, 20_000), far=st.floats(-5, 200))
def test_serving_never_goes_back_and_passes_so_many_people(
    spans: list[Span], start: float, count: float, far: float
) -> None:
    serving, until = DOORS_S + start, DOORS_S + far
    after = advance(spans, serving, count, until)
    assert after >= serving
    assert after <= max(serving, until)
    passed = people(spans, serving, after)
    assert passed <= count + 0.1  # rounding: a second of 5,000 people in 64-bit floats
    if after < until:
        assert passed >= count - 0.1


@given(spans=queues(), most=st.integers(1, 9))
def test_merged_spans_hold_the_same_people(spans: list[Span], most: int) -> None:
    fewer = merged(spans, sum(span.people for span in spans), most)
    assert sum(span.people for span in fewer) == sum(span.people for span in spans)
    assert len(fewer) <= 2 * most
    for before, after in itertools.pairwise(fewer):
        assert before.end <= after.first
    heaviest = max((span.people for span in spans), default=0)
    fair = sum(span.people for span in spans) / most
    assert all(span.people <= max(fair, heaviest) for span in fewer)
