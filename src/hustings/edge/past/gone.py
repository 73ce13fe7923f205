"""Rooms whose recording was deleted: what an edge answers from the moment it hears of it. Pure.

Called by `edge.routes`; `edge.rooms.Rooms` lets go of what it had in memory.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings.base.errors import NotFound, TryLater, UserError
from hustings.edge.http.protocol import Answer

TOMBSTONE: Final = "tombstone.json"  # below the room's own address
_HEADERS: Final = {
    "Content-Type": "application/json",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "public, max-age=3600",
}


def is_deleted(facts: Mapping[str, Any] | None) -> bool:
    """Whether nothing of this room can be heard any more."""
    return facts is not None and facts.get("deleted") is not None


def expect_kept(facts: Mapping[str, Any] | None) -> None:
    """UserError `room_deleted` (410) that says when, by whom and why."""
    if facts is not None and is_deleted(facts):
        title = "The recording of this room was deleted."
        raise UserError("room_deleted", title, status=410, deleted=facts["deleted"])


def tombstone(facts: Mapping[str, Any] | None, proof: Mapping[str, Any] | None) -> Answer:
    """`tombstone.json`. Raises NotFound `not_found`, TryLater `past_away` while it is being made."""
    if not is_deleted(facts):
        raise NotFound("not_found", "This room's recording was not deleted.")
    if proof is None:
        raise TryLater("past_away", "The stage is still at work on it.", delay_s=5)
    return Answer(200, dict(_HEADERS), msgspec.json.format(msgspec.json.encode(proof)))
