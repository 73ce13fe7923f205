"""Calls that come twice at once, on both databases: carried out once; and nobody's change is lost."""

import asyncio

import pytest
from sqlalchemy import insert

from hustings.base.clock import ManualClock
from hustings.base.errors import HustingsError, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.store.schema import done_once
from hustings.web.accounts import queries as accounts
from hustings.web.accounts.model import Account
from hustings.web.once import MOST, Once, Repeated, expect_first, kept_of, once_for
from hustings.web.rooms.lists import Query
from hustings.web.rooms.model import Wish
from hustings.web.rooms.service import Rooms
from hustings.wire.tokens import KeyRing

CALL = once_for("ada", "opening", "POST /rooms", {"title": "Opening", "radio": False})


@pytest.fixture
async def rooms(database: Database) -> Rooms:
    async with database.write() as connection:
        await accounts.add_account(connection, Account("ada", "Ada", "host", 1))
    return Rooms(database, KeyRing([bytes(32)]), ManualClock())


def test_a_call_is_the_same_however_its_fields_are_ordered() -> None:
    same = once_for("ada", "opening", "POST /rooms", {"radio": False, "title": "Opening"})
    assert same == CALL
    assert once_for("ada", "opening", "POST /people", {}).digest != CALL.digest


async def test_the_same_call_twice_at_once_is_carried_out_once(rooms: Rooms) -> None:
    async def create(number: int) -> str:
        try:
            made = await rooms.create(RoomId(f"room-{number}"), Wish("Opening"), [], once=CALL)
        except Repeated as before:
            return before.made
        except TryLater as busy:
            return busy.code
        return made.room

    said = await asyncio.gather(*(create(number) for number in range(5)))
    [there] = (await rooms.page(Query(limit=10))).rooms
    assert set(said) <= {there.room, "once_busy"}
    assert await create(9) == there.room


async def test_a_change_of_what_was_read_at_once_is_made_by_one_only(rooms: Rooms) -> None:
    await rooms.create(RoomId("hall"), Wish("Hall"), [])
    seen = (await rooms.plan(RoomId("hall"))).version

    async def change(number: int) -> str:
        try:
            await rooms.change(RoomId("hall"), Wish(f"Hall {number}"), seen=seen)
        except HustingsError as refused:
            return refused.code
        return f"Hall {number}"

    said = await asyncio.gather(*(change(number) for number in range(5)))
    assert sorted(said)[1:] == ["room_changed"] * 4
    assert min(said) == (await rooms.plan(RoomId("hall"))).wish.title


async def test_names_are_kept_for_a_day_and_the_newest_thousand(
    rooms: Rooms, database: Database
) -> None:
    day_ms = 86_400_000

    async def first(name: str, now_ms: int, digest: str = "d") -> None:
        async with database.write() as connection:
            await expect_first(connection, Once("ada", name, digest), f"made-{name}", now_ms)

    await first("a", 1)
    with pytest.raises(Repeated):
        await first("a", day_ms)
    with pytest.raises(UserError, match="another call"):
        await first("a", day_ms, "other")
    await first("a", day_ms + 2)
    kept = [
        {"account": "ada", "once": f"n{n}", "digest": "d", "made": "m", "made_ms": day_ms + 3 + n}
        for n in range(MOST)
    ]
    async with database.write() as connection:
        await connection.execute(insert(done_once), kept)
    await first("z", 2 * day_ms)
    async with database.read() as connection:
        names = [each["once"] for each in await kept_of(connection, "ada")]
    assert len(names) == MOST
    assert (names[0], names[-1]) == ("z", "n1")  # "a" and "n0" had to go
