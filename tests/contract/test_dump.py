"""A database written out and read in: SQLite and PostgreSQL, from each to each."""

import asyncio
import io
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Integer,
    LargeBinary,
    String,
    Text,
    func,
    insert,
    select,
    text,
)

from hustings.base.errors import HustingsError, PeerError
from hustings.store import Database, open_database
from hustings.store.database import engine_for
from hustings.store.dump import dump, load
from hustings.store.migrate import migrate
from hustings.store.restored import REASON
from hustings.store.schema import deliveries, hooks, letters, metadata, outbox, rooms

T0 = 1_800_000_000_000
ROOM = {
    "room": "town-hall",
    "title": "Bürger fragen, مساء الخير",
    "description": "",
    "language": "de",
    "host": "Ada",
    "start_ms": 1_800_000_000_000,
    "radio": True,
    "expected": 8_000_000,
    "delay_s": 0,
    "keep_days": None,
    "lobby_min": None,
    "doors": "live",
    "own_rules": "Je eine Frage.",
    "rules_alone": False,
    "made_here": False,
    "created_ms": 2**62,
    "changed_ms": 1,
    "state": "live",
    "facts": bytes(range(256)),
    "sort_ms": 1_800_000_000_000,
    "words": "burger fragen",
}
MESSAGE = {
    "room": "town-hall",
    "call": "room",
    "body": b"{}",
    "made_ms": 1,
    "next_ms": 1,
    "attempts": 0,
    "error": "",
    "refused": False,
}

