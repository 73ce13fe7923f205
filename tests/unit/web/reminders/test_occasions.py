"""Who is told what, and when no more."""

import msgspec
import pytest

from hustings.base.ids import RoomId
from hustings.web.reminders.model import OFF, Evening, Fates, Sending, promotion
from hustings.web.reminders.occasions import (
    FORGOTTEN_MS,
    KEPT_MS,
    OFF_MS,
    QUIET_MS,
    UNDATED_MS,
    Rules,
    forget_from_ms,
    notice_due,
    reminder_due,
    stands,
)
from hustings.web.reminders.spread import Spread

MINUTE = 60_000
START = 1_800_000_000_000
RULES = Rules(window_ms=20 * MINUTE, ahead_ms=10 * MINUTE, most=100)
PLANNED = Evening(RoomId("hall"), "scheduled", START, False, 0, 0)


def but(**fields: object) -> Evening:
    return msgspec.structs.replace(PLANNED, **fields)


def sending(**fields: object) -> Sending:
    made = Sending(
        7, PLANNED.room, "reminder", "mail", START, 0, Spread(0, 1, 2), "open", 0, 0, 0, 0, 0, None
    )
    return msgspec.structs.replace(made, **fields)


def test_a_reminder_opens_with_its_window_and_not_after_the_start() -> None:
    opens = START - 30 * MINUTE
    assert reminder_due(PLANNED, 5, opens - 1, RULES) is None
    due = reminder_due(PLANNED, 5, opens, RULES)
    assert due
    assert due.spread == Spread(opens, START - 10 * MINUTE, START)
    assert reminder_due(PLANNED, 5, START - 1, RULES) is not None
    assert reminder_due(PLANNED, 5, START, RULES) is None


@pytest.mark.parametrize(
    ("lobby_min", "closes_min"), [(0, 10), (5, 10), (10, 10), (30, 30), (720, 720)]
)
def test_all_are_reminded_before_the_doors_open_and_ten_minutes_before_the_start_at_the_latest(
    lobby_min: int, closes_min: int
) -> None:
    evening = but(lobby_ms=lobby_min * MINUTE)
    closes = START - closes_min * MINUTE
    assert reminder_due(evening, 5, closes - 20 * MINUTE - 1, RULES) is None
    due = reminder_due(evening, 5, closes - 20 * MINUTE, RULES)
    assert due
    assert due.spread == Spread(closes - 20 * MINUTE, closes, START)


@pytest.mark.parametrize(
    "evening",
    [but(start_ms=0), but(is_off=True), but(state="ended")],
    ids=["undated", "off", "over"],
)
def test_no_reminder_of(evening: Evening) -> None:
    assert reminder_due(evening, 5, START - 15 * MINUTE, RULES) is None


def test_nobody_to_tell_is_nothing_due() -> None:
    assert reminder_due(PLANNED, 0, START - 15 * MINUTE, RULES) is None
    assert notice_due(but(moved_ms=1), 0, START - 15 * MINUTE, RULES) is None


def test_a_notice_waits_until_the_change_is_two_minutes_old() -> None:
    changed = but(revision=3, moved_ms=START - 600 * MINUTE)
    assert notice_due(changed, 5, changed.moved_ms + QUIET_MS - 1, RULES) is None
    due = notice_due(changed, 5, changed.moved_ms + QUIET_MS, RULES)
    assert due
    assert (due.occasion, due.revision, due.spread.ends_ms) == ("moved", 3, START)
    assert due.spread.closes_ms - due.spread.opens_ms == 20 * MINUTE


def test_a_cancellation_is_told_until_an_hour_after_the_start_it_had() -> None:
    off = but(is_off=True, revision=1, moved_ms=START - 5 * MINUTE)
    assert off.told_ms == OFF
    due = notice_due(off, 5, START - MINUTE, RULES)
    assert due
    assert (due.occasion, due.spread.ends_ms) == ("cancelled", START + OFF_MS)
    assert notice_due(off, 5, START + OFF_MS, RULES) is None
    undated = but(is_off=True, start_ms=0, moved_ms=START)
    assert notice_due(undated, 5, START + UNDATED_MS - 1, RULES) is not None


def test_once_it_is_live_nobody_is_told_that_it_was_moved() -> None:
    assert notice_due(but(state="live"), 5, START - MINUTE, RULES) is None


def test_what_is_not_true_any_more_is_not_sent() -> None:
    assert stands(sending(), PLANNED)
    assert stands(sending(), but(state="live"))
    assert not stands(sending(), but(start_ms=START + 1))
    assert not stands(sending(), but(is_off=True))
    moved = sending(occasion="moved", revision=2)
    assert stands(moved, but(revision=2))
    assert stands(moved, but(revision=3))  # a guest, other words: the start is as it says
    assert not stands(moved, but(revision=2, start_ms=START + 1))
    assert not stands(moved, but(revision=2, is_off=True))
    assert stands(sending(occasion="cancelled", revision=2), but(revision=2, is_off=True))


def test_addresses_go_a_day_after_the_end_or_a_week_after_a_start_that_never_came() -> None:
    assert forget_from_ms(but(state="ended"), 5, 0) == 5 + KEPT_MS
    assert forget_from_ms(PLANNED, 0, 0) == START + FORGOTTEN_MS
    assert forget_from_ms(but(start_ms=0), 0, 0) == 0
    assert forget_from_ms(but(state="live"), 0, 0) == 0
    off = but(is_off=True, moved_ms=1)
    assert forget_from_ms(off, 0, 1) == START + OFF_MS + KEPT_MS


def test_the_journals_entry_adds_up() -> None:
    fates = Fates(waiting=0, sent=5, failed=2, unsure=1, first_ms=10, last_ms=20)
    body = promotion(sending(state="done", queued=8, missed=3, dropped=4), fates, left=0)
    assert (body.planned, body.sent, body.failed, body.uncertain) == (15, 5, 2, 1)
    assert (body.late, body.dropped, body.final, body.start_ms) == (3, 4, True, START)
    assert promotion(sending(queued=1), Fates(waiting=1), left=9).planned == 10
