"""Pictures of rooms as they travel: small JPEGs, named by what is in them. Pure.

Keeps true: a picture's name is its hash, so whoever has one can check it, and it never changes; no
larger one is taken anywhere. Made by web (`media.pictures`), kept by the stage, served by edges.
"""

import hashlib
import re
from typing import Final

from hustings.base.errors import UserError
from hustings.wire.kinds import Guest, Room

PICTURE_BYTES: Final = 50_000  # of one: what a phone loads while the sound has begun already
PICTURE_FILE: Final = re.compile(
    r"(?:picture|guest)\.([0-9a-f]{32})\.jpg"
)  # below a room's address
DIGEST: Final = re.compile(r"[0-9a-f]{32}")
ALT_CHARS: Final = 300
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length


def digest(jpeg: bytes) -> str:
    """A picture's name: the first 32 hex digits of its SHA-256."""
    return hashlib.sha256(jpeg).hexdigest()[:32]


def picture_url(edge: str, room: Room) -> str:
    """Where everybody gets the room's picture; empty: it has none. edge: base URL."""
    return f"{edge}/r/{room.room}/{room.picture.file}" if room.picture else ""


def guest_url(edge: str, room: str, guest: Guest) -> str:
    """Where everybody gets a guest's picture; empty: none is shown. edge: base URL."""
    return f"{edge}/r/{room}/{guest.file}" if guest.picture else ""


def only_guest(room: Room) -> Guest | None:
    """The one announced guest with a picture, if there is exactly one: who stands for the evening.

    The same rule for all evenings and all guests; hosts cannot choose whom a notice shows.
    """
    pictured = [each for each in room.guests if each.picture]
    return pictured[0] if len(pictured) == 1 else None


def shown(room: Room) -> frozenset[str]:
    """Names of all pictures that the room's facts show."""
    guests = {each.picture for each in room.guests if each.picture}
    return frozenset(guests | ({room.picture.hash} if room.picture else set()))


def expect_small_jpeg(data: bytes) -> tuple[int, int]:
    """Width and height of a picture that may travel. Raises UserError `picture_bad`."""
    size = jpeg_size(data) if len(data) <= PICTURE_BYTES and data[-2:] == b"\xff\xd9" else None
    if size is None:
        raise UserError("picture_bad", f"A picture is a JPEG of at most {PICTURE_BYTES:,} bytes.")
    return size


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as a JPEG's frame header says them; None: there is none. Decodes nothing."""
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _ALONE:
            at += 2
        elif marker in _START_OF_FRAME:
            height, width = (int.from_bytes(data[at + i : at + i + 2]) for i in (5, 7))
            return (width, height) if width and height else None
        else:
            length = int.from_bytes(data[at + 2 : at + 4])
            if marker == 0xDA or length < 2:  # a scan before any frame
                return None
            at += 2 + length
    return None
