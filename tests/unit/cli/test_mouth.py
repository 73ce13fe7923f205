"""`cli.mouth`: when `say` speaks what."""

import numpy as np

from hustings.base.clock import ManualClock
from hustings.cli.mouth import LATEST_S, TICK_S, Beeper, Mouth, file_in_step, file_speech
from hustings.media.beep import BeepReader
from hustings.media.pcm import Pcm


def numbered(count: int) -> list[Pcm]:
    return [np.full(960, n, dtype=np.float32) for n in range(count)]


def test_an_hour_takes_an_hour_however_late_each_block_was() -> None:
    mouth = Mouth(lambda _: np.zeros(960, dtype=np.float32), 100.0)
    now = 100.0
    for n in range(180_000):
        now = max(now, mouth.due_s) + (0.013 if n % 7 == 0 else 0.0)
        assert mouth.next(now) is not None
    assert mouth.due_s == 100.0 + 180_001 * TICK_S
    assert now < 100.0 + 3_600.02
    assert mouth.skipped == 0


def test_after_a_stop_the_mouth_goes_on_in_the_present() -> None:
    blocks = iter(numbered(200))
    mouth = Mouth(lambda _: next(blocks, None), 0.0)
    assert mouth.next(0.02)[0] == 0  # type: ignore[index]
    late = mouth.next(2.0)  # the process was stopped
    assert mouth.skipped > 80
    assert late is not None
    assert abs(late[0] - (2.0 - LATEST_S) / TICK_S) < 2
    assert mouth.latest_s > 1.9


def test_a_file_ends_once_or_begins_again() -> None:
    once = file_speech(lambda: iter(numbered(2)), loop=False)
    assert [once(0.0) is None for _ in range(4)] == [False, False, True, True]
    again = file_speech(lambda: iter(numbered(2)), loop=True)
    assert [int(again(0.0)[0]) for _ in range(5)] == [0, 1, 0, 1, 0]  # type: ignore[index]


def test_beeps_keep_to_the_wall_clock_even_when_it_is_slowly_set() -> None:
    clock = ManualClock(wall_ms=1_800_000_000_300)
    beeper, reader, found = Beeper(clock), BeepReader(), []
    begin_s = clock.monotonic()
    wall = [clock.wall_ms() / 1_000]
    for _ in range(10 * 50):
        clock.advance(TICK_S)
        clock.step_wall(0.000_05)  # 2,500 ppm: far more than NTP's slewing
        found += reader.feed(beeper(begin_s))
        begin_s += TICK_S
        wall.append(clock.wall_ms() / 1_000)
    assert [beep.code for beep in found] == [n % 16 for n in range(1_800_000_001, 1_800_000_011)]
    for beep in found:
        at = wall[int(beep.onset // 960)] + beep.onset % 960 / 48_000
        assert abs((at + 0.5) % 1 - 0.5) < 0.008


def test_a_late_call_does_not_move_the_beep() -> None:
    clock = ManualClock(wall_ms=1_800_000_000_600)
    beeper, reader, found = Beeper(clock), BeepReader(), []
    begin_s = clock.monotonic()
    for n in range(3 * 50):
        clock.advance(TICK_S + (0.015 if n % 3 == 1 else -0.015 if n % 3 == 2 else 0.0))
        found += reader.feed(beeper(begin_s))
        begin_s += TICK_S
    assert all(abs(beep.onset - 19_200 - n * 48_000) < 100 for n, beep in enumerate(found))
    assert len(found) == 3


def test_two_that_start_apart_are_at_the_same_place() -> None:
    clock = ManualClock(wall_ms=1_800_000_000_007)
    blocks = numbered(50)
    first, second = file_in_step(blocks, clock), file_in_step(blocks, clock)
    begin = clock.monotonic()
    said = [first(begin + n * TICK_S)[0] for n in range(130)]
    assert said[:50] == said[50:100]
    assert second(begin + 70 * TICK_S)[0] == said[70]


def test_it_goes_on_block_by_block_when_the_clock_is_set() -> None:
    clock = ManualClock()
    speak = file_in_step(numbered(50), clock)
    first = speak(clock.monotonic())[0]
    clock.step_wall(7.3)
    assert speak(clock.monotonic() + TICK_S)[0] == (first + 1) % 50


def test_an_empty_file_says_nothing() -> None:
    assert file_in_step([], ManualClock())(0.0) is None
