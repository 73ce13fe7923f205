"""Who helps with one room, on both databases: it holds in that room, and ends with the account or the room."""

from dataclasses import replace

import msgspec
import pytest
from sqlalchemy import select

from hustings.base.clock import ManualClock
from hustings.base.errors import Denied, NotFound, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.store.schema import outbox
from hustings.web.accounts import queries as accounts
from hustings.web.accounts.model import Account, Who
from hustings.web.accounts.rules import Role, RoomRole
from hustings.web.crew import queries
from hustings.web.crew.model import Duty, Member
from hustings.web.crew.service import MOST, Crew
from hustings.web.guests.model import Card
from hustings.web.guests.service import Guests
from hustings.web.people.service import People
from hustings.web.rooms.model import Person, Wish
from hustings.web.rooms.service import Rooms
from hustings.wire.kinds import Deleted, Room
from hustings.wire.tokens import PASS_SECONDS, Claims, KeyRing

HALL, OTHER = RoomId("hall"), RoomId("other")
CLOCK = ManualClock()
KEYS = KeyRing([b"k" * 32])
BO = Who("s", "bo", "Bo", "member")
MO, OWEN = Who("s", "mo", "Mo", "moderator"), Who("s", "owen", "Owen", "owner")


@pytest.fixture
async def crew(database: Database) -> Crew:
    rooms = Rooms(database, KEYS, CLOCK)
    for room in (HALL, OTHER):
        await rooms.create(room, Wish(title=room.title()), [Person("Ada", "host")])
    people = [("ada", "staff"), ("bo", "member"), ("cy", "checker")]
    async with database.write() as connection:
        for name, role in people:
            await accounts.add_account(connection, Account(name, name.title(), role, 1))
    return Crew(database, CLOCK, KEYS)


@pytest.fixture
async def people(crew: Crew, database: Database) -> People:
    """And two more: a moderator of the house, and its owner."""
    assert crew
    async with database.write() as connection:
        for who in (MO, OWEN):
            await accounts.add_account(connection, Account(who.account, who.name, who.role, 1))
    return People(database, CLOCK, KEYS)


def claims(ticket: str) -> Claims:
    return KEYS.check(ticket, kind="invite", now_s=CLOCK.wall_ms() / 1_000)


async def put_out(database: Database) -> list[tuple[str, str]]:
    """Room and seat of those whom the stage is to put out."""
    async with database.read() as connection:
        query = select(outbox).where(outbox.c.call == "revoke").order_by(outbox.c.id)
        rows = (await connection.execute(query)).all()
    return [(row.room, msgspec.json.decode(row.body)["participant"]) for row in rows]


async def test_a_role_holds_in_one_room_until_it_is_taken_back(
    crew: Crew, database: Database
) -> None:
    there, others = await crew.of(HALL)
    assert (there, [each.account for each in others]) == ([], ["bo", "cy"])  # staff leads all
    await crew.give(HALL, "bo", "cohost")
    await crew.give(HALL, "bo", "cohost")  # again is as once
    there, others = await crew.of(HALL)
    assert there == [Member("bo", "Bo", "cohost")]
    assert [each.account for each in others] == ["cy"]
    assert (await crew.role_in(HALL, "bo"), await crew.role_in(OTHER, "bo")) == ("cohost", "")
    assert await crew.role_in(HALL, "") == ""
    await crew.give(HALL, "bo", "moderator")
    async with database.read() as connection:
        duties = await queries.duties(connection, "bo")
    assert duties == [Duty("hall", "Hall", "moderator", CLOCK.wall_ms())]
    await crew.remove(HALL, "bo")
    await crew.remove(HALL, "bo")
    assert (await crew.role_in(HALL, "bo"), await crew.places("bo")) == ("", [])
    assert await put_out(database) == []  # they never went there


async def test_only_people_of_the_house_and_only_so_many(crew: Crew, database: Database) -> None:
    with pytest.raises(NotFound):
        await crew.give(HALL, "nobody", "cohost")
    async with database.write() as connection:
        for n in range(MOST):
            await accounts.add_account(connection, Account(f"p{n}", f"P{n}", "member", 1))
    for n in range(MOST):
        await crew.give(HALL, f"p{n}", "cohost")
    with pytest.raises(UserError) as refused:
        await crew.give(HALL, "bo", "cohost")
    assert refused.value.code == "crew_many"
    await crew.give(HALL, "p0", "host")  # who is there may get another one
    await crew.give(OTHER, "bo", "cohost")


async def test_it_goes_with_the_account_and_with_the_recording(
    crew: Crew, people: People, database: Database
) -> None:
    await crew.give(HALL, "bo", "cohost")
    await crew.give(HALL, "cy", "cohost")
    seat, _ = await crew.come(BO, HALL)
    await people.remove("bo")
    assert [each.account for each in (await crew.of(HALL))[0]] == ["cy"]
    assert await put_out(database) == [("hall", seat.seat)]
    rooms = Rooms(database, KEYS, CLOCK)
    gone = Room("hall", "Hall", "ended")
    await rooms.learn([replace_deleted(gone)])
    assert (await crew.of(HALL))[0] == []
    assert await crew.places("cy") == []


def replace_deleted(room: Room) -> Room:
    return msgspec.structs.replace(room, deleted=Deleted(1, "host", "asked"))


