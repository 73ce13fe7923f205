"""Host codes and sessions: used once, stored as hashes, ended by time."""

import asyncio

import pytest
from sqlalchemy import select

from hustings.base.clock import ManualClock
from hustings.base.errors import Denied
from hustings.store import Database
from hustings.store.schema import host_codes, sessions
from hustings.web.house.service import CODE_S, SESSION_S, House


async def test_a_code_is_used_once(database: Database) -> None:
    house = House(database, ManualClock())
    code = await house.first_code()
    assert code
    session = await house.redeem(code)
    assert await house.who(session)
    with pytest.raises(Denied) as caught:
        await house.redeem(code)
    assert caught.value.code == "code_bad"
    assert await house.first_code() is None


async def test_of_many_who_press_at_once_one_becomes_host(database: Database) -> None:
    house = House(database, ManualClock())
    code = await house.new_code()
    results = await asyncio.gather(*(house.redeem(code) for _ in range(8)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Denied"] * 7 + ["str"]


async def test_the_first_use_ends_the_other_links(database: Database) -> None:
    house = House(database, ManualClock())
    first, second = await house.first_code(), await house.first_code()
    assert first
    assert second
    await house.redeem(second)
    with pytest.raises(Denied):
        await house.redeem(first)


async def test_codes_and_sessions_run_out(database: Database) -> None:
    clock = ManualClock()
    house = House(database, clock)
    code, other = await house.new_code(), await house.new_code()
    clock.advance(CODE_S - 1)
    session = await house.redeem(code)
    late = await house.new_code()
    clock.advance(CODE_S + 1)
    for each in (other, late):
        with pytest.raises(Denied):
            await house.redeem(each)
    assert await house.who(session)
    clock.advance(SESSION_S)
    assert not await house.who(session)


async def test_leaving_ends_the_session(database: Database) -> None:
    house = House(database, ManualClock())
    session = await house.redeem(await house.new_code())
    await house.leave(session)
    assert not await house.who(session)


@pytest.mark.parametrize("text", ["", "x", "x" * 10_000, "ü\udce4"])
async def test_nonsense_is_no_session(database: Database, text: str) -> None:
    assert not await House(database, ManualClock()).who(text)


async def test_no_secret_stands_in_the_database(database: Database) -> None:
    house = House(database, ManualClock())
    code = await house.new_code()
    session = await house.redeem(code)
    async with database.read() as connection:
        rows = [*await connection.execute(select(host_codes))]
        rows += [*await connection.execute(select(sessions))]
    assert rows
    assert not any(secret in str(row) for row in rows for secret in (code, session))
