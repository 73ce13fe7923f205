"""Which parts a press or a request takes back, and what the public list says of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.stage.erasing import LISTED, Stretch, asked, listed, pressed
from hustings.stage.mix.delay import DELAYS_S, delay_ticks
from hustings.wire.kinds import Erased, Room
from hustings.wire.names import PART_TICKS


@given(st.sampled_from(DELAYS_S), st.integers(0, 100_000))
def test_a_press_takes_back_all_of_the_last_ten_seconds_and_nothing_that_is_said_later(
    delay_s: int, tick: int
) -> None:
    delay = delay_ticks(delay_s)
    next_part = tick // PART_TICKS
    taken = pressed(tick, delay=delay, next_part=next_part)
    for spoken in range(max(0, tick - 500), tick):
        assert taken.first <= (spoken + delay) // PART_TICKS <= taken.last
    # No part that begins after the last spoken word has aired is lost.
    assert (taken.last + 1) * PART_TICKS - (tick + delay) < PART_TICKS
    assert taken.first <= next_part  # no hole before it
    assert tick + delay - taken.first * PART_TICKS <= max(500, delay) + 2 * PART_TICKS


def test_seven_seconds_of_delay_leave_three_aired_ones_to_take_back() -> None:
    delay = delay_ticks(7)
    taken = pressed(10_000, delay=delay, next_part=625)
    assert (625 - taken.first) * 0.32 == pytest.approx(10 - delay / 50, abs=0.32)


@given(st.floats(0, 1e12), st.floats(0, 1e12), st.integers(0, 50_000))
def test_a_request_takes_back_whole_parts_that_exist(a: float, b: float, next_part: int) -> None:
    if a >= b or math.floor(min(a, 1e11) / 0.32) >= next_part:
        with pytest.raises(UserError):
            asked(a, b, next_part=next_part)
        return
    taken = asked(a, b, next_part=next_part)
    assert 0 <= taken.first <= taken.last < next_part
    assert taken.first * 0.32 <= a * (1 + 1e-9) + 1e-6


@pytest.mark.parametrize(
    ("a", "b"), [(5, 5), (6, 5), (-1, 5), ("1", 2), (None, 2), (float("nan"), 2), (400, 500)]
)
def test_no_such_stretch(a: object, b: object) -> None:
    with pytest.raises(UserError, match="aired"):
        asked(a, b, next_part=1_000)


def test_the_list_is_bounded_and_a_double_press_is_one_stretch() -> None:
    room = Room("r", "R")
    one = listed(room, Stretch(100, 131), reason="", at_ms=1)
    room = Room("r", "R", erased=one)
    two = listed(room, Stretch(103, 134), reason="", at_ms=2)
    assert two == [Erased(100, 134, 2)]
    assert listed(room, Stretch(103, 134), reason="A name", at_ms=2)[1:] == [
        Erased(103, 134, 2, "A name")
    ]
    assert len(listed(room, Stretch(900, 901), reason="", at_ms=3)) == 2
    for n in range(100):
        room = Room("r", "R", erased=listed(room, Stretch(200 * n, 200 * n), reason="", at_ms=n))
    assert [each.at_ms for each in room.erased] == list(range(100 - LISTED, 100))
