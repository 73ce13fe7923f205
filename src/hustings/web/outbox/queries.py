"""SQL of the outbox; `put_room` and `add` run in the transaction of the change they announce."""

from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.errors import TryLater
from hustings.base.ids import RoomId
from hustings.store.schema import outbox
from hustings.web.outbox.model import PENDING, Backlog, Call, Message


def _message(row: Any) -> Message:
    return Message(
        id=row.id,
        room=RoomId(row.room),
        call=row.call,
        body=msgspec.json.decode(row.body),
        made_ms=row.made_ms,
        attempts=row.attempts,
        error=row.error,
        refused=row.refused,
    )


async def add(
    connection: AsyncConnection, room: RoomId, call: Call, body: dict[str, Any], now_ms: int
) -> None:
    """Append a message. Raises TryLater("outbox_full")."""
    if await pending(connection) >= PENDING:
        raise TryLater("outbox_full", "The stage has been away for too long.", delay_s=30)
    await connection.execute(
        insert(outbox).values(
            room=room,
            call=call,
            body=msgspec.json.encode(body),
            made_ms=now_ms,
            next_ms=now_ms,
            attempts=0,
            error="",
            refused=False,
        )
    )


async def forget(connection: AsyncConnection, room: RoomId) -> None:
    """Nothing more is to be said of a room."""
    await connection.execute(delete(outbox).where(outbox.c.room == room))


async def put_room(
    connection: AsyncConnection, room: RoomId, body: dict[str, Any], now_ms: int
) -> None:
    """Announce a room's facts: one message a room, holding the newest of each field.

    The row is always a new one: a sender that is on its way with the old row then finds it gone
    and leaves the new one alone.
    """
    mine = (outbox.c.room == room) & (outbox.c.call == "room")
    merged: dict[str, Any] = {}
    query = select(outbox.c.body).where(mine).order_by(outbox.c.id)
    for row in await connection.execute(query):
        merged |= msgspec.json.decode(row.body)
    await connection.execute(delete(outbox).where(mine))
    await add(connection, room, "room", merged | body, now_ms)


async def due(connection: AsyncConnection, now_ms: int, *, limit: int) -> list[Message]:
    """The first message of each room whose time has come; later ones wait behind it."""
    first = select(func.min(outbox.c.id)).where(~outbox.c.refused).group_by(outbox.c.room)
    query = (
        select(outbox)
        .where(outbox.c.id.in_(first), outbox.c.next_ms <= now_ms)
        .order_by(outbox.c.id)
        .limit(limit)
    )
    return [_message(row) for row in await connection.execute(query)]


async def sent(connection: AsyncConnection, message: Message) -> None:
    """The stage has it."""
    await connection.execute(delete(outbox).where(outbox.c.id == message.id))


async def failed(
    connection: AsyncConnection, message: Message, error: str, next_ms: int, *, refused: bool
) -> None:
    """Not this time (or, refused, not at all)."""
    values = {
        "attempts": message.attempts + 1,
        "error": error[:300],
        "next_ms": next_ms,
        "refused": refused,
    }
    await connection.execute(update(outbox).where(outbox.c.id == message.id).values(values))


async def hurry(connection: AsyncConnection, now_ms: int) -> None:
    """The stage is back: everything is due."""
    await connection.execute(
        update(outbox).where(outbox.c.next_ms > now_ms, ~outbox.c.refused).values(next_ms=now_ms)
    )


async def pending(connection: AsyncConnection) -> int:
    """How many messages wait, over all rooms."""
    query = select(func.count()).select_from(outbox).where(~outbox.c.refused)
    return int((await connection.execute(query)).scalar_one())


async def backlog(connection: AsyncConnection, room: RoomId) -> Backlog:
    """What of this room has not arrived."""
    query = select(outbox).where(outbox.c.room == room).order_by(outbox.c.id)
    messages = [_message(row) for row in await connection.execute(query)]
    return Backlog(
        waiting=sum(not message.refused for message in messages),
        refused=next((m.error for m in reversed(messages) if m.refused), ""),
        wanted=next((m.body for m in messages if m.call == "room" and not m.refused), {}),
        pictures={m.body["hash"]: m.body["jpeg"] for m in messages if m.call == "picture"},
    )
