"""`cli.listening`: the page's player as a model, in virtual time."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.cli.listening import Drift, Ear, percentile
from hustings.wire.names import PART_SAMPLES, PART_SECONDS, SAMPLE_RATE

START = 90_000 * PART_SAMPLES
P = PART_SECONDS


def feed(
    ear: Ear, numbers: range, *, first_s: float = 0.0, late: dict[int, float] | None = None
) -> float:
    """Part n comes when it is complete, n - first parts after `first_s`; returns the last time."""
    now = first_s
    for n in numbers:
        now = max(now, first_s + (n - numbers.start) * P + (late or {}).get(n, 0.0))
        ear.arrive(START + n * PART_SAMPLES, START + (n + 1) * PART_SAMPLES, now)
    return now


def test_a_smooth_stream_is_heard_whole_at_the_target() -> None:
    ear = Ear()
    ear.arrive(START, START + 2 * PART_SAMPLES, 10.0)  # the backlog, at once
    assert ear.started_s == 10.0
    assert ear.ahead_s == pytest.approx(0.47)
    end = feed(ear, range(2, 200), first_s=10.0 + P)
    assert (ear.lost, ear.absent_s, ear.stalls) == (0.0, 0.0, 0)
    assert ear.ahead_s == pytest.approx(ear.target_s, abs=0.06)
    assert ear.played == pytest.approx((end - 10.0) * SAMPLE_RATE, rel=0.001)


def test_one_part_alone_is_too_little_to_begin() -> None:
    ear = Ear()
    ear.arrive(START, START + PART_SAMPLES, 0.0)
    assert ear.position is None
    ear.advance(5.0)
    assert (ear.played, ear.absent_s) == (0.0, 0.0)


def test_a_cut_line_is_silence_but_no_loss() -> None:
    ear = Ear()
    feed(ear, range(100))
    back = 100 * P + 3.0
    ear.arrive(START + 100 * PART_SAMPLES, START + 110 * PART_SAMPLES, back)  # resumed by number
    feed(ear, range(110, 500), first_s=111 * P)
    assert ear.lost == 0.0
    assert ear.stalls == 1
    assert ear.absent_s == pytest.approx(3.0 + P - 0.47, abs=0.05)
    assert ear.ahead_s < 1.0  # caught up


def test_a_hole_is_lost_and_jumped_over() -> None:
    ear = Ear()
    feed(ear, range(50))
    feed(ear, range(53, 100), first_s=53 * P)
    ear.advance(101 * P)
    assert ear.lost == pytest.approx(3 * PART_SAMPLES)
    assert ear.absent_s > 0


def test_too_far_behind_it_jumps_and_says_what_was_lost() -> None:
    ear = Ear()
    feed(ear, range(10))
    ear.arrive(START + 10 * PART_SAMPLES, START + 300 * PART_SAMPLES, 10 * P)
    assert ear.lost > 80 * SAMPLE_RATE
    assert ear.ahead_s == pytest.approx(ear.target_s)


def test_a_rough_line_gets_a_longer_target() -> None:
    ear = Ear()
    feed(ear, range(20))
    calm = ear.target_s
    for n in range(20, 60, 4):  # four parts joined
        ear.arrive(START + n * PART_SAMPLES, START + (n + 4) * PART_SAMPLES, (n + 4) * P)
    assert calm == pytest.approx(P + 0.15)
    assert ear.target_s == pytest.approx(4 * P + 0.15)


def test_hold_is_counted_when_it_is_heard() -> None:
    ear = Ear()
    ear.arrive(START, START + 10 * PART_SAMPLES, 0.0)
    ear.arrive(START + 10 * PART_SAMPLES, START + 12 * PART_SAMPLES, 0.0, hold=True)
    assert ear.hold == 0.0
    ear.advance(20.0)
    assert ear.hold == pytest.approx(2 * PART_SAMPLES)


def test_a_mark_tells_when_its_sample_was_heard() -> None:
    ear = Ear()
    ear.arrive(START, START + 2 * PART_SAMPLES, 5.0)
    position = ear.position
    assert position is not None
    ear.mark(position + SAMPLE_RATE // 4, 7)
    ear.advance(5.2)
    assert ear.passed == []
    ear.advance(5.4)
    [(tag, at_s)] = ear.passed
    assert tag == 7
    assert at_s == pytest.approx(5.25, abs=0.03)  # it may play a little faster


def test_an_hls_player_keeps_what_the_playlist_says() -> None:
    ear = Ear(target_s=0.96)
    ear.arrive(START, START + 3 * PART_SAMPLES, P)
    for n in range(3, 30):
        ear.arrive(START + n * PART_SAMPLES, START + (n + 1) * PART_SAMPLES, (n - 1) * P)
        assert ear.ahead_s == pytest.approx(0.96, abs=0.02)


@given(st.lists(st.tuples(st.integers(1, 4), st.floats(0, 1.5), st.integers(0, 2)), max_size=60))
def test_what_came_is_played_lost_or_waits(line: list[tuple[int, float, int]]) -> None:
    ear, now, n = Ear(), 0.0, 0
    first: float | None = None
    for parts, pause, gap in line:
        now += pause
        n += gap
        ear.arrive(START + n * PART_SAMPLES, START + (n + parts) * PART_SAMPLES, now)
        n += parts
        if first is None and ear.position is not None:
            first = ear.position
    if first is None or ear.position is None:
        assert ear.played == 0
        return
    assert ear.position - first == pytest.approx(ear.played + ear.lost, abs=1)
    started = ear.started_s or 0.0
    assert now - started >= ear.absent_s - 1e-9
    assert ear.played <= (now - started - ear.absent_s) * 1.1 * SAMPLE_RATE + 1
    assert ear.ahead_s >= 0


@pytest.mark.parametrize("ppm", [-80.0, 0.0, 45.0])
def test_drift_is_found_through_late_parts(ppm: float) -> None:
    drift = Drift()
    lateness = itertools.cycle([0.0, 0.02, 0.3, 0.001, 0.08, 0.0, 1.2])
    for n in range(2_000):
        made_s = n * P / (1 + ppm / 1e6)
        drift.add((n + 1) * PART_SAMPLES, made_s + next(lateness))
    found = drift.result()
    assert found is not None
    assert found[1] == pytest.approx(ppm, abs=2)
    assert found[0] == pytest.approx(2_000 * P * ppm / 1e3, abs=2)


def test_a_short_look_says_nothing_of_drift() -> None:
    drift = Drift()
    for n in range(20):
        drift.add(n * PART_SAMPLES, n * P)
    assert drift.result() is None


def test_percentile_is_the_nearest_rank() -> None:
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 0.95) == 95.0
    assert percentile([4.0], 0.95) == 4.0
