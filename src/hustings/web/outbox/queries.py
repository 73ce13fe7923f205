"""SQL of the outbox; `put_room` and `add` run in the transaction of the change they announce."""

import base64
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
    await _append(connection, room, call, body, now_ms)


async def _append(
    connection: AsyncConnection, room: RoomId, call: Call, body: dict[str, Any], now_ms: int
) -> None:
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


async def put_picture(
    connection: AsyncConnection, room: RoomId, name: str, jpeg: bytes, now_ms: int
) -> None:
    """The bytes of a picture, ahead of the `put_room` that shows it, which is to follow at once."""
    if name not in [each for _, each, refused in await _pictures(connection, room) if not refused]:
        body = {"hash": name, "jpeg": base64.b64encode(jpeg).decode()}
        await add(connection, room, "picture", body, now_ms)


async def put_room(
    connection: AsyncConnection, room: RoomId, body: dict[str, Any], now_ms: int
) -> None:
    """Announce a room's facts: one message a room, holding the newest of each field.

    The row is always a new one: a sender that is on its way with the old row then finds it gone
    and leaves the new one alone. Pictures that it shows no more do not go ahead of it: so few wait,
    however often they were changed. What the stage refused is not asked again with it.
    """
    mine = (outbox.c.room == room) & (outbox.c.call == "room")
    merged: dict[str, Any] = {}
    query = select(outbox.c.body).where(mine, ~outbox.c.refused).order_by(outbox.c.id)
    for row in await connection.execute(query):
        merged |= msgspec.json.decode(row.body)
    merged |= body
    await connection.execute(delete(outbox).where(mine, ~outbox.c.refused))
    await _outdate_refused(connection, room, merged)
    await _drop_pictures(connection, room, _shown(merged))
    await add(connection, room, "room", merged, now_ms)


def _shown(body: dict[str, Any]) -> set[str]:
    """Hashes of the pictures that a room's message shows."""
    guests = {guest.get("picture", "") for guest in body.get("guests", ())}
    return guests | {(body.get("picture") or {}).get("hash", "")}


async def _drop_pictures(connection: AsyncConnection, room: RoomId, shown: set[str]) -> None:
    """Each that waits has its field in the newest message: what that does not show is not wanted."""
    gone = [row for row, name, _ in await _pictures(connection, room) if name not in shown]
    if gone:
        await connection.execute(delete(outbox).where(outbox.c.id.in_(gone)))


async def _pictures(connection: AsyncConnection, room: RoomId) -> list[tuple[int, str, bool]]:
    """Row and hash of each that has not arrived, and whether it was refused."""
    mine = (outbox.c.room == room) & (outbox.c.call == "picture")
    rows = await connection.execute(select(outbox).where(mine))
    return [(row.id, msgspec.json.decode(row.body)["hash"], row.refused) for row in rows]


async def _outdate_refused(connection: AsyncConnection, room: RoomId, body: dict[str, Any]) -> None:
    """What is said anew is refused no more; the rest stays, for its hosts to see."""
    mine = (outbox.c.room == room) & (outbox.c.call == "room") & outbox.c.refused
    for row in (await connection.execute(select(outbox.c.id, outbox.c.body).where(mine))).all():
        before = msgspec.json.decode(row.body)
        left = {field: value for field, value in before.items() if field not in body}
        this = outbox.c.id == row.id
        if left == before:
            continue
        if not left.keys() - {"state"}:
            await connection.execute(delete(outbox).where(this))
        else:
            values = {"body": msgspec.json.encode(left)}
            await connection.execute(update(outbox).where(this).values(values))


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
    """Not this time (or, refused, not at all).

    What guests decided does not fall with what hosts planned: of a refused message it goes alone.
    """
    values: dict[str, Any] = {
        "attempts": message.attempts + 1,
        "error": error[:300],
        "next_ms": next_ms,
        "refused": refused,
    }
    parted = refused and message.call == "room" and {"guests"} < message.body.keys()
    if parted:
        plan = {field: value for field, value in message.body.items() if field != "guests"}
        values["body"] = msgspec.json.encode(plan)
    this = (outbox.c.id == message.id) & ~outbox.c.refused
    done = await connection.execute(update(outbox).where(this).values(values))
    if parted and done.rowcount:  # otherwise a newer message has them
        guests = {"guests": message.body["guests"]}
        await _append(connection, message.room, "room", guests, next_ms)


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
