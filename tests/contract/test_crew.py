"""Who may edit one room, on both databases: it holds in that room, and ends with the account or the room."""

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.accounts import queries as accounts
from hustings.web.accounts.model import Account
from hustings.web.crew.queries import Duty, Member
from hustings.web.crew.service import MOST, Crew
from hustings.web.rooms.model import Person, Wish
from hustings.web.rooms.service import Rooms
from hustings.wire.kinds import Deleted, Room
from hustings.wire.tokens import KeyRing

HALL, OTHER = RoomId("hall"), RoomId("other")
CLOCK = ManualClock()


@pytest.fixture
async def crew(database: Database) -> Crew:
    rooms = Rooms(database, KeyRing([b"k" * 32]), CLOCK)
    for room in (HALL, OTHER):
        await rooms.create(room, Wish(title=room.title()), [Person("Ada", "host")])
    people = [("ada", "staff"), ("bo", "member"), ("cy", "checker")]
    async with database.write() as connection:
        for name, role in people:
            await accounts.add_account(connection, Account(name, name.title(), role, 1))
    return Crew(database, CLOCK)


async def test_a_role_holds_in_one_room_until_it_is_taken_back(crew: Crew) -> None:
    there, others = await crew.of(HALL)
    assert (there, [each.account for each in others]) == ([], ["bo", "cy"])  # staff edits all
    await crew.add(HALL, "bo", "cohost")
    await crew.add(HALL, "bo", "cohost")  # again is as once
    there, others = await crew.of(HALL)
    assert there == [Member("bo", "Bo", "cohost")]
    assert [each.account for each in others] == ["cy"]
    assert (await crew.role_in(HALL, "bo"), await crew.role_in(OTHER, "bo")) == ("cohost", "")
    assert await crew.role_in(HALL, "") == ""
    assert await crew.duties("bo") == [Duty("hall", "Hall", "cohost", CLOCK.wall_ms())]
    await crew.remove(HALL, "bo")
    await crew.remove(HALL, "bo")
    assert (await crew.role_in(HALL, "bo"), await crew.duties("bo")) == ("", [])


async def test_only_people_of_the_house_and_only_so_many(crew: Crew, database: Database) -> None:
    with pytest.raises(NotFound):
        await crew.add(HALL, "nobody", "cohost")
    async with database.write() as connection:
        for n in range(MOST):
            await accounts.add_account(connection, Account(f"p{n}", f"P{n}", "member", 1))
    for n in range(MOST):
        await crew.add(HALL, f"p{n}", "cohost")
    with pytest.raises(UserError) as refused:
        await crew.add(HALL, "bo", "cohost")
    assert refused.value.code == "crew_many"
    await crew.add(OTHER, "bo", "cohost")


async def test_it_goes_with_the_account_and_with_the_recording(
    crew: Crew, database: Database
) -> None:
    await crew.add(HALL, "bo", "cohost")
    await crew.add(HALL, "cy", "cohost")
    async with database.write() as connection:
        await accounts.delete_account(connection, "bo")
    assert [each.account for each in (await crew.of(HALL))[0]] == ["cy"]
    rooms = Rooms(database, KeyRing([b"k" * 32]), CLOCK)
    gone = Room("hall", "Hall", "ended")
    await rooms.learn([msgspec.structs.replace(gone, deleted=Deleted(1, "host", "asked"))])
    assert (await crew.of(HALL))[0] == []
    assert await crew.duties("cy") == []
