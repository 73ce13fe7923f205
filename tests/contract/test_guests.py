"""Guests on both databases: what reaches the stage, links that end, what goes with the room."""

import base64
from typing import Any

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.guests import queries
from hustings.web.guests.model import MOST, PURPOSES, Card, Guest, Purpose, Said
from hustings.web.guests.service import NEVER_HELD_MS, Guests
from hustings.web.outbox import queries as outbox
from hustings.web.outbox.model import Message
from hustings.web.rooms.model import Person, Wish
from hustings.web.rooms.service import Rooms
from hustings.wire import kinds
from hustings.wire.kinds import Deleted, Room
from hustings.wire.pictures import digest
from hustings.wire.tokens import KeyRing
from tests.fakes.photos import jpeg
from tests.support.counting import counted

HALL, OTHER = RoomId("hall"), RoomId("other")
KEYS = KeyRing([b"k" * 32])
PICTURE = jpeg()
HERE = "192.0.2.1"
ALL = frozenset(PURPOSES)
CARD = Card("Bo Lind", "Mayor of Kalmar")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def rooms(database: Database, clock: ManualClock) -> Rooms:
    made = Rooms(database, KEYS, clock)
    for room in (HALL, OTHER):
        wish = Wish(title=room.title(), start_ms=clock.wall_ms() + 1, keep_days=30)
        await made.create(room, wish, [Person("Ada", "host")])
    return made


@pytest.fixture
def guests(database: Database, rooms: Rooms, clock: ManualClock) -> Guests:
    return Guests(database, KEYS, clock)


def said(card: Card, agreed: frozenset[Purpose]) -> Said:
    return Said(card, agreed, "30")


def token(guests: Guests, guest: Guest) -> str:
    return guests.link(guest, "").partition("?t=")[2]


async def sent(database: Database, room: RoomId = HALL) -> list[Message]:
    """All that waits for the stage."""
    async with database.write() as connection:
        found = []
        while some := [
            m for m in await outbox.due(connection, 1 << 50, limit=50) if m.room == room
        ]:
            found += some
            for message in some:
                await outbox.sent(connection, message)
        return found


async def told(database: Database) -> list[dict[str, Any]]:
    last: list[dict[str, Any]] = (await sent(database))[-1].body["guests"]
    return last


async def test_nothing_of_a_guest_is_announced_before_they_agree(
    guests: Guests, database: Database, clock: ManualClock
) -> None:
    bo = await guests.add(HALL, CARD)
    [now] = await told(database)
    assert (now["announced"], now["recorded"], now["picture"]) == (False, False, "")
    agreed = await guests.say(HALL, token(guests, bo), HERE, said(CARD, frozenset({"announce"})))
    answer = agreed.answer("announce")
    assert answer is not None
    assert answer.at_ms == clock.wall_ms()
    assert await guests.of(HALL) == [agreed]
    [now] = await told(database)
    assert (now["announced"], now["recorded"]) == (True, False)
    with counted(database) as asked:  # the same form twice is one answer, and no news
        assert (
            await guests.say(HALL, token(guests, bo), HERE, said(CARD, frozenset({"announce"})))
            == agreed
        )
    assert not [each for each in asked if not each.startswith("SELECT")]
    assert await sent(database) == []


async def test_a_picture_waits_here_until_it_may_be_shown_and_goes_when_it_may_not(
    guests: Guests, database: Database
) -> None:
    bo = await guests.add(HALL, CARD)
    link = token(guests, bo)
    await sent(database)
    await guests.show(HALL, link, HERE, PICTURE)
    assert await sent(database) == []  # nobody but the guest sees it
    assert (await guests.by_link(HALL, link, HERE))[1] == PICTURE
    await guests.say(HALL, link, HERE, said(CARD, ALL))
    picture, room = await sent(database)
    assert base64.b64decode(picture.body["jpeg"]) == PICTURE
    assert room.body["guests"][0]["picture"] == digest(PICTURE) == picture.body["hash"]
    await guests.say(HALL, link, HERE, said(CARD, frozenset({"announce"})))
    [now] = await told(database)
    assert (now["picture"], now["announced"]) == ("", True)
    found, kept = await guests.by_link(HALL, link, HERE)
    assert (found.picture, kept) == ("", b"")
    async with database.read() as connection:
        assert await queries.jpeg(connection, bo.guest) == b""


