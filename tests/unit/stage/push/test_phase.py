"""When a room is sent on, and when its keys go."""

import msgspec
import pytest

from hustings.stage.push.phase import BEGINS_MS, HOLD_S, UNPLANNED_MS, Late, phase_of
from hustings.stage.push.store import Target
from hustings.wire.kinds import Room

START_MS = 1_800_000_000_000
ROOM = Room("square", "Bridges", start_ms=START_MS)
TARGET = Target("one", "rtmp://a.example/live", "key", given_ms=START_MS - 5_000)


def at(now_ms: int, target: Target = TARGET, **facts: object) -> str:
    return phase_of(msgspec.structs.replace(ROOM, **facts), target, now_ms)


def test_it_is_sent_while_the_room_is_live_and_with_hold_in_the_lobby() -> None:
    held = msgspec.structs.replace(TARGET, hold=True)
    assert [at(START_MS, state=s) for s in ("scheduled", "lobby", "live")] == ["wait", "wait", "on"]
    assert at(START_MS, held, state="lobby") == "on"


@pytest.mark.parametrize("state", ["scheduled", "lobby", "live", "ended"])
def test_the_keys_of_a_room_that_is_off_go(state: str) -> None:
    assert at(START_MS, state=state, cancelled_ms=1) == "over"
    assert at(START_MS, state="ended") == "over"
    assert phase_of(None, TARGET, START_MS) == "over"


def test_a_room_that_never_began_is_late_a_day_after_its_start() -> None:
    assert at(START_MS + BEGINS_MS) == "wait"
    assert at(START_MS + BEGINS_MS + 1) == "late"
    assert at(START_MS + BEGINS_MS + 1, state="lobby") == "late"
    assert at(START_MS + 9 * BEGINS_MS, state="live") == "on"
    assert at(START_MS + BEGINS_MS + 1, start_ms=START_MS + 1) == "wait"  # it was moved


def test_a_key_that_is_given_late_has_its_day_too() -> None:
    late = msgspec.structs.replace(TARGET, given_ms=START_MS + 5 * BEGINS_MS)
    assert at(START_MS + 6 * BEGINS_MS, late) == "wait"
    assert at(START_MS + 6 * BEGINS_MS + 1, late) == "late"


def test_without_a_planned_start_a_key_is_kept_for_a_month() -> None:
    assert at(TARGET.given_ms + UNPLANNED_MS, start_ms=0) == "wait"
    assert at(TARGET.given_ms + UNPLANNED_MS + 1, start_ms=0) == "late"


def test_a_clock_that_jumps_for_a_moment_costs_no_key() -> None:
    late = Late()
    assert late.judged("late", 0.0) == "wait"
    assert late.judged("wait", HOLD_S - 1) == "wait"
    assert late.judged("late", HOLD_S) == "wait"
    assert late.judged("late", 2 * HOLD_S - 1) == "wait"
    assert late.judged("late", 2 * HOLD_S) == "over"
    assert late.judged("on", 2 * HOLD_S) == "on"
