"""SQL of guests; called inside a transaction of `store.Database`."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId, new_id
from hustings.store.schema import guests, rooms
from hustings.web.guests.model import Answer, Guest
from hustings.web.rooms.lists import CANCELLED
from hustings.web.rooms.model import NEVER_MS
from hustings.wire.kinds import Room

_NAMES: Final = 500  # in one query
_COLUMNS: Final = [column for column in guests.c if column.name != "jpeg"]


def _guest(row: Any) -> Guest:
    fields = {name: getattr(row, name) for name in Guest.__struct_fields__}
    return Guest(**fields | {"answers": msgspec.json.decode(row.answers, type=list[Answer])})


def _row(guest: Guest) -> dict[str, Any]:
    return msgspec.structs.asdict(guest) | {"answers": msgspec.json.encode(guest.answers)}


async def of_room(connection: AsyncConnection, room: RoomId) -> list[Guest]:
    """All of an evening, in the hosts' order."""
    query = select(*_COLUMNS).where(guests.c.room == room)
    rows = await connection.execute(query.order_by(guests.c.place, guests.c.guest))
    return [_guest(row) for row in rows]


async def of_rooms(connection: AsyncConnection, names: Sequence[str]) -> list[Guest]:
    """All of these evenings."""
    found: list[Guest] = []
    for at in range(0, len(names), _NAMES):
        query = select(*_COLUMNS).where(guests.c.room.in_(names[at : at + _NAMES]))
        found += [_guest(row) for row in await connection.execute(query)]
    return found


async def named(connection: AsyncConnection, room: RoomId, guest: str) -> Guest | None:
    """One of them."""
    query = select(*_COLUMNS).where(guests.c.room == room, guests.c.guest == guest)
    row = (await connection.execute(query)).one_or_none()
    return _guest(row) if row else None


async def jpeg(connection: AsyncConnection, guest: str) -> bytes:
    """The picture they gave; empty: none."""
    query = select(guests.c.jpeg).where(guests.c.guest == guest)
    return bytes((await connection.execute(query)).scalar_one_or_none() or b"")


async def add(connection: AsyncConnection, guest: Guest) -> None:
    """One more."""
    await connection.execute(insert(guests).values(**_row(guest), jpeg=b""))


async def change(connection: AsyncConnection, guest: Guest, jpeg: bytes | None = None) -> None:
    """As they are now; jpeg: their picture, None: the one that is there, if there is to be one."""
    values = _row(guest)
    if jpeg is not None or not guest.picture:
        values["jpeg"] = jpeg or b""
    await connection.execute(update(guests).where(guests.c.guest == guest.guest).values(values))


async def remove(connection: AsyncConnection, guest: str) -> None:
    """No guest any more, and nothing of them."""
    await connection.execute(delete(guests).where(guests.c.guest == guest))


async def renew_links(connection: AsyncConnection, room: RoomId) -> None:
    """Links of all guests of a room are good no more; nobody has seen the new ones."""
    for guest in await of_room(connection, room):
        this = guests.c.guest == guest.guest
        await connection.execute(update(guests).where(this).values(link=new_id(16)))


async def place(connection: AsyncConnection, order: list[str]) -> None:
    """Their order anew."""
    for at, guest in enumerate(order):
        await connection.execute(update(guests).where(guests.c.guest == guest).values(place=at))


async def never_held(connection: AsyncConnection, before_ms: int, *, limit: int) -> list[RoomId]:
    """Rooms with guests that were to begin before then, and did not.

    One without a start counts from its last change, one whose lobby was open from when that closed.
    """
    c = rooms.c
    since_ms = case((c.sort_ms < NEVER_MS, c.sort_ms), else_=c.changed_ms)
    query = select(c.room, c.state, c.facts).where(since_ms < before_ms)
    query = query.where(
        c.state.in_(("scheduled", CANCELLED, "ended")), c.room.in_(select(guests.c.room))
    )
    found: list[RoomId] = []
    async for row in await connection.stream(query.order_by(since_ms)):
        if row.state != "ended" or not _was_held(row.facts):
            found.append(RoomId(row.room))
        if len(found) >= limit:
            break
    return found


def _was_held(said: bytes) -> bool:
    """said: facts of a room that has ended, as they are kept."""
    facts = msgspec.json.decode(said, type=Room)
    return facts.live_ms > 0 or facts.imported is not None


async def clear(connection: AsyncConnection, room: RoomId) -> None:
    """All guests of a room go."""
    await connection.execute(delete(guests).where(guests.c.room == room))
