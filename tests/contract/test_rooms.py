"""Rooms and invitations: made together with their message to the stage."""

import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.outbox import queries as outbox
from hustings.web.outbox.model import Message
from hustings.web.rooms.model import INVITED, Person, Wish
from hustings.web.rooms.service import Rooms
from hustings.wire.kinds import Deleted, Room
from hustings.wire.tokens import KeyRing

KEYS = KeyRing([bytes(32)])
ROOM = RoomId("town-hall")
PEOPLE = [Person("Ada", "host"), Person("Bo", "cohost"), Person("Cy", "speaker")]


SOON = ManualClock().wall_ms() + 1_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rooms(database: Database, clock: ManualClock) -> Rooms:
    return Rooms(database, KEYS, clock)


async def messages(database: Database, clock: ManualClock) -> list[Message]:
    async with database.read() as connection:
        return await outbox.due(connection, clock.wall_ms(), limit=50)


async def test_a_room_is_made_with_its_invitations_and_told_to_the_stage(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    await rooms.create(ROOM, Wish(title="Town hall", host="Ada", start_ms=SOON), PEOPLE)
    (message,) = await messages(database, clock)
    assert (message.room, message.call) == (ROOM, "room")
    assert message.body["title"] == "Town hall"
    assert message.body["state"] == "scheduled"
    made = await rooms.invitations(ROOM)
    assert [(i.name, i.role) for i in made] == [(p.name, p.role) for p in PEOPLE]
    assert len({i.seat for i in made}) == 3


async def test_all_that_was_wished_is_kept(rooms: Rooms, clock: ManualClock) -> None:
    wish = Wish(
        "a",
        "b",
        "de",
        "Ada",
        SOON,
        radio=True,
        expected=90_000_000,
        delay_s=7,
        keep_days=30,
        lobby_min=0,
        doors="live",
        own_rules="c",
        rules_alone=True,
    )
    await rooms.create(ROOM, wish, PEOPLE)
    assert (await rooms.room(ROOM)).wish == wish
    other = Wish("x", expected=1, delay_s=3)  # and kept for ever, opened as usual
    await rooms.change(ROOM, other)
    assert (await rooms.room(ROOM)).wish == other


async def test_of_a_deleted_room_only_the_title_stays(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    await rooms.create(ROOM, Wish("Town hall", "About Ada", "de", "Ada"), PEOPLE)
    await rooms.create(RoomId("other"), Wish("Other", "About Bo"), PEOPLE)
    await rooms.learn([Room(ROOM, "Town hall", "ended", deleted=Deleted(5, "host", "why"))])
    left = await rooms.room(ROOM)
    assert (left.wish.description, left.wish.host, left.title) == ("", "", "Town hall")
    assert left.facts is not None
    assert left.facts.deleted == Deleted(5, "host", "why")
    assert await rooms.invitations(ROOM) == []
    assert [message.room for message in await messages(database, clock)] == ["other"]
    assert len(await rooms.invitations(RoomId("other"))) == 3


async def test_an_invitation_is_the_same_each_time_and_names_its_seat(
    rooms: Rooms, clock: ManualClock
) -> None:
    await rooms.create(ROOM, Wish(title="x"), PEOPLE)
    invitation = (await rooms.invitations(ROOM))[1]
    link = rooms.sign(invitation)
    clock.advance(86_400)
    assert rooms.sign((await rooms.invitations(ROOM))[1]) == link
    claims = KEYS.check(link, kind="invite", now_s=clock.wall_ms() / 1_000, room=ROOM)
    assert (claims.sub, claims.role, claims.name) == (invitation.seat, "cohost", "Bo")


async def test_a_taken_address_makes_nothing(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    await rooms.create(ROOM, Wish(title="first"), PEOPLE)
    with pytest.raises(UserError) as caught:
        await rooms.create(ROOM, Wish(title="second"), PEOPLE)
    assert caught.value.code == "room_taken"
    assert (await rooms.room(ROOM)).title == "first"
    assert len(await rooms.invitations(ROOM)) == 3
    assert [m.body["title"] for m in await messages(database, clock)] == ["first"]


async def test_withdrawing_tells_the_stage_once(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    await rooms.create(ROOM, Wish(title="x"), PEOPLE)
    async with database.write() as connection:
        for message in await outbox.due(connection, clock.wall_ms(), limit=9):
            await outbox.sent(connection, message)
    invitation = (await rooms.invitations(ROOM))[2]
    await rooms.revoke(ROOM, invitation.jti)
    await rooms.revoke(ROOM, invitation.jti)
    await rooms.revoke(RoomId("other"), invitation.jti)
    assert [m.body for m in await messages(database, clock)] == [{"participant": invitation.seat}]
    assert (await rooms.invitations(ROOM))[2].revoked_ms == clock.wall_ms()


async def test_invitations_are_bounded(rooms: Rooms) -> None:
    await rooms.create(ROOM, Wish(title="x"), [Person(str(n), "speaker") for n in range(INVITED)])
    with pytest.raises(UserError) as caught:
        await rooms.invite(ROOM, Person("one more", "speaker"))
    assert caught.value.code == "people_many"
    await rooms.revoke(ROOM, (await rooms.invitations(ROOM))[0].jti)
    await rooms.invite(ROOM, Person("one more", "speaker"))


async def test_what_the_stage_says_counts(rooms: Rooms, clock: ManualClock) -> None:
    await rooms.create(ROOM, Wish(title="planned", start_ms=SOON), PEOPLE)
    live = Room(room=ROOM, title="As said", state="live", host="Ada")
    demo = Room(room="demo", title="Demo", state="ended")
    await rooms.learn([live, demo])
    calendar = await rooms.calendar()
    assert [(r.room, r.title, r.state) for r in calendar.live] == [(ROOM, "As said", "live")]
    assert [(r.room, r.made_here) for r in calendar.past.rooms] == [("demo", False)]
    assert calendar.coming.rooms == []
    with pytest.raises(UserError):
        await rooms.open_lobby(ROOM)


async def test_past_rooms_stand_by_when_they_ended_whenever_web_hears_of_them(
    rooms: Rooms, clock: ManualClock
) -> None:
    now_ms = clock.wall_ms()
    late, early = (
        Room(room=name, title=name, state="ended", ended_ms=now_ms - ago_ms)
        for name, ago_ms in (("late", 1_000), ("early", 86_400_000))
    )
    for facts in (late, early):
        await rooms.learn([facts])
        clock.advance(10)
    await rooms.learn([early, late])  # told again: nothing moves
    assert [room.room for room in (await rooms.calendar()).past.rooms] == ["late", "early"]


async def test_the_calendar_begins_with_what_begins_first(rooms: Rooms) -> None:
    for name, start_ms in (("late", SOON + 200), ("open", 0), ("soon", SOON)):
        await rooms.create(RoomId(name), Wish(title=name, start_ms=start_ms), [])
    assert [room.room for room in (await rooms.calendar()).coming.rooms] == ["soon", "late", "open"]


async def test_an_unknown_room(rooms: Rooms) -> None:
    with pytest.raises(NotFound) as caught:
        await rooms.room(RoomId("nowhere"))
    assert caught.value.code == "room_unknown"
