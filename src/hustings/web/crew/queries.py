"""SQL of rooms' crews and of their seats; called inside a transaction of `store.Database`."""

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import accounts, crew, rooms, seats
from hustings.web.accounts.model import Account
from hustings.web.crew.model import Duty, Place, Seat
from hustings.web.rooms.queries import room_of


async def role_in(connection: AsyncConnection, room: RoomId, account: str) -> str:
    """The role of one person in one room; "": none."""
    query = select(crew.c.role).where(crew.c.room == room, crew.c.account == account)
    return (await connection.execute(query)).scalar_one_or_none() or ""


async def everybody(connection: AsyncConnection, room: RoomId) -> list[tuple[Account, str]]:
    """All people of the house by name, with their role in this room; "": none. One query."""
    here = (crew.c.account == accounts.c.account) & (crew.c.room == room)
    query = (
        select(accounts, crew.c.role.label("there"))
        .select_from(accounts.outerjoin(crew, here))
        .order_by(accounts.c.name, accounts.c.account)
    )
    rows = await connection.execute(query)
    return [
        (Account(row.account, row.name, row.role, row.made_ms), row.there or "") for row in rows
    ]


async def count(connection: AsyncConnection, room: RoomId) -> int:
    """How many there are in a room."""
    query = select(func.count()).where(crew.c.room == room)
    return (await connection.execute(query)).scalar_one()


async def duties(connection: AsyncConnection, account: str) -> list[Duty]:
    """All rooms in which somebody has a role, the newest first."""
    query = (
        select(crew.c.room, rooms.c.title, crew.c.role, crew.c.made_ms)
        .join(rooms, rooms.c.room == crew.c.room)
        .where(crew.c.account == account)
        .order_by(crew.c.made_ms.desc(), crew.c.room)
    )
    return [Duty(**row) for row in (await connection.execute(query)).mappings()]


async def add(
    connection: AsyncConnection, room: RoomId, account: str, role: str, now_ms: int
) -> None:
    """One more. IntegrityError if they are there already, or there is no such room or person."""
    row = {"room": room, "account": account, "role": role, "made_ms": now_ms}
    await connection.execute(insert(crew).values(row))


async def change(connection: AsyncConnection, room: RoomId, account: str, role: str) -> None:
    """Another role for somebody who is there."""
    here = (crew.c.room == room) & (crew.c.account == account)
    await connection.execute(update(crew).where(here).values(role=role))


async def remove(connection: AsyncConnection, room: RoomId, account: str) -> None:
    """They have no role there any more."""
    await connection.execute(delete(crew).where(crew.c.room == room, crew.c.account == account))


async def places(connection: AsyncConnection, account: str, *, limit: int) -> list[Place]:
    """Rooms in which somebody has a role or a seat; those that come last, first."""
    role = (crew.c.room == rooms.c.room) & (crew.c.account == account)
    sits = (seats.c.room == rooms.c.room) & (seats.c.account == account)
    query = (
        select(rooms, crew.c.role.label("there"), seats.c.seat)
        .select_from(rooms.outerjoin(crew, role).outerjoin(seats, sits))
        .where(crew.c.account.is_not(None) | seats.c.account.is_not(None))
        .order_by(rooms.c.sort_ms.desc(), rooms.c.room)
        .limit(limit)
    )
    rows = await connection.execute(query)
    return [Place(room_of(row), row.there or "", row.seat or "") for row in rows]


async def seat_of(connection: AsyncConnection, room: RoomId, account: str) -> Seat | None:
    """Somebody's seat on the stage of a room, if they were ever there."""
    query = select(seats).where(seats.c.room == room, seats.c.account == account)
    row = (await connection.execute(query)).mappings().one_or_none()
    return Seat(**row) if row else None


async def seats_of(
    connection: AsyncConnection, account: str, room: RoomId | None = None
) -> list[tuple[Seat, str]]:
    """All seats of somebody (or the one in this room) where it is not over, each with their role in the room."""
    mine = (crew.c.room == seats.c.room) & (crew.c.account == seats.c.account)
    query = (
        select(seats, crew.c.role.label("there"))
        .select_from(seats.join(rooms, rooms.c.room == seats.c.room).outerjoin(crew, mine))
        .where(seats.c.account == account, rooms.c.state != "ended")
    )
    if room is not None:
        query = query.where(seats.c.room == room)
    rows = await connection.execute(query)
    return [
        (Seat(row.room, row.account, row.seat, row.role, row.made_ms), row.there or "")
        for row in rows
    ]


async def all_seats(connection: AsyncConnection, account: str) -> list[Seat]:
    """Every seat that somebody has or had, for themselves."""
    query = select(seats).where(seats.c.account == account).order_by(seats.c.made_ms, seats.c.room)
    return [Seat(**row) for row in (await connection.execute(query)).mappings()]


async def add_seat(connection: AsyncConnection, seat: Seat) -> None:
    """One more. IntegrityError if they have one there."""
    await connection.execute(insert(seats).values(vars(seat)))


async def remove_seats(connection: AsyncConnection, gone: Iterable[Seat]) -> None:
    """Those are theirs no more."""
    for each in gone:
        here = (seats.c.room == each.room) & (seats.c.account == each.account)
        await connection.execute(delete(seats).where(here, seats.c.seat == each.seat))
