"""The house's rules in the database, and the rooms that are told of them."""

from typing import Any

import pytest

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.outbox import queries as outbox
from hustings.web.rooms.model import Wish
from hustings.web.rooms.service import Rooms
from hustings.web.rules.model import built_in
from hustings.web.rules.service import HouseRules
from hustings.wire.kinds import Room
from hustings.wire.rules import rules_of
from hustings.wire.tokens import KeyRing

DAY_MS = 86_400_000


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def rooms(database: Database, clock: ManualClock) -> Rooms:
    return Rooms(database, KeyRing([b"k" * 32]), clock)


async def sent(database: Database, clock: ManualClock) -> dict[str, Any]:
    """Room -> its rules on their way to the stage; they have arrived then."""
    found = {}
    async with database.write() as connection:
        for message in await outbox.due(connection, clock.wall_ms(), limit=200):
            found[message.room] = message.body.get("rules")
            await outbox.sent(connection, message)
    return found


async def test_what_owners_write_holds_and_taking_it_away_brings_the_built_in_back(
    database: Database, clock: ManualClock
) -> None:
    house = HouseRules(database, clock)
    assert await house.texts() == built_in()
    await house.write({"en": "Be kind.", "de": ""})
    assert await house.texts() == {"en": "Be kind."}
    await house.write({"de": "Kurz."})
    assert await house.texts() == {"de": "Kurz."}
    await house.write({})
    assert await house.texts() == built_in()


async def test_rooms_that_are_on_or_to_come_are_told_of_new_rules_once(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    now_ms = clock.wall_ms()
    house = HouseRules(database, clock)
    coming = now_ms + DAY_MS
    await rooms.create(RoomId("a"), Wish("A", start_ms=coming), [])
    await rooms.create(RoomId("b"), Wish("B", own_rules="One each."), [])
    await rooms.create(RoomId("own"), Wish("O", own_rules="Sing.", rules_alone=True), [])
    made = await sent(database, clock)
    assert made["a"] == {"house": built_in(), "own": ""}
    assert made["own"] == {"house": {}, "own": "Sing."}
    over = Room("over", "Over", "ended", ended_ms=now_ms)
    await rooms.learn(
        [over, Room("live", "L", "live", start_ms=now_ms), Room("gone", "G", start_ms=5)]
    )
    assert await house.write({"en": "Be kind."}) == 3
    told = await sent(database, clock)
    assert told.keys() == {"a", "b", "live"}
    assert told["b"] == {"house": {"en": "Be kind."}, "own": "One each."}
    known = rules_of({"en": "Be kind."}, "").id
    await rooms.learn([Room("live", "L", "live", start_ms=now_ms, rules=known)])
    assert await house.write({"en": "Be kind."}) == 2
    assert "live" not in await sent(database, clock)


async def test_many_rooms_are_told_in_turns(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    facts = [Room(f"r{n}", "R", start_ms=clock.wall_ms() + DAY_MS) for n in range(120)]
    await rooms.learn(facts)
    assert await HouseRules(database, clock).write({"en": "Be kind."}) == 120
    assert len(await sent(database, clock)) == 120


async def test_a_saved_room_takes_up_the_rules_of_the_house_as_they_are_then(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    await rooms.create(RoomId("a"), Wish("A"), [])
    await HouseRules(database, clock).write({"en": "Be kind."})
    await sent(database, clock)
    await rooms.change(RoomId("a"), Wish("A", own_rules="One each."))
    assert (await sent(database, clock))["a"] == {"house": {"en": "Be kind."}, "own": "One each."}


async def test_a_room_that_is_on_is_told_however_long_ago_it_began(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    start_ms = clock.wall_ms()
    facts = {"start_ms": start_ms, "live_ms": start_ms}
    await rooms.learn([Room("live", "L", "live", **facts), Room("lobby", "L", "lobby", **facts)])
    await rooms.learn([Room("forgotten", "F", start_ms=start_ms)])
    clock.advance(26 * 3_600)
    assert await HouseRules(database, clock).write({"en": "Be kind."}) == 2
    assert (await sent(database, clock)).keys() == {"live", "lobby"}


async def test_as_web_starts_rooms_planned_before_there_were_these_rules_are_told(
    rooms: Rooms, database: Database, clock: ManualClock
) -> None:
    coming = clock.wall_ms() + DAY_MS
    for name in ("before", "known", "over"):
        await rooms.create(RoomId(name), Wish(name, start_ms=coming), [])
    await rooms.create(RoomId("own"), Wish("O", own_rules="Sing.", rules_alone=True), [])
    await sent(database, clock)
    holds = rules_of(built_in(), "").id
    await rooms.learn(
        [
            Room("before", "before", start_ms=coming),
            Room("known", "known", start_ms=coming, rules=holds),
            Room("over", "over", "ended", ended_ms=clock.wall_ms()),
            Room("own", "O", rules=rules_of({}, "Sing.").id),
            Room("programs", "P", "live", rules="another"),
        ]
    )
    house = HouseRules(database, clock)
    assert await house.catch_up() == 1
    assert await sent(database, clock) == {"before": {"house": built_in(), "own": ""}}
    await rooms.learn([Room("before", "before", start_ms=coming, rules=holds)])
    assert await house.catch_up() == 0
