"""What a list of rooms asks for, and where its next page begins; pure.

A room stands in lists where it begins, after its end where it ended, and behind all others while
its start is not said. A cursor is the place of the last room that was shown: pages neither repeat
nor leave out a room that does not move, however many come and go.
"""

import base64
import binascii
from typing import Annotated, Final

import msgspec

from hustings.base.errors import UserError
from hustings.base.ids import room_id
from hustings.web.rooms.model import NEVER_MS

CANCELLED: Final = "cancelled"  # how lists call a planned room that is off
STATES: Final = ("scheduled", "lobby", "live", "ended", CANCELLED)
CURSOR_CHARS: Final = 200
_WallMs = Annotated[int, msgspec.Meta(ge=0, le=NEVER_MS)]


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which rooms, in which order."""

    states: tuple[str, ...] = ()  # none: all
    from_ms: int = 0
    until_ms: int = 0  # 0: no end
    words: str = ""  # in the title or the host's name
    after: tuple[int, str] | None = None
    latest_first: bool = False
    limit: int


def cursor_of(sort_ms: int, room: str) -> str:
    """The place as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort_ms, room])).decode().rstrip("=")


def place_of(cursor: str) -> tuple[int, str] | None:
    """The place behind which a page begins; None: at the start. Raises UserError `cursor_bad`."""
    if not cursor:
        return None
    try:
        padded = cursor[:CURSOR_CHARS] + "=" * (-len(cursor[:CURSOR_CHARS]) % 4)
        said = base64.urlsafe_b64decode(padded)
        sort_ms, room = msgspec.json.decode(said, type=tuple[_WallMs, str])
        return sort_ms, room_id(room)
    except (binascii.Error, ValueError, msgspec.MsgspecError, UserError):
        raise UserError("cursor_bad", "This is no `next` of a page here.") from None
