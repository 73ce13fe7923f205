"""SQL of the house's rules; called inside a transaction of `store.Database`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import and_, delete, insert, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.store.schema import house_rules, rooms
from hustings.web.rooms.lists import CANCELLED
from hustings.web.rooms.model import PlannedRoom
from hustings.web.rooms.queries import room_of

BATCH = 50  # rooms in one transaction: others may write in between


async def written(connection: AsyncConnection) -> dict[str, str]:
    """What the owners wrote, by language."""
    found = await connection.execute(select(house_rules).order_by(house_rules.c.language))
    return {row.language: row.text for row in found}


async def write(connection: AsyncConnection, texts: Mapping[str, str]) -> None:
    """These, and no others; empty ones are not kept."""
    await connection.execute(delete(house_rules))
    kept = [{"language": each, "text": text} for each, text in texts.items() if text]
    if kept:
        await connection.execute(insert(house_rules), kept)


async def next_rooms(
    connection: AsyncConnection, after: str, from_ms: int
) -> Sequence[PlannedRoom]:
    """Some of the rooms with the house's rules that are on or begin later, behind this address."""
    is_on = rooms.c.state.in_(("lobby", "live"))  # however long ago they began
    is_to_come = and_(rooms.c.state.in_(("scheduled", CANCELLED)), rooms.c.sort_ms >= from_ms)
    query = (
        select(rooms)
        .where(rooms.c.room > after, or_(is_on, is_to_come), ~rooms.c.rules_alone)
        .order_by(rooms.c.room)
        .limit(BATCH)
        .with_for_update()  # PostgreSQL: a change of its own rules waits, or is seen here
    )
    return [room_of(row) for row in await connection.execute(query)]
