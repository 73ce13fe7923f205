"""SQL of rooms' crews; called inside a transaction of `store.Database`."""

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.ids import RoomId
from hustings.store.schema import accounts, crew, rooms
from hustings.web.accounts.model import Account


@dataclass(frozen=True)
class Member:
    """Somebody with a role in one room."""

    account: str
    name: str
    role: str


@dataclass(frozen=True)
class Duty:
    """A room in which somebody has a role."""

    room: str
    title: str
    role: str
    made_ms: int


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


async def remove(connection: AsyncConnection, room: RoomId, account: str) -> None:
    """They have no role there any more."""
    await connection.execute(delete(crew).where(crew.c.room == room, crew.c.account == account))
