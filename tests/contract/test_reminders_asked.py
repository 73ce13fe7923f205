"""One mailbox, asked for many times at once, on both databases."""

import asyncio

from sqlalchemy import select

from hustings.base.clock import ManualClock
from hustings.settings import ReminderSettings
from hustings.store import Database
from hustings.store.schema import letters
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.outbound.names import Resolver
from hustings.web.reminders.events import event_of
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.service import Reminders
from hustings.web.rooms import queries as rooms
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.wire.kinds import Room
from tests.fakes.reminders import HALL, LINKS, MINUTE


async def test_one_mailbox_asked_many_times_at_once_gets_one_letter(database: Database) -> None:
    clock = ManualClock()
    facts = Room(room=HALL, title="Hall", host="Ada", start_ms=clock.wall_ms() + 60 * MINUTE)
    planned = PlannedRoom(HALL, Wish("Hall"), True, 1, facts)
    async with database.write() as connection:
        await rooms.add_room(connection, planned)
    door = Door(clock, resolve=Resolver(clock), allow=[], budget=Budget(rate=1, burst=1))
    links = ReminderLinks(b"x" * 32, LINKS.web)
    reminders = Reminders(database, clock, ReminderSettings(), links, door)
    event = event_of(planned, LINKS, "en")
    asks = (
        reminders.ask_by_mail(planned, event, "ada@example.org", "en", "", "192.0.2.1")
        for _ in range(5)
    )
    await asyncio.gather(*asks)
    async with database.read() as connection:
        assert len((await connection.execute(select(letters.c.key))).all()) == 1
