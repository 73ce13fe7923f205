"""SQL of the house's rules; called inside a transaction of `store.Database`."""

from collections.abc import Mapping, Sequence

from sqlalchemy import delete, insert, select
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
    """Some of the rooms that are on or to come and have the house's rules, behind this address."""
    query = (
        select(rooms)
        .where(
            rooms.c.room > after,
            rooms.c.state.in_(("scheduled", "lobby", "live", CANCELLED)),
            rooms.c.sort_ms >= from_ms,
            ~rooms.c.rules_alone,
        )
        .order_by(rooms.c.room)
        .limit(BATCH)
    )
    return [room_of(row) for row in await connection.execute(query)]
