"""The stage's clock as an edge knows it."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.sound.timeline import MediaClock

S = 48_000


def test_nothing_is_known_at_first() -> None:
    clock = MediaClock()
    assert not clock.known
    assert clock.media_time(5.0) == 0


def test_own_time_carries_it_on() -> None:
    clock = MediaClock()
    clock.observe(100 * S, 50.0)
    assert clock.media_time(50.0) == 100 * S
    assert clock.media_time(80.0) == 130 * S


def test_late_words_barely_move_it() -> None:
    clock = MediaClock()
    clock.observe(100 * S, 0.0)
    for second in range(1, 61):
        clock.observe((100 + second) * S - S // 10, float(second))  # each heard 100 ms late
    assert 0 <= 160 * S - clock.media_time(60.0) <= 0.12 * S


def test_what_a_frozen_feed_hands_over_late_changes_nothing() -> None:
    clock = MediaClock()
    clock.observe(100 * S, 0.0)
    for second in range(1, 31):
        clock.observe((100 + second) * S, 30.0 + second / 1_000)
    assert abs(clock.media_time(31.0) - 131 * S) <= 0.1 * S


def test_a_jump_forward_is_taken_at_once_and_one_back_after_a_while() -> None:
    clock = MediaClock()
    clock.observe(100 * S, 0.0)
    clock.observe(3_700 * S, 1.0)
    assert clock.media_time(2.0) == 3_701 * S
    for second in range(2, 8):
        clock.observe((98 + second) * S, float(second))
    assert clock.media_time(7.0) == 105 * S


@given(st.lists(st.floats(0, 0.25), min_size=20, max_size=200))
def test_it_stays_within_the_jitter(delays: list[float]) -> None:
    clock = MediaClock()
    for second, delay in enumerate(delays):
        clock.observe(second * S, second + delay)
        error = (second + delay) * S - clock.media_time(second + delay)
        assert -2 <= error <= 0.25 * S + 2
