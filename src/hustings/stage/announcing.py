"""What is announced of an evening before it begins: moved, cancelled, on again after all. Pure.

Keeps true: a calendar that compares `revision` knows which of two announcements is the newer one,
whatever any clock says; what was announced before stays readable (`was_ms`); once somebody spoke
neither changes any more. `stage.room` puts the changes into the room's facts.
"""

from typing import Any, Final

import msgspec

from hustings.stage.names import clean
from hustings.wire.kinds import Room

REASON_CHARS: Final = 280
_PLANNED: Final = frozenset({"scheduled", "lobby"})
_ANNOUNCED: Final = (
    *("title", "description", "texts", "picture"),
    *("start_ms", "lobby_min", "cancelled_ms", "cancelled_why"),
)
_MOVED: Final = ("start_ms", "cancelled_ms")


def moved(facts: Room, start_ms: int) -> dict[str, Any]:
    """Another start; nothing once the room is live. Back to the one before is as if never moved."""
    if facts.state not in _PLANNED or start_ms == facts.start_ms:
        return {}
    back = facts.was_ms > 0 and start_ms == facts.was_ms
    return {"start_ms": start_ms, "was_ms": 0 if back else facts.start_ms or facts.was_ms}


def cancelled(facts: Room, *, off: bool, why: str, now_ms: int) -> dict[str, Any]:
    """Off, or on after all; nothing once the room is live.

    A lobby that is open closes with it, and a room that was open once does not become planned
    again: it has ended.
    """
    if facts.state not in _PLANNED:
        return {}
    if not off:
        return {"cancelled_ms": 0, "cancelled_why": ""}
    new = {"cancelled_ms": facts.cancelled_ms or now_ms, "cancelled_why": clean(why, REASON_CHARS)}
    return new | ({"state": "ended", "ended_ms": now_ms} if facts.state == "lobby" else {})


def announced_anew(after: Room, before: Room, now_ms: int) -> Room:
    """`after`, whose guests are others now: one number more, unless it has one or the room was live."""
    if after.state not in _PLANNED or after.revision != before.revision:
        return after
    return msgspec.structs.replace(after, revision=before.revision + 1, revised_ms=now_ms)


def revised(before: Room, after: Room, now_ms: int) -> Room:
    """`after` with the number of its announcement."""
    if _same(_ANNOUNCED, before, after):
        return after
    moved_ms = before.moved_ms if _same(_MOVED, before, after) else now_ms
    number = before.revision + 1
    return msgspec.structs.replace(after, revision=number, revised_ms=now_ms, moved_ms=moved_ms)


def _same(names: tuple[str, ...], before: Room, after: Room) -> bool:
    return all(getattr(before, name) == getattr(after, name) for name in names)