async def test_a_pass_says_whose_seat_it_is_for_two_minutes(crew: Crew) -> None:
    await crew.give(HALL, "bo", "moderator")
    seat, ticket = await crew.come(BO, HALL)
    said = claims(ticket)
    assert (said.room, said.sub, said.role, said.name) == ("hall", seat.seat, "moderator", "Bo")
    assert said.exp - said.iat == PASS_SECONDS
    again, other = await crew.come(BO, HALL)
    assert (again, claims(other).jti == said.jti) == (seat, False)  # one seat, another pass
    with pytest.raises(Denied):
        await crew.come(BO, OTHER)
    with pytest.raises(NotFound):
        await crew.come(BO, RoomId("nowhere"))
    with pytest.raises(Denied):
        await crew.come(replace(BO, account="gone"), HALL)


@pytest.mark.parametrize(
    ("role", "after"), [("cohost", "host"), ("moderator", "checker"), ("host", "moderator")]
)
async def test_another_role_in_the_room_is_another_seat(
    crew: Crew, database: Database, role: RoomRole, after: RoomRole
) -> None:
    await crew.give(HALL, "bo", role)
    seat, _ = await crew.come(BO, HALL)
    await crew.give(HALL, "bo", role)
    assert await put_out(database) == []
    await crew.give(HALL, "bo", after)
    assert await put_out(database) == [("hall", seat.seat)]
    new, ticket = await crew.come(BO, HALL)
    assert (new.role, claims(ticket).role, new.seat == seat.seat) == (after, after, False)
    await crew.remove(HALL, "bo")
    assert await put_out(database) == [("hall", seat.seat), ("hall", new.seat)]
    with pytest.raises(Denied):
        await crew.come(BO, HALL)


async def test_a_role_in_the_house_leads_to_every_stage_and_its_loss_away_from_all(
    crew: Crew, people: People, database: Database
) -> None:
    seats = [(await crew.come(MO, room))[0] for room in (HALL, OTHER)]
    assert {each.role for each in seats} == {"moderator"}
    await crew.give(HALL, "mo", "checker")  # less than they are anyway
    assert await put_out(database) == []
    await people.set_role("mo", "member")
    assert sorted(await put_out(database)) == sorted((each.room, each.seat) for each in seats)
    left, _ = await crew.come(MO, HALL)
    assert left.role == "checker"
    with pytest.raises(Denied):
        await crew.come(MO, OTHER)


@pytest.mark.parametrize(
    ("role", "there", "ends"),
    [("owner", "host", False), ("host", "host", False), ("moderator", "moderator", True)],
)
async def test_a_seat_stays_while_the_right_to_it_does(
    crew: Crew, people: People, database: Database, role: Role, there: str, ends: bool
) -> None:
    await crew.give(HALL, "bo", "host")
    await people.set_role("bo", role)
    seat, _ = await crew.come(BO, HALL)
    assert seat.role == "host"
    await crew.remove(HALL, "bo")
    assert (len(await put_out(database)) == 1) == ends
    assert (await crew.come(BO, HALL))[0].role == there


async def test_of_an_evening_that_is_over_nobody_is_put_out(
    crew: Crew, people: People, database: Database
) -> None:
    await crew.give(HALL, "bo", "cohost")
    seat, _ = await crew.come(BO, HALL)
    await Rooms(database, KEYS, CLOCK).learn([Room("hall", "Hall", "ended", tracks=[seat.seat])])
    await crew.remove(HALL, "bo")
    assert await put_out(database) == []
    assert (await crew.come(BO, HALL))[0] == seat  # to take back their own track
    assert await people.person("owen")
    with pytest.raises(UserError) as refused:
        await crew.come(OWEN, HALL)  # who never was there
    assert refused.value.code == "room_state"


async def test_what_somebody_made_can_be_withdrawn_with_their_role(
    crew: Crew, people: People, database: Database
) -> None:
    rooms = Rooms(database, KEYS, CLOCK)
    for name in ("bo", "cy"):
        await crew.give(HALL, name, "cohost")
    link = await rooms.invite(HALL, Person("Eve", "speaker"), by="bo")
    encoder = await rooms.invite(HALL, Person("Desk", "speaker"), "whip", by="bo")
    elsewhere = await rooms.invite(OTHER, Person("Eve", "speaker"), by="bo")
    others = await rooms.invite(HALL, Person("Flo", "speaker"), by="cy")
    guests = Guests(database, KEYS, CLOCK)
    seen = await guests.add(HALL, Card("Di"))
    await crew.remove(HALL, "bo", links=True)
    [di] = await guests.of(HALL)
    assert di.link != seen.link  # they may have kept it
    assert sorted(await put_out(database)) == sorted([("hall", link.seat), ("hall", encoder.seat)])
    good = {each.jti for each in await rooms.invitations(HALL) if not each.revoked_ms}
    assert others.jti in good
    assert not good & {link.jti, encoder.jti}
    await crew.remove(HALL, "cy")  # and without the choice they stay
    assert await guests.of(HALL) == [di]
    assert not [e for e in await rooms.invitations(HALL) if e.jti == others.jti and e.revoked_ms]
    await people.remove("bo", links=True)
    assert ("other", elsewhere.seat) in await put_out(database)
    await people.remove("cy")
    assert {each.made_by for each in await rooms.invitations(HALL)} == {""}
