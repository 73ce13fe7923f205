"""The outbox's SQL: order, coalescing, waiting, refusal."""

from typing import Any

import pytest

from hustings.base.errors import TryLater
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.outbox import model, queries
from hustings.web.outbox.model import Message

A, B = RoomId("a"), RoomId("b")


async def put(database: Database, room: RoomId, body: dict[str, Any], now_ms: int = 0) -> None:
    async with database.write() as connection:
        await queries.put_room(connection, room, body, now_ms)


async def add(database: Database, room: RoomId, seat: str, now_ms: int = 0) -> None:
    async with database.write() as connection:
        await queries.add(connection, room, "revoke", {"participant": seat}, now_ms)


async def due(database: Database, now_ms: int = 0) -> list[Message]:
    async with database.read() as connection:
        return await queries.due(connection, now_ms, limit=10)


async def test_one_message_a_room_at_a_time_in_order(database: Database) -> None:
    await add(database, A, "1")
    await add(database, B, "2")
    await add(database, A, "3")
    first = await due(database)
    assert [m.body["participant"] for m in first] == ["1", "2"]
    async with database.write() as connection:
        await queries.sent(connection, first[0])
    assert [m.body["participant"] for m in await due(database)] == ["2", "3"]


async def test_facts_of_a_room_are_one_message_with_the_newest_of_each(database: Database) -> None:
    await put(database, A, {"title": "old", "state": "scheduled"})
    under_way = (await due(database))[0]
    await put(database, A, {"state": "lobby"})
    await put(database, A, {"title": "new"})
    async with database.write() as connection:
        await queries.sent(connection, under_way)  # its row is gone: the new one stays
    assert [m.body for m in await due(database)] == [{"title": "new", "state": "lobby"}]


async def test_a_failed_message_waits_and_holds_its_room_back(database: Database) -> None:
    await add(database, A, "1")
    await add(database, A, "2")
    async with database.write() as connection:
        first = (await queries.due(connection, 0, limit=10))[0]
        await queries.failed(connection, first, "away", 500, refused=False)
    assert await due(database, 499) == []
    assert [(m.body["participant"], m.attempts) for m in await due(database, 500)] == [("1", 1)]
    async with database.write() as connection:
        await queries.hurry(connection, 10)
    assert len(await due(database, 10)) == 1


async def test_a_refused_message_steps_aside_and_is_shown(database: Database) -> None:
    await put(database, A, {"title": "x"})
    await add(database, A, "2")
    async with database.write() as connection:
        first = (await queries.due(connection, 0, limit=10))[0]
        await queries.failed(connection, first, "No.", 0, refused=True)
    assert [m.call for m in await due(database)] == ["revoke"]
    async with database.read() as connection:
        assert await queries.backlog(connection, A) == model.Backlog(waiting=1, refused="No.")
        assert await queries.backlog(connection, B) == model.Backlog()
        assert await queries.pending(connection) == 1


async def test_it_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PENDING", 2)
    await add(database, A, "1")
    await add(database, A, "2")
    with pytest.raises(TryLater) as caught:
        await add(database, B, "3")
    assert caught.value.code == "outbox_full"
