"""Identifiers as distinct types, how they are made, and which strings are accepted.

All are URL-safe lower-case words, so they stand in paths, file names and logs as they are.
"""

import re
import secrets
from typing import Final, NewType

from hustings.base.errors import UserError

RoomId = NewType("RoomId", str)
ParticipantId = NewType("ParticipantId", str)

_ROOM: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_PRIVATE: Final = re.compile(r"(?:rehearsal|soundcheck)-[a-z2-9]{26}")
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without look-alikes i l o 0 1


def room_id(text: str) -> RoomId:
    """Accept a room's name: 1-64 of a-z, 0-9 and inner hyphens, or raise `room_name`."""
    if not _ROOM.fullmatch(text):
        raise UserError(
            "room_name",
            "A room's address is 1 to 64 of a-z, 0-9 and hyphens inside.",
            given=text[:80],
        )
    return RoomId(text)


def private_id(kind: str) -> RoomId:
    """The name of a room that only those know who were told: 26 letters carry 128 bits.

    kind: rehearsal or soundcheck.
    """
    return RoomId(f"{kind}-{new_id(26)}")


def is_private(room: str) -> bool:
    """Whether a room is one that no list names, and of which nothing stays."""
    return _PRIVATE.fullmatch(room) is not None


def names_private(text: str) -> bool:
    """Whether a private room's name is anywhere in this."""
    return _PRIVATE.search(text) is not None


def without_private(text: str) -> str:
    """The same text with private rooms' names cut short: whoever knows one may listen."""
    return _PRIVATE.sub(lambda name: f"{name[0].partition('-')[0]}-…", text)


def new_id(length: int = 10) -> str:
    """A random word; 10 letters carry 49 bits, enough for names that are not secrets."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def new_secret() -> str:
    """A random secret of 192 bits in 32 URL-safe letters."""
    return secrets.token_urlsafe(24)
