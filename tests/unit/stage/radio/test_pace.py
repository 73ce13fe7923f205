"""When a studio's sound is due: bursts, stalls and slow clocks, in made-up time."""

from itertools import pairwise

import pytest

from hustings.stage.radio.pace import AHEAD_S, BLOCK_S, LATE_S, Pace


def test_sound_that_comes_all_at_once_is_heard_at_its_own_speed():
    pace = Pace()
    due = [pace.due_s(100.0, more=True) for _ in range(200)]
    assert due == pytest.approx([100.0 + AHEAD_S + n * BLOCK_S for n in range(200)])
    assert (pace.dropped, pace.pauses) == (0, 0)


def test_after_a_stall_only_what_is_late_is_left_out():
    pace = Pace()
    for n in range(50):
        pace.due_s(n * BLOCK_S, more=False)
    back_s = 50 * BLOCK_S + 4.0
    burst = [pace.due_s(back_s, more=True) for _ in range(200)]
    heard = [due for due in burst if due is not None]
    assert pace.dropped == len(burst) - len(heard)
    assert heard[0] >= back_s - LATE_S
    assert pace.dropped * BLOCK_S == pytest.approx(4.0 - AHEAD_S - LATE_S, abs=2 * BLOCK_S)


def test_a_studio_whose_clock_is_slow_pauses_once_in_a_long_while_and_loses_nothing():
    pace = Pace()
    slow = BLOCK_S * 1.001  # a thousandth: far worse than any crystal
    due = [pace.due_s(n * slow, more=False) for n in range(60_000)]  # twenty minutes
    assert None not in due
    assert pace.dropped == 0
    assert 1 <= pace.pauses <= 3
    assert all(later > before for before, later in pairwise(due))
