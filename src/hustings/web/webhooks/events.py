"""What happened to a room, out of what the stage said before and says now; pure.

The stage's facts are the truth, so all events come from their difference: whoever changed the room
(a host's form, the stage, a policy), and also what happened while web was down, in its order.
Called by `web.webhooks.service` for each change that `web.rooms` learns.
"""

from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

import msgspec

from hustings.base.ids import is_private
from hustings.wire.kinds import Room

Event = Literal[
    "room.planned",
    "room.changed",
    "room.rescheduled",
    "room.cancelled",
    "room.revived",
    "room.live",
    "room.ended",
    "room.replay_ready",
    "room.deleted",
]
EVENTS: Final[tuple[Event, ...]] = get_args(Event)
PING: Final = "ping"  # by a button, to whoever registered

_SHOWN: Final = ("title", "description", "language", "host", "texts", "picture")


def happened(before: Room | None, after: Room) -> list[Event]:
    """The events between two facts of a room; before: None if it was not known.

    `room.replay_ready` is none of them: it comes from a file (`web.webhooks.service`).
    """
    if after.rehearsal_of or is_private(after.room):
        return []
    if after.deleted:
        return ["room.deleted"] if before and not before.deleted else []
    found: list[Event] = []
    if before is None:
        found += [] if after.state == "ended" else ["room.planned"]
    else:
        found += _changed(before, after)
    had = before or Room(after.room, "")
    if after.live_ms and not had.live_ms and not after.imported:
        found.append("room.live")
    if before and after.state == "ended" != before.state:
        found.append("room.ended")
    return found


def awaits_replay(before: Room | None, after: Room) -> bool:
    """Whether a replay of it is to come: it ended, or came from elsewhere."""
    ended = after.state == "ended" and not (before and before.state == "ended")
    kept = after.live_ms and after.keep_days != 0 and not after.deleted
    return bool(ended and kept and not after.rehearsal_of and not is_private(after.room))


def at_ms(event: str, room: Room, now_ms: int) -> int:
    """When it happened, as far as the facts say it; else when we heard of it."""
    if event == "room.deleted" and room.deleted:
        return room.deleted.at_ms
    said = {"room.live": room.live_ms, "room.ended": room.ended_ms}
    said["room.cancelled"] = room.cancelled_ms
    return said.get(event, 0) or now_ms


def body(event: str, when_ms: int, room: Room | None, listen: str = "") -> bytes:
    """The message as Standard Webhooks wants it: type, timestamp, data."""
    said: dict[str, Any] = {"type": event, "timestamp": iso(when_ms), "data": {}}
    if room is not None:
        said["data"] = {"room": room.room, "listen": listen, **_data(room, listen)}
    return msgspec.json.encode(said)


def iso(wall_ms: int) -> str | None:
    """`2026-11-30T19:00:00.000Z`; None for 0."""
    if not wall_ms:
        return None
    at = datetime.fromtimestamp(wall_ms / 1_000, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _data(room: Room, listen: str) -> dict[str, Any]:
    if room.deleted:  # what was taken away is not repeated
        deleted = room.deleted
        return {"deleted": iso(deleted.at_ms), "by": deleted.by, "reason": deleted.reason}
    return {
        "title": room.title,
        "description": room.description,
        "language": room.language,
        "host": room.host,
        "texts": msgspec.to_builtins(room.texts),
        "picture": f"{listen}/{room.picture.file}" if room.picture else None,
        "picture_alt": room.picture.alt if room.picture else "",
        "state": room.state,  # as the stage has it: `scheduled` also where it is called off
        "status": "cancelled" if room.cancelled_ms else room.state,
        "start": iso(room.start_ms),
        "start_before": iso(room.was_ms),
        "live": iso(room.live_ms),
        "ended": iso(room.ended_ms),
        "cancelled": iso(room.cancelled_ms),
        "cancelled_why": room.cancelled_why,
    }


def _changed(before: Room, after: Room) -> list[Event]:
    found: list[Event] = []
    if any(getattr(before, name) != getattr(after, name) for name in _SHOWN):
        found.append("room.changed")
    if after.cancelled_ms and not before.cancelled_ms:
        found.append("room.cancelled")
    elif (
        not after.cancelled_ms and before.cancelled_ms
    ):  # both: who wants only the second knew it so
        found += ["room.revived", "room.rescheduled"]
    elif not after.cancelled_ms and before.start_ms != after.start_ms:
        found.append("room.rescheduled")
    return found