LETTER = {
    "transport": "hook",
    "batch": "hook:h",
    "host": "news.example",
    "recipient": "h",
    "body": b"m",
    "rank": 1,
    "made_ms": 1,
    "next_ms": 1,
    "until_ms": 2 * T0,
    "attempts": 0,
    "error": "",
    "changed_ms": 1,
}
HOOK = {
    "hook": "h",
    "url": "https://news.example/",
    "events": "room.live",
    "generation": 1,
    "overlap_ms": 0,
    "made_ms": 1,
    "state": "on",
    "reason": "",
    "failing_ms": 0,
}
DELIVERY = {
    "hook": "h",
    "event": "room.live",
    "body": b"{}",
    "made_ms": 1,
    "until_ms": 2 * T0,
    "sends": 1,
    "attempts": 0,
    "tried_ms": 0,
    "status": 0,
    "answer": "",
}


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, database_url: str) -> str:
    """Of an empty database without tables."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("postgres_url")
    if database_url:
        pytest.skip("one PostgreSQL: it is read, or written")
    return url


async def emptied(url: str, folder: Path) -> None:
    """No table at all."""
    if url:
        engine = engine_for(url, folder)
        async with engine.begin() as connection:
            await connection.execute(text("DROP SCHEMA public CASCADE"))
            await connection.execute(text("CREATE SCHEMA public"))
        await engine.dispose()


async def filled(database: Database, messages: int = 1_203) -> None:
    async with database.write() as connection:
        await connection.execute(insert(rooms).values(ROOM))
        await connection.execute(insert(outbox), [MESSAGE] * messages)


async def written(url: str, folder: Path) -> tuple[str, io.BytesIO]:
    out = io.BytesIO()
    revision = await dump(url, folder, out)
    assert revision is not None
    out.seek(0)
    return revision, out


async def test_a_house_moves_from_one_database_to_the_other(
    database: Database, database_url: str, other_url: str, tmp_path: Path
) -> None:
    await filled(database)
    revision, out = await written(database_url, tmp_path)
    with tempfile.TemporaryDirectory() as other:
        await emptied(other_url, Path(other))
        await load(other_url, Path(other), revision, out, now_ms=T0)
        there = await open_database(other_url, folder=Path(other))
        async with there.read() as connection:
            [room] = (await connection.execute(select(rooms))).mappings()
            assert dict(room) == ROOM
            count = select(func.count(), func.max(outbox.c.id)).select_from(outbox)
            number, last = (await connection.execute(count)).one()
            assert number == 1_203
        await filled_again(there, last)
        await there.close()


async def filled_again(there: Database, last: int) -> None:
    """Ids go on behind the last one."""
    async with there.write() as connection:
        await connection.execute(insert(outbox).values(MESSAGE))
        newest = (await connection.execute(select(func.max(outbox.c.id)))).scalar_one()
        assert newest == last + 1


async def test_a_restored_house_sends_nothing_that_was_on_its_way_at_the_backup(
    database: Database, database_url: str, other_url: str, tmp_path: Path
) -> None:
    states = ("waiting", "sending", "sent", "given_up", "unsure")
    async with database.write() as connection:
        await connection.execute(
            insert(letters), [{**LETTER, "key": s, "state": s} for s in states]
        )
        await connection.execute(insert(hooks).values(HOOK))
        messages = [{**DELIVERY, "delivery": s, "state": s} for s in ("waiting", "sent")]
        await connection.execute(insert(deliveries), messages)
    revision, out = await written(database_url, tmp_path)
    with tempfile.TemporaryDirectory() as other:
        await emptied(other_url, Path(other))
        await load(other_url, Path(other), revision, out, now_ms=T0)
        there = await open_database(other_url, folder=Path(other))
        async with there.read() as connection:
            found = {r.key: r for r in await connection.execute(select(letters))}
            told = {r.delivery: r for r in await connection.execute(select(deliveries))}
        await there.close()
    assert {key: row.state for key, row in found.items()} == {
        **dict(zip(states, states, strict=True)),
        "waiting": "given_up",
        "sending": "unsure",
    }
    for ended in (found["waiting"], found["sending"]):
        assert (ended.body, ended.recipient) == (b"", "")
        assert (ended.error, ended.changed_ms) == (REASON, T0)
    assert {key: (row.state, row.answer) for key, row in told.items()} == {
        "waiting": ("failed", REASON),  # so that its page offers to send it again
        "sent": ("sent", ""),
    }


async def test_what_is_written_meanwhile_neither_waits_nor_is_half_in_it(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """All rows are of the moment of the first: a room that comes later is in no table."""
    await filled(database, messages=1)

    async def write() -> None:
        other = await open_database(database_url, folder=tmp_path)
        async with other.write() as connection:
            await connection.execute(insert(rooms).values({**ROOM, "room": "later"}))
            await connection.execute(insert(outbox).values(MESSAGE))
        await other.close()

    class Interrupted(io.BytesIO):
        def write(self, data: Any, /) -> int:
            if not self.tell():
                writer = threading.Thread(target=lambda: asyncio.run(write()))
                writer.start()
                writer.join(20)
                assert not writer.is_alive()
            return super().write(data)

    out = Interrupted()
    assert await dump(database_url, tmp_path, out) is not None
    async with database.read() as connection:
        count = select(func.count()).select_from(outbox)
        assert (await connection.execute(count)).scalar_one() == 2
    assert b"later" not in out.getvalue()
    assert out.getvalue().count(b"town-hall") == 2


async def test_rows_that_are_there_are_never_written_over(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await filled(database)
    revision, out = await written(database_url, tmp_path)
    with pytest.raises(HustingsError) as caught:
        await load(database_url, tmp_path, revision, out, now_ms=T0)
    assert caught.value.code == "restore_database"
    async with database.read() as connection:
        assert (
            await connection.execute(select(func.count()).select_from(outbox))
        ).scalar_one() == 1_203


async def test_a_dump_of_an_older_schema_is_upgraded(database_url: str, tmp_path: Path) -> None:
    await emptied(database_url, tmp_path)
    engine = engine_for(database_url, tmp_path)
    newer = {"keep_days", "lobby_min", "doors", "own_rules", "rules_alone"}
    newer |= {"sort_ms", "words"}
    old = {name: value for name, value in ROOM.items() if name not in newer}
    async with engine.begin() as connection:
        await connection.run_sync(migrate, "0002")
        await connection.execute(insert(rooms).values(old))
    await engine.dispose()
    revision, out = await written(database_url, tmp_path)
    assert revision == "0002"
    with tempfile.TemporaryDirectory() as other:
        await load("", Path(other), revision, out, now_ms=T0)
        there = await open_database("", folder=Path(other))
        async with there.read() as connection:
            [room] = (await connection.execute(select(rooms))).mappings()
            assert (room["keep_days"], room["lobby_min"]) == (None, None)
            assert (room["own_rules"], room["rules_alone"]) == ("", False)
            assert room["doors"] is None
            assert room["sort_ms"] == ROOM["start_ms"]
            assert room["words"].startswith("burger fragen")
        await there.close()
    await emptied(database_url, tmp_path)


async def test_a_newer_schema_and_a_cut_dump_are_refused(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    await filled(database)
    revision, out = await written(database_url, tmp_path)
    data = out.getvalue()
    for cut in (3, len(data) // 2, len(data) - 1):
        with tempfile.TemporaryDirectory() as other, pytest.raises(PeerError) as caught:
            await load("", Path(other), revision, io.BytesIO(data[:cut]), now_ms=T0)
        assert caught.value.code == "restore_damaged"
    with tempfile.TemporaryDirectory() as other, pytest.raises(HustingsError) as newer:
        await load("", Path(other), "9999", io.BytesIO(data), now_ms=T0)
    assert newer.value.code == "schema_newer"


def test_all_columns_are_of_kinds_that_travel() -> None:
    plain = (BigInteger, Boolean, Integer, LargeBinary, String, Text)
    for table in metadata.sorted_tables:
        for column in table.columns:
            assert isinstance(column.type, plain), f"{table}.{column}"