async def test_all_of_it_is_taken_back_at_once_also_on_our_own_pages(
    guests: Guests, rooms: Rooms, database: Database
) -> None:
    bo = await guests.add(HALL, CARD)
    link = token(guests, bo)
    await guests.show(HALL, link, HERE, PICTURE)
    await guests.say(HALL, link, HERE, said(CARD, ALL))
    seen = kinds.Guest(bo.guest, "Bo Lind", picture=digest(PICTURE))
    await rooms.learn([Room("hall", "Hall", guests=[seen])])
    taken = await guests.withdraw(HALL, link, HERE)
    assert not any(taken.agrees(each) for each in PURPOSES)
    assert [each.agreed for each in taken.answers] == [True] * 3 + [False] * 3
    facts = (await rooms.room(HALL)).facts
    assert facts is not None
    assert facts.guests == []  # though the stage may be away
    assert (await told(database))[0]["announced"] is False
    assert await guests.withdraw(HALL, link, HERE) == taken
    late = Room("hall", "Hall", notice="Soon", guests=[seen])
    await rooms.learn([late, Room("other", "Other")])  # it was under way meanwhile
    facts = (await rooms.room(HALL)).facts
    assert facts is not None
    assert (facts.guests, facts.notice) == ([], "Soon")
    await guests.say(HALL, link, HERE, said(CARD, frozenset({"announce"})))
    await rooms.learn([late])
    facts = (await rooms.room(HALL)).facts
    assert facts is not None
    assert facts.guests == []  # with a picture that is none any more
    await rooms.learn([msgspec.structs.replace(late, guests=[kinds.Guest(bo.guest, "Bo Lind")])])
    facts = (await rooms.room(HALL)).facts
    assert facts is not None
    assert [each.id for each in facts.guests] == [bo.guest]


async def test_a_guest_who_tries_many_pictures_holds_nothing_back(
    guests: Guests, database: Database, clock: ManualClock
) -> None:
    link = token(guests, await guests.add(HALL, CARD))
    for n in range(3):
        clock.advance(60)
        comment = b"\xff\xfe\x00\x03" + bytes([n])
        await guests.show(HALL, link, HERE, PICTURE[:2] + comment + PICTURE[2:])
        await guests.say(HALL, link, HERE, said(CARD, ALL))
    waiting = await sent(database)
    assert [each.call for each in waiting] == ["picture", "room"]
    assert waiting[1].body["guests"][0]["picture"] == waiting[0].body["hash"]
    await guests.show(HALL, link, HERE, PICTURE)
    await guests.say(HALL, link, HERE, said(CARD, ALL))
    await guests.withdraw(HALL, link, HERE)
    assert [each.call for each in await sent(database)] == ["room"]  # what is deleted does not go


async def test_a_link_is_one_guests_of_one_room_until_it_is_renewed(
    guests: Guests, clock: ManualClock
) -> None:
    bo = await guests.add(HALL, CARD)
    link = token(guests, bo)
    assert token(guests, (await guests.of(HALL))[0]) == link  # the same text each time
    foreign = Guests(guests._database, KeyRing([b"f" * 32]), clock)
    other = await guests.add(OTHER, CARD)
    renewed = await guests.renew(HALL, bo.guest)
    bad = [link, token(foreign, renewed), token(guests, other), "", "x.y", link + "x"]
    for each in bad:
        with pytest.raises(NotFound) as refused:
            await guests.by_link(HALL, each, HERE)
        assert refused.value.code == "guest_link"
        with pytest.raises(NotFound):
            await guests.withdraw(HALL, each, HERE)
    assert (await guests.by_link(HALL, token(guests, renewed), HERE))[0].guest == bo.guest
    await guests.remove(HALL, bo.guest)
    with pytest.raises(NotFound):
        await guests.by_link(HALL, token(guests, renewed), HERE)


async def test_who_tries_many_links_waits_and_good_ones_go_on(guests: Guests) -> None:
    link = token(guests, await guests.add(HALL, CARD))

    async def guess() -> None:
        for n in range(100):
            with pytest.raises(NotFound):
                await guests.by_link(HALL, f"{n}.x", HERE)

    async def waver() -> None:
        for n in range(100):
            await guests.say(HALL, link, HERE, said(Card(f"Bo {n}"), ALL))

    with pytest.raises(TryLater) as refused:
        await guess()
    assert refused.value.code == "request_rate"
    await guests.by_link(HALL, link, HERE)
    with pytest.raises(NotFound):
        await guests.by_link(HALL, "x", "198.51.100.7")
    with pytest.raises(TryLater):
        await waver()


