"""What a list of rooms asks for, and where its next page begins; pure.

A room stands in lists where it begins, after its end where it ended, and behind all others while
its start is not said. A cursor is the place of the last room that was shown: pages neither repeat
nor leave out a room that does not move, however many come and go.
"""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from hustings.base.errors import UserError
from hustings.base.ids import room_id
from hustings.web.rooms.model import NEVER_MS

CANCELLED: Final = "cancelled"  # how lists call a planned room that is off
CURSOR_CHARS: Final = 200
MONTHS: Final = 240  # on offer: twenty years
_MONTH: Final = re.compile(r"(20\d\d|19[7-9]\d)-(0[1-9]|1[0-2])")
_WallMs = Annotated[int, msgspec.Meta(ge=0, le=NEVER_MS)]


Place = tuple[int, str]  # sort_ms and name of a room: where it stands among all


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """Which rooms, in which order."""

    states: tuple[str, ...] = ()  # none: all
    from_ms: int = 0
    until_ms: int = 0  # 0: no end
    words: str = ""  # in the title or the host's name
    after: Place | None = None
    latest_first: bool = False
    limit: int


def cursor_of(sort_ms: int, room: str) -> str:
    """The place as URL-safe text."""
    return base64.urlsafe_b64encode(msgspec.json.encode([sort_ms, room])).decode().rstrip("=")


def place_of(cursor: str) -> Place | None:
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


def month_of(text: str) -> tuple[int, int]:
    """A month like 2027-09 as its first wall ms and that of the next one, UTC; (0, 0): it is none."""
    if not (found := _MONTH.fullmatch(text)):
        return 0, 0
    year, month = int(found[1]), int(found[2])
    following = (year, month + 1) if month < 12 else (year + 1, 1)
    return _first_ms(year, month), _first_ms(*following)


def months(first_ms: int, last_ms: int) -> list[tuple[str, int]]:
    """The months from one wall ms to another, latest first: as `month_of` reads them, and a ms of each."""
    if not last_ms:
        return []
    first, last = (datetime.fromtimestamp(each / 1_000, UTC) for each in (first_ms, last_ms))
    span = range(last.year * 12 + last.month - 1, first.year * 12 + first.month - 2, -1)
    named = [(each // 12, each % 12 + 1) for each in span[:MONTHS]]
    return [(f"{year:04}-{month:02}", _first_ms(year, month)) for year, month in named]


def _first_ms(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1_000)
