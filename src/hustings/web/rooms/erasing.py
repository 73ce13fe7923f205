"""What a host says to have a stretch of a room's past erased, or the whole of it deleted; pure."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from hustings.base.errors import UserError
from hustings.web.rooms.model import clean

REASON_CHARS: Final = 140
_SHARED: Final = re.compile(r"[?&]t=(\d{1,9})\b")
_CLOCK: Final = re.compile(r"(?:(?:(\d{1,4}):)?(\d{1,4}):)?(\d{1,9})")


class Stretch(msgspec.Struct, frozen=True):
    """As the stage wants it: seconds since the room's epoch."""

    from_s: int
    to_s: int
    reason: str


def stretch_from_form(fields: Mapping[str, str]) -> Stretch:
    """Read the form. Raises UserError `stretch_bad` or `reason_missing`."""
    reason = reason_from_form(fields)
    from_s, to_s = (second(fields.get(name, "")) for name in ("from", "to"))
    if from_s >= to_s:
        raise UserError("stretch_bad", "The end has to come after the beginning.")
    return Stretch(from_s, to_s, reason)


def reason_from_form(fields: Mapping[str, str]) -> str:
    """Why, for everybody to read. Raises UserError `reason_missing`."""
    reason = clean(fields.get("reason", ""), REASON_CHARS)
    if not reason:
        raise UserError("reason_missing", "Say in a few words why: everybody may read it.")
    return reason


def second(text: str) -> int:
    """A second of a room, as people have it: a link that shares it, 1:02:03, 62:03 or 3723."""
    if found := _SHARED.search(text):
        return int(found[1])
    if (found := _CLOCK.fullmatch(text.strip())) is None:
        raise UserError("stretch_bad", "A second is a shared link, or a time like 1:02:03.")
    hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return hours * 3_600 + minutes * 60 + seconds
