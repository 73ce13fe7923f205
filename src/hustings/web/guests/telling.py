"""Of the guests whom the stage names, those who agree to it now: what web itself shows and passes on.

Keeps true: an answer of the stage that was under way while somebody took their word back brings
nobody back; and where web knows of no such guest, it names none.
"""

from collections.abc import Sequence

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.web.guests import queries
from hustings.wire.kinds import Room


async def agreed(connection: AsyncConnection, facts: Sequence[Room]) -> list[Room]:
    """The same rooms, in order, each with those of its guests who agree; asked in one query or none."""
    named = [each.room for each in facts if each.guests]
    pictures = {
        each.guest: each.shown
        for each in await queries.of_rooms(connection, named)
        if each.announced
    }
    return [_with(each, pictures) if each.guests else each for each in facts]


def _with(room: Room, pictures: dict[str, str]) -> Room:
    """pictures: of the guests who are announced; "" for one whose picture is not shown."""
    left = [g for g in room.guests if g.id in pictures and g.picture in {"", pictures[g.id]}]
    return room if left == room.guests else msgspec.structs.replace(room, guests=left)
