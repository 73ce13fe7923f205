"""What is held back comes out once, in order, so much later; what is dropped never does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.stage.mix.delay import DELAYS_S, DelayLine, chosen_delay, delay_ticks
from hustings.wire.names import PART_TICKS, TICK_SAMPLES


def tick(number: int):
    return np.full(TICK_SAMPLES, number, dtype=np.float32)


def numbers(line: DelayLine, spoken) -> list[int | None]:
    given_out = [line.tick(None if n is None else tick(n)) for n in spoken]
    return [None if pcm is None else int(pcm[0]) for pcm in given_out]


@pytest.mark.parametrize("seconds", DELAYS_S)
def test_a_delay_is_whole_parts_and_never_shorter_than_asked(seconds: int) -> None:
    ticks = delay_ticks(seconds)
    assert ticks % PART_TICKS == 0
    assert 0 <= ticks / 50 - seconds < 0.32


@given(st.integers(0, 30), st.integers(0, 80))
def test_each_tick_comes_out_once_and_so_much_later(length: int, count: int) -> None:
    line = DelayLine()
    line.resize(length)
    out = numbers(line, range(count))
    assert out == [n - length if n >= length else None for n in range(count)]
    assert numbers(line, [None] * (length + 1)) == [
        *range(max(0, count - length), count),
        *[None] * (length + 1 - min(count, length)),
    ]


def test_what_was_dropped_never_comes_and_the_line_fills_anew() -> None:
    line = DelayLine()
    line.resize(3)
    assert numbers(line, [1, 2, 3, 4]) == [None, None, None, 1]
    line.clear()
    assert not line.full
    assert numbers(line, [5, 6, 7, 8]) == [None, None, None, 5]


def test_a_shorter_delay_leaves_out_the_oldest_and_a_longer_one_waits() -> None:
    line = DelayLine()
    line.resize(4)
    numbers(line, [1, 2, 3, 4])
    line.resize(2)
    assert numbers(line, [5]) == [3]
    line.resize(3)
    assert numbers(line, [6, 7]) == [None, 4]


@pytest.mark.parametrize("wish", [1, 2, 8, -3, True, 5.0, "5", None])
def test_other_delays_are_refused(wish: object) -> None:
    with pytest.raises(UserError) as refused:
        chosen_delay(wish)
    assert refused.value.code == "delay_bad"
