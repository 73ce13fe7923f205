"""SQL of rooms and invitations; called inside a transaction of `store.Database`."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import invitations, rooms
from hustings.web.rooms.model import Invitation, PlannedRoom, Wish
from hustings.wire.kinds import Room

_WISH = Wish.__struct_fields__
_ASKED = 500  # names in one query; SQLite takes 32,766 values
CANCELLED: Final = "cancelled"  # a planned room that is off; lists leave it out in time


def _listed(facts: Room) -> str:
    """Under which word lists look for the room."""
    return CANCELLED if facts.cancelled_ms and facts.state == "scheduled" else facts.state


def _room(row: Any) -> PlannedRoom:
    return PlannedRoom(
        room=RoomId(row.room),
        wish=Wish(**{field: getattr(row, field) for field in _WISH}),
        made_here=row.made_here,
        created_ms=row.created_ms,
        facts=msgspec.json.decode(row.facts, type=Room) if row.facts else None,
    )


def _invitation(row: Any) -> Invitation:
    return Invitation(**{f: getattr(row, f) for f in Invitation.__struct_fields__})


async def add_room(connection: AsyncConnection, room: PlannedRoom) -> None:
    """Insert; an IntegrityError means that the address is taken."""
    await connection.execute(
        insert(rooms).values(
            room=room.room,
            **msgspec.structs.asdict(room.wish),
            made_here=room.made_here,
            created_ms=room.created_ms,
            changed_ms=room.created_ms,
            state=_listed(room.facts) if room.facts else room.state,
            facts=msgspec.json.encode(room.facts) if room.facts else b"",
        )
    )


async def change_wish(connection: AsyncConnection, room: RoomId, wish: Wish, now_ms: int) -> None:
    """What the owner asks for now."""
    values = {**msgspec.structs.asdict(wish), "changed_ms": now_ms}
    await connection.execute(update(rooms).where(rooms.c.room == room).values(values))


async def told(connection: AsyncConnection, names: Sequence[str]) -> dict[str, bytes]:
    """What the stage last said of those rooms that web has, as it is kept; empty: nothing yet."""
    found: dict[str, bytes] = {}
    for at in range(0, len(names), _ASKED):
        query = select(rooms.c.room, rooms.c.facts).where(rooms.c.room.in_(names[at : at + _ASKED]))
        found.update({row.room: row.facts for row in await connection.execute(query)})
    return found


async def set_facts(connection: AsyncConnection, facts: Room, now_ms: int) -> None:
    """Keep what the stage says."""
    values = {
        "state": _listed(facts),
        "facts": msgspec.json.encode(facts),
        "changed_ms": facts.ended_ms if facts.state == "ended" else now_ms,
    }
    await connection.execute(update(rooms).where(rooms.c.room == facts.room).values(values))


async def forget(connection: AsyncConnection, room: RoomId) -> None:
    """The recording was deleted: what web itself knew of who spoke and of what goes too."""
    await connection.execute(delete(invitations).where(invitations.c.room == room))
    await connection.execute(
        update(rooms).where(rooms.c.room == room).values(description="", host="")
    )


async def room_named(connection: AsyncConnection, room: RoomId) -> PlannedRoom | None:
    """One room."""
    row = (await connection.execute(select(rooms).where(rooms.c.room == room))).one_or_none()
    return _room(row) if row else None


async def rooms_in(
    connection: AsyncConnection, states: Sequence[str], *, limit: int
) -> list[PlannedRoom]:
    """Rooms in these states: the next to start first, those without a plan last; newest made first."""
    unplanned_last = case((rooms.c.start_ms == 0, 1), else_=0)
    query = (
        select(rooms)
        .where(rooms.c.state.in_(states))
        .order_by(unplanned_last, rooms.c.start_ms, rooms.c.created_ms.desc())
        .limit(limit)
    )
    return [_room(row) for row in await connection.execute(query)]


async def cancelled_rooms(
    connection: AsyncConnection, *, since_ms: int, limit: int
) -> list[PlannedRoom]:
    """Those that were to begin since then, or at a time that was never said; the latest first."""
    query = (
        select(rooms)
        .where(rooms.c.state == CANCELLED)
        .where((rooms.c.start_ms >= since_ms) | (rooms.c.start_ms == 0))
        .order_by(rooms.c.start_ms.desc())
        .limit(limit)
    )
    return [_room(row) for row in await connection.execute(query)]


async def past_rooms(connection: AsyncConnection, *, limit: int) -> list[PlannedRoom]:
    """Ended rooms, the last first."""
    query = (
        select(rooms)
        .where(rooms.c.state == "ended")
        .order_by(rooms.c.changed_ms.desc(), rooms.c.room)
        .limit(limit)
    )
    return [_room(row) for row in await connection.execute(query)]


async def add_invitation(connection: AsyncConnection, invitation: Invitation) -> None:
    """Insert one pass."""
    await connection.execute(insert(invitations).values(msgspec.structs.asdict(invitation)))


async def invitations_of(connection: AsyncConnection, room: RoomId) -> list[Invitation]:
    """All passes of a room, in the order they were made."""
    query = (
        select(invitations)
        .where(invitations.c.room == room)
        .order_by(invitations.c.created_ms, invitations.c.jti)
    )
    return [_invitation(row) for row in await connection.execute(query)]


async def count_invitations(connection: AsyncConnection, room: RoomId) -> int:
    """Passes of a room that are good."""
    query = select(func.count()).where(invitations.c.room == room, invitations.c.revoked_ms == 0)
    return int((await connection.execute(query)).scalar_one())


async def revoke(connection: AsyncConnection, room: RoomId, jti: str, now_ms: int) -> str:
    """Mark a pass as withdrawn; returns its seat, or "" if there is no such good pass."""
    mine = (invitations.c.jti == jti) & (invitations.c.room == room)
    good = mine & (invitations.c.revoked_ms == 0)
    row = (await connection.execute(select(invitations.c.seat).where(good))).one_or_none()
    if row is None:
        return ""
    await connection.execute(update(invitations).where(mine).values(revoked_ms=now_ms))
    return str(row.seat)
