"""A room's title and description in the language of whoever reads them. Pure.

Keeps true: a room says everything in the language that is spoken there; what it says in others
beside that is never mixed with it: title and description are both of one language.
"""

from typing import Final

import msgspec

from hustings.wire.kinds import Room

TEXTS: Final = 8  # languages beside the one that is spoken


def worded(room: Room, language: str) -> bool:
    """Whether the room has words of its own for readers of this language."""
    return language != room.language and language in room.texts


def told_in(room: Room, language: str) -> Room:
    """The room with the title and the description that such a reader gets."""
    if not worded(room, language):
        return room
    words = room.texts[language]
    return msgspec.structs.replace(room, title=words.title, description=words.description)
