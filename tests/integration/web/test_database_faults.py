"""A database that is locked, full or gone, under a web service that goes on: each page and call says so.

With a stable code and Retry-After; what was there is there afterwards, nothing half-made, and what
somebody typed is still in their form. The whole house, with a room on air, is in test_faults.
"""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from hustings.web.accounts.model import DAY_MS
from hustings.web.house import queries
from hustings.web.house.service import hashed
from tests.fakes import postgres
from tests.fakes.api_client import Program, person, program
from tests.fakes.web_house import House, open_house

READS = ("/", "/all", "/rooms/new", "/rooms/hall", "/account", "/people", "/api/v1/rooms")
HALL = {"title": "Town hall", "address": "hall"}


async def furnish(house: House) -> Program:
    """Ada, signed in, with a room and a key."""
    ada = await program(house, await person(house))
    now_ms = house.clock.wall_ms()
    async with house.services.database.write() as connection:
        await queries.add_session(
            connection, hashed("open"), now_ms=now_ms, expires_ms=now_ms + DAY_MS, account="ada"
        )
    house.browser.cookies.set("hustings_session", "open")
    house.browser.timeout = httpx.Timeout(60)
    assert (await ada.call("POST", "/rooms", json=HALL)).status_code == 201
    assert (await house.browser.get("/api/v1/rooms/hall")).json()["title"] == "Town hall"
    return ada


@pytest.fixture
async def ada(house: House) -> Program:
    return await furnish(house)


def assert_told(answer: httpx.Response, code: str) -> None:
    """A clear message: to come again, with the code, and nothing of the inside."""
    assert (answer.status_code, code in answer.text) == (503, True), answer.text
    assert int(answer.headers["retry-after"]) >= 1
    for word in ("sqlite", "asyncpg", "Traceback", "SELECT"):
        assert word not in answer.text


async def assert_reading_goes_on(house: House) -> None:
    for path in READS:
        assert (await house.browser.get(path)).status_code == 200, path


async def test_while_another_process_holds_the_lock_reading_goes_on_and_writers_do_not_queue_up(
    house: House, ada: Program, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "hustings.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(45):  # one after another they would take 5 s each: 60 s
            made = asyncio.gather(
                *(ada.call("POST", "/rooms", json={"title": f"R {n}"}) for n in range(10)),
                house.browser.post("/rooms", data={"title": "As typed"}),
                house.browser.post("/rooms/hall", data={"title": "Changed, as typed"}),
            )
            await assert_reading_goes_on(house)
            answers = await made
        for answer in answers:
            assert_told(answer, "database_busy" if answer.text.startswith("{") else "s typed")
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert len((await ada.call("GET", "/rooms")).json()["rooms"]) == 1
    assert (await ada.call("POST", "/rooms", json={"title": "After"})).status_code == 201


async def test_when_the_disk_is_full_reading_goes_on_and_nothing_is_half_made(
    house: House, ada: Program
) -> None:
    full = {"pages": 1}  # SQLite never goes below what the file has

    def limit(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {full['pages']}").close()

    engine = house.services.database._engine
    event.listen(engine.sync_engine, "connect", limit)
    await engine.dispose()
    made, large = 1, {"description": "x" * 2_000}
    for number in range(100):
        answer = await ada.call("POST", "/rooms", json={"title": f"R {number}", **large})
        if answer.status_code != 201:
            break
        made += 1
    assert_told(answer, "database_full")
    assert int(answer.headers["retry-after"]) == 60
    typed = await house.browser.post("/rooms", data={"title": "As typed", **large})
    assert_told(typed, "As typed")
    assert "the disk is full" in typed.text
    await assert_reading_goes_on(house)
    assert len((await ada.call("GET", "/rooms", params={"limit": 200})).json()["rooms"]) == made
    full["pages"] = 1_000_000
    await engine.dispose()
    assert (await ada.call("POST", "/rooms", json={"title": "After", **large})).status_code == 201


@pytest.fixture
async def on_postgres(tmp_path: Path) -> AsyncIterator[tuple[House, Path, Path]]:
    programs = postgres.binaries()
    if programs is None:
        assert os.environ.get("CI") != "true", "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    folder = tmp_path / "cluster"
    folder.mkdir()
    with postgres.running(programs, folder) as url:
        async with open_house(tmp_path, database=url) as opened:
            yield opened, programs, folder


async def test_while_postgresql_is_stopped_each_page_and_call_says_so_and_all_is_there_afterwards(
    on_postgres: tuple[House, Path, Path],
) -> None:
    house, programs, folder = on_postgres
    ada = await furnish(house)
    postgres.control(programs, folder, "-m", "immediate", "stop")
    try:
        for path in READS:
            assert_told(await house.browser.get(path), "database_gone")
        page = await house.browser.get("/", headers={"Accept-Language": "de"})
        assert "Einen Moment" in page.text
        assert_told(await ada.call("POST", "/rooms", json={"title": "R"}), "database_gone")
        assert_told(await ada.call("GET", "/me"), "database_gone")
        assert_told(await house.browser.post("/rooms", data={"title": "R"}), "database_gone")
        assert_told(await house.browser.get("/readyz"), "database_gone")
        assert (await house.browser.get("/healthz")).status_code == 200
        assert (await house.browser.get("/api/docs")).status_code == 200
    finally:
        postgres.control(programs, folder, "start")
    await assert_reading_goes_on(house)
    assert [r["room"] for r in (await ada.call("GET", "/rooms")).json()["rooms"]] == ["hall"]
    assert (await ada.call("POST", "/rooms", json={"title": "After"})).status_code == 201
