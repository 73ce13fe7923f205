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


async def refuse(database: Database, error: str = "No.") -> None:
    [message] = await due(database)
    async with database.write() as connection:
        await queries.failed(connection, message, error, 0, refused=True)


async def test_what_was_refused_is_asked_no_more_and_shown_until_it_is_said_anew(
    database: Database,
) -> None:
    async def shown() -> str:
        async with database.read() as connection:
            return (await queries.backlog(connection, A)).refused

    await put(database, A, {"keep_days": 1, "title": "x", "state": "scheduled"})
    await refuse(database)
    await put(database, A, {"guests": []})
    [said] = await due(database)
    assert said.body == {"guests": []}
    assert await shown() == "No."
    await put(database, A, {"title": "y"})
    assert await shown() == "No."  # of the days
    await put(database, A, {"keep_days": 2})
    assert await shown() == ""


async def test_what_guests_decided_is_not_refused_with_what_hosts_planned(
    database: Database,
) -> None:
    await put(database, A, {"keep_days": 1})
    await put(database, A, {"guests": [{"id": "bo"}]})
    old = (await due(database))[0]
    await refuse(database)
    [said] = await due(database)
    assert said.body == {"guests": [{"id": "bo"}]}
    async with database.write() as connection:  # a sender that heard it late
        await queries.failed(connection, old, "No.", 0, refused=True)
    assert await due(database) == [said]
    await refuse(database)
    assert await due(database) == []  # they alone were refused: that is no reason to try for ever


async def test_only_pictures_that_are_to_be_shown_wait(database: Database) -> None:
    async def show(name: str, body: dict[str, Any]) -> None:
        async with database.write() as connection:
            await queries.put_picture(connection, A, name, b"jpeg", 0)
            await queries.put_room(connection, A, body, 0)

    async def waiting() -> list[str]:
        async with database.read() as connection:
            return sorted((await queries.backlog(connection, A)).pictures)

    for name in "abc":
        await show(name, {"picture": {"hash": name, "alt": "x"}})
    assert await waiting() == ["c"]
    for name in "dedcd":
        await show(name, {"guests": [{"picture": name}, {"picture": ""}]})
    assert await waiting() == ["c", "d"]
    await put(database, A, {"title": "another"})
    assert await waiting() == ["c", "d"]
    await put(database, A, {"picture": None})
    assert await waiting() == ["d"]
    await show("d", {"guests": [{"picture": "d"}]})
    async with database.read() as connection:
        assert await queries.pending(connection) == 2
    [first] = await due(database)
    assert (first.call, first.body["hash"]) == ("picture", "d")
    await put(database, A, {"guests": []})
    assert await waiting() == []


async def test_it_is_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PENDING", 2)
    await add(database, A, "1")
    await add(database, A, "2")
    with pytest.raises(TryLater) as caught:
        await add(database, B, "3")
    assert caught.value.code == "outbox_full"