async def test_hosts_order_correct_and_remove_them(guests: Guests, database: Database) -> None:
    bo, cy, di = [await guests.add(HALL, Card(name)) for name in ("Bo", "Cy", "Di")]
    await guests.move(HALL, di.guest, -1)
    await guests.move(HALL, bo.guest, -1)
    assert [each.name for each in await guests.of(HALL)] == ["Bo", "Di", "Cy"]
    await guests.put_at(HALL, cy.guest, 0)
    assert [each["name"] for each in await told(database)] == ["Cy", "Bo", "Di"]
    await guests.say(HALL, token(guests, cy), HERE, said(Card("Cy"), ALL))
    changed = await guests.change(HALL, cy.guest, {"line": "Clown"})
    assert not changed.announced  # they agreed to other words
    await guests.remove(HALL, bo.guest)
    assert [each["name"] for each in await told(database)] == ["Cy", "Di"]
    for act in (
        guests.remove(HALL, bo.guest),
        guests.change(OTHER, cy.guest, {}),
        guests.renew(HALL, "x"),
    ):
        with pytest.raises(NotFound):
            await act
    for n in range(MOST - 2):
        await guests.add(HALL, Card(f"G{n}"))
    with pytest.raises(UserError) as refused:
        await guests.add(HALL, CARD)
    assert refused.value.code == "guests_many"


async def test_a_recording_kept_for_longer_is_asked_about_anew(
    guests: Guests, rooms: Rooms, database: Database
) -> None:
    bo = await guests.add(HALL, CARD)
    await guests.say(HALL, token(guests, bo), HERE, said(CARD, ALL))
    wish = (await rooms.room(HALL)).wish
    await rooms.change(HALL, msgspec.structs.replace(wish, keep_days=7))
    assert (await told(database))[0]["recorded"] is True
    await rooms.change(HALL, msgspec.structs.replace(wish, keep_days=None))
    [now] = await told(database)
    assert (now["recorded"], now["announced"]) == (False, True)


async def test_one_photo_at_a_time_and_not_too_many(guests: Guests) -> None:
    bo, cy = [await guests.add(HALL, Card(name)) for name in ("Bo", "Cy")]
    link = token(guests, bo)

    async def bring(more: str = link) -> None:
        async with guests.photo(HALL, more, HERE):
            pass

    async with guests.photo(HALL, link, HERE):
        with pytest.raises(TryLater) as refused:
            await bring()
        assert refused.value.code == "picture_busy"
        await bring(token(guests, cy))

    async def hurry() -> None:
        for _ in range(50):
            await bring()

    with pytest.raises(TryLater) as refused:
        await hurry()
    assert refused.value.code == "request_rate"
    with pytest.raises(NotFound):
        await bring("x")


async def test_they_go_with_the_recording_and_after_an_evening_that_was_not_held(
    guests: Guests, rooms: Rooms, clock: ManualClock, database: Database
) -> None:
    await guests.add(HALL, CARD)
    await guests.add(OTHER, CARD)
    for name, wish in (
        ("undated", Wish(title="U")),
        ("shut", Wish(title="S")),
        ("held", Wish(title="H")),
    ):
        await rooms.create(RoomId(name), wish, [Person("Ada", "host")])
        await guests.add(RoomId(name), CARD)
    now_ms = clock.wall_ms()
    shut = Room("shut", "S", "ended", ended_ms=now_ms, cancelled_ms=now_ms)  # out of its lobby
    held = Room("held", "H", "ended", ended_ms=now_ms, live_ms=now_ms - 1)
    await rooms.learn([shut, held])
    deleted = Room("hall", "Hall", "ended", deleted=Deleted(1, "host", "asked"))
    await rooms.learn([deleted])
    assert await guests.of(HALL) == []
    with pytest.raises(UserError):
        await guests.add(HALL, CARD)
    clock.advance((NEVER_HELD_MS - 10) / 1_000)
    assert await guests.tidy() == 0
    clock.advance(1)
    assert await guests.tidy() == 3
    for name in (OTHER, RoomId("undated"), RoomId("shut")):
        assert await guests.of(name) == []
    assert len(await guests.of(RoomId("held"))) == 1
    assert (await sent(database, OTHER))[-1].body["guests"] == []
    assert await guests.tidy() == 0
