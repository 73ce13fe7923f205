"""What is due of an evening: a reminder before it, a notice when it was moved or cancelled; pure.

Keeps true: one policy for all evenings and all who asked. Nobody is told what they know (`told_ms` of
a subscription): who subscribed after a change gets no notice of it, nor does anybody of a change
that was taken back before it was told.
"""

from typing import Final

import msgspec

from hustings.settings import ReminderSettings
from hustings.web.reminders.model import Evening, Occasion, Sending
from hustings.web.reminders.spread import Spread, after, before

QUIET_MS: Final = 120_000  # after a change: hosts often mend it at once
OFF_MS: Final = 3_600_000  # so long after its start it is still worth saying that it is off
UNDATED_MS: Final = 86_400_000  # ... of an evening whose start nobody said
HORIZON_MS: Final = 86_400_000  # earlier than that before a start nothing is counted
KEPT_MS: Final = 86_400_000  # addresses, after the end or the cancellation
FORGOTTEN_MS: Final = 7 * 86_400_000  # ... after the start of an evening that never began


class Rules(msgspec.Struct, frozen=True):
    """The house's settings, in their units here."""

    window_ms: int
    ahead_ms: int
    most: float  # a second and channel


def rules_from_settings(settings: ReminderSettings) -> Rules:
    """Minutes to milliseconds."""
    return Rules(
        window_ms=int(settings.minutes * 60_000),
        ahead_ms=int(settings.ahead_min * 60_000),
        most=settings.per_s,
    )


class Due(msgspec.Struct, frozen=True):
    """A sending that may open now."""

    occasion: Occasion
    revision: int
    spread: Spread


def reminder_due(evening: Evening, count: int, now_ms: int, rules: Rules) -> Due | None:
    """The reminder, from when its window opens until the start. count: who would get one.

    The window closes when the lobby opens, `ahead_ms` before the start at the latest: who comes by
    the reminder meets no crowd that all came by it.
    """
    if not count or not reminds(evening) or now_ms >= evening.start_ms:
        return None
    spread = before(
        evening.start_ms,
        count,
        window_ms=rules.window_ms,
        ahead_ms=max(rules.ahead_ms, evening.lobby_ms),
        most=rules.most,
    )
    return Due("reminder", 0, spread) if now_ms >= spread.opens_ms else None


def notice_due(evening: Evening, count: int, now_ms: int, rules: Rules) -> Due | None:
    """The notice of a change, once it is two minutes old. count: who does not know of it yet."""
    ends_ms = notice_ends_ms(evening)
    if not count or now_ms < evening.moved_ms + QUIET_MS or now_ms >= ends_ms:
        return None
    spread = after(now_ms, ends_ms, count, window_ms=rules.window_ms, most=rules.most)
    return Due("cancelled" if evening.is_off else "moved", evening.revision, spread)


def reminds(evening: Evening) -> bool:
    """Whether anybody is reminded of it."""
    coming = not evening.is_off and not evening.is_gone and evening.state != "ended"
    return evening.start_ms > 0 and coming


def notice_ends_ms(evening: Evening) -> int:
    """Until when its last change is worth a notice; 0: it is worth none."""
    if evening.is_gone:
        return 0
    if not evening.is_off:
        return evening.start_ms if evening.state in {"scheduled", "lobby"} else 0
    if evening.start_ms:
        return max(evening.start_ms, evening.moved_ms) + OFF_MS
    return evening.moved_ms + UNDATED_MS


def stands(sending: Sending, evening: Evening) -> bool:
    """Whether what it says is still true: of start and cancellation, whatever else is announced anew."""
    if sending.occasion == "reminder":
        return reminds(evening) and evening.start_ms == sending.start_ms
    if evening.is_gone or (sending.occasion == "cancelled") != evening.is_off:
        return False
    return evening.is_off or sending.start_ms == evening.start_ms


def forget_from_ms(evening: Evening, ended_ms: int, cancelled_ms: int) -> int:
    """When the addresses of its subscribers are deleted; 0: not yet known."""
    if ended_ms:
        return ended_ms + KEPT_MS
    if evening.is_off:
        return max(cancelled_ms, notice_ends_ms(evening)) + KEPT_MS
    if evening.start_ms and evening.state in {"scheduled", "lobby"}:
        return evening.start_ms + FORGOTTEN_MS
    return 0
