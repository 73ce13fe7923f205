"""SQL of rooms and invitations; called inside a transaction of `store.Database`."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Select, case, delete, func, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import crew, guests, invitations, rooms, seats
from hustings.web.outbox import queries as outbox
from hustings.web.rooms.lists import CANCELLED, Query
from hustings.web.rooms.model import NEVER_MS, Invitation, PlannedRoom, Wish, folded
from hustings.wire.kinds import Room

_WISH = Wish.__struct_fields__
_ASKED = 500  # names in one query; SQLite takes 32,766 values


def _listed(facts: Room) -> str:
    """Under which word lists look for the room."""
    return CANCELLED if facts.cancelled_ms and facts.state == "scheduled" else facts.state


def _words(about: Room | Wish) -> str:
    return folded(f"{about.title}\n{about.host}")


def _facts(facts: Room) -> dict[str, Any]:
    """The columns that follow from what the stage says."""
    over = facts.ended_ms if facts.state == "ended" else 0
    return {
        "state": _listed(facts),
        "facts": msgspec.json.encode(facts),
        "sort_ms": over or facts.start_ms or NEVER_MS,
        "words": _words(facts),
    }


def room_of(row: Any) -> PlannedRoom:
    """A row of `rooms` as a value."""
    return PlannedRoom(
        room=RoomId(row.room),
        wish=Wish(**{field: getattr(row, field) for field in _WISH}),
        made_here=row.made_here,
        created_ms=row.created_ms,
        facts=msgspec.json.decode(row.facts, type=Room) if row.facts else None,
        sort_ms=row.sort_ms,
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
            **(_facts(room.facts) if room.facts else _unheard(room)),
        )
    )


def _unheard(room: PlannedRoom) -> dict[str, Any]:
    """The same columns of a room that the stage has not heard of."""
    return {
        "state": room.state,
        "facts": b"",
        "sort_ms": room.start_ms or NEVER_MS,
        "words": _words(room.wish),
    }


async def change_wish(connection: AsyncConnection, room: RoomId, wish: Wish, now_ms: int) -> None:
    """What the owner asks for now."""
    start_ms = wish.start_ms or NEVER_MS
    values = {
        **msgspec.structs.asdict(wish),
        "changed_ms": now_ms,
        "sort_ms": case((rooms.c.state == "ended", rooms.c.sort_ms), else_=start_ms),
        "words": _words(wish),
    }
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
        **_facts(facts),
        "changed_ms": facts.ended_ms if facts.state == "ended" else now_ms,
    }
    await connection.execute(update(rooms).where(rooms.c.room == facts.room).values(values))


async def forget(connection: AsyncConnection, room: RoomId) -> None:
    """The recording was deleted: what web itself knew of who spoke and of what goes too."""
    await connection.execute(delete(invitations).where(invitations.c.room == room))
    await connection.execute(delete(crew).where(crew.c.room == room))
    await connection.execute(delete(seats).where(seats.c.room == room))
    await connection.execute(delete(guests).where(guests.c.room == room))
    await connection.execute(
        update(rooms).where(rooms.c.room == room).values(description="", host="")
    )


async def room_named(
    connection: AsyncConnection, room: RoomId, *, lock: bool = False
) -> PlannedRoom | None:
    """One room. lock: what else asks so waits (PostgreSQL; SQLite has one writer)."""
    query = select(rooms).where(rooms.c.room == room)
    query = query.with_for_update() if lock else query
    row = (await connection.execute(query)).one_or_none()
    return room_of(row) if row else None


async def rooms_listed(connection: AsyncConnection, query: Query) -> list[PlannedRoom]:
    """The rooms that a list asks for, at most `query.limit`, in its order."""
    return [room_of(row) for row in await connection.execute(_listing(query))]


async def span(connection: AsyncConnection) -> tuple[int, int]:
    """When the first and the last room begin, or ended, of those that say; (0, 0): none does."""
    said = rooms.c.sort_ms < NEVER_MS
    first = select(rooms.c.sort_ms).where(said).order_by(rooms.c.sort_ms).limit(1)
    last = select(rooms.c.sort_ms).where(said).order_by(rooms.c.sort_ms.desc()).limit(1)
    query = select(first.scalar_subquery(), last.scalar_subquery())
    found = (await connection.execute(query)).one()
    return found[0] or 0, found[1] or 0


def _listing(query: Query) -> Select[Any]:
    found = select(rooms)
    if len(query.states) == 1:
        found = found.where(rooms.c.state == query.states[0])
    elif query.states:
        found = found.where(rooms.c.state.in_(query.states))
    if query.from_ms:
        found = found.where(rooms.c.sort_ms >= query.from_ms)
    if query.until_ms:
        found = found.where(rooms.c.sort_ms < query.until_ms)
    if query.words:
        found = found.where(rooms.c.words.contains(folded(query.words), autoescape=True))
    if query.after:
        place, here = tuple_(rooms.c.sort_ms, rooms.c.room), tuple_(*query.after)
        found = found.where(place < here if query.latest_first else place > here)
    at, name = rooms.c.sort_ms, rooms.c.room
    order = (at.desc(), name.desc()) if query.latest_first else (at, name)
    return found.order_by(*order).limit(query.limit)


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


async def revoke_made_by(
    connection: AsyncConnection, account: str, now_ms: int, room: RoomId | None = None
) -> None:
    """Withdraw all that somebody made (in this room), and tell the stage.

    Of evenings that are over nothing is left to withdraw. Raises TryLater `outbox_full`.
    """
    query = (
        select(invitations.c.room, invitations.c.jti)
        .join(rooms, rooms.c.room == invitations.c.room)
        .where(invitations.c.made_by == account, invitations.c.revoked_ms == 0)
        .where(rooms.c.state != "ended")
    )
    if room is not None:
        query = query.where(invitations.c.room == room)
    for row in (await connection.execute(query)).all():
        where = RoomId(row.room)
        seat = await revoke(connection, where, row.jti, now_ms)
        await outbox.add(connection, where, "revoke", {"participant": seat}, now_ms)


async def forget_maker(connection: AsyncConnection, account: str) -> None:
    """Who made those passes is known no more."""
    mine = invitations.c.made_by == account
    await connection.execute(update(invitations).where(mine).values(made_by=""))
