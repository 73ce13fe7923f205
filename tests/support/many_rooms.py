"""A house with very many rooms, as the stage would have told of them: a few on, some to come, most past."""

import msgspec
from sqlalchemy import insert

from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.store.schema import metadata, rooms
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.web.rooms.queries import _facts
from hustings.wire.kinds import Room

HOUR_MS = 3_600_000


def facts_of(number: int, now_ms: int) -> Room:
    """Room `number`: of ten, one is to come; of a thousand one is live and one cancelled."""
    name, title = f"room-{number}", f"Évening {number}: who runs the harbour?"
    told = Room(name, title, description="About the harbour. " * 20, host=f"Host {number % 97}")
    if number % 1_000 == 1:
        return msgspec.structs.replace(told, state="live", start_ms=now_ms)
    if number % 1_000 == 2:
        return msgspec.structs.replace(told, cancelled_ms=1, start_ms=now_ms + number * HOUR_MS)
    if number % 10 == 0:
        return msgspec.structs.replace(told, start_ms=now_ms + number * HOUR_MS)
    ended_ms = now_ms - number * HOUR_MS
    return msgspec.structs.replace(told, state="ended", start_ms=ended_ms, ended_ms=ended_ms)


async def fill(database: Database, count: int, now_ms: int) -> None:
    """Write so many rooms; whatever else was there goes."""
    values = []
    for number in range(count):
        facts = facts_of(number, now_ms)
        wish = Wish(facts.title, facts.description, host=facts.host, start_ms=facts.start_ms)
        planned = PlannedRoom(RoomId(facts.room), wish, made_here=True, created_ms=1)
        row = {**msgspec.structs.asdict(wish), "room": planned.room, "made_here": True}
        values.append({**row, "created_ms": 1, "changed_ms": 1, **_facts(facts)})
    async with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(table.delete())
        for at in range(0, count, 500):
            await connection.execute(insert(rooms), values[at : at + 500])
