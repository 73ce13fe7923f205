"""A mailbox that is asked whether it wants to be reminded, on both databases: once, and behind the request."""

import asyncio
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from hustings.base.clock import ManualClock
from hustings.base.errors import TryLater
from hustings.settings import ReminderSettings
from hustings.store import Database
from hustings.store.schema import letters, subscriptions
from hustings.web import notes
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import Door
from hustings.web.outbound.names import Resolver
from hustings.web.post import queries as post
from hustings.web.post.model import Draft
from hustings.web.reminders.events import event_of
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.service import Reminders
from hustings.web.rooms import queries as rooms
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.wire.kinds import Room
from tests.fakes.reminders import HALL, LINKS, MINUTE
from tests.support.counting import counted


@dataclass
class Form:
    """The page of one room, as strangers use it."""

    database: Database
    most: int = 200_000
    clock: ManualClock = field(default_factory=ManualClock)

    async def open(self) -> "Form":
        facts = Room(
            room=HALL, title="Hall", host="Ada", start_ms=self.clock.wall_ms() + 600 * MINUTE
        )
        self.planned = PlannedRoom(HALL, Wish("Hall"), True, 1, facts)
        async with self.database.write() as connection:
            await rooms.add_room(connection, self.planned)
        door = Door(self.clock, resolve=Resolver(self.clock), budget=Budget(rate=1, burst=1))
        self.links = ReminderLinks(b"x" * 32, LINKS.web)
        wanted = ReminderSettings(subscribers=self.most)
        self.reminders = Reminders(self.database, self.clock, wanted, self.links, door)
        return self

    async def ask(self, who: str, visitor: str = "192.0.2.1") -> None:
        event = event_of(self.planned, LINKS, "en")
        address = f"{who}@example.org"
        await self.reminders.ask_by_mail(self.planned, event, address, "en", "", visitor)

    async def subscribe(self, who: str) -> None:
        await self.ask(who)
        await self.reminders.turn()
        async with self.database.read() as connection:
            query = select(subscriptions.c.subscription).where(
                subscriptions.c.address == f"{who}@example.org"
            )
            subscription = (await connection.execute(query)).scalar_one()
        assert await self.reminders.confirm(self.planned, self.links.token("yes", subscription))

    async def letters(self) -> int:
        async with self.database.read() as connection:
            return len((await connection.execute(select(letters.c.key))).all())


@pytest.fixture
async def form(database: Database) -> Form:
    return await Form(database).open()


async def test_one_mailbox_asked_many_times_at_once_gets_one_letter(form: Form) -> None:
    await asyncio.gather(*(form.ask("ada") for _ in range(5)))
    await form.reminders.turn()
    assert await form.letters() == 1


async def test_what_a_request_asks_the_database_does_not_depend_on_the_address(form: Form) -> None:
    await form.subscribe("subscribed")
    await form.ask("asked")
    await form.reminders.turn()
    statements = []
    for who in ("subscribed", "asked", "unknown"):
        with counted(form.database) as made:
            await form.ask(who)
        statements.append(list(made))
    assert statements[0] == statements[1] == statements[2]
    assert not any("address" in each for each in statements[0]), statements[0]


async def test_full_is_the_same_answer_for_every_address(database: Database) -> None:
    form = await Form(database, most=1).open()
    await form.subscribe("subscribed")
    for who in ("subscribed", "unknown"):
        with pytest.raises(TryLater) as full:
            await form.ask(who)
        assert full.value.code == "remind_full"


async def test_a_queue_of_letters_that_is_full_is_too(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    await form.subscribe("subscribed")
    monkeypatch.setattr(post, "PENDING", 2)
    monkeypatch.setattr(post, "URGENT", 0)
    some = [
        Draft(
            transport="mail", key=f"{n}", batch="b", host="h", recipient="r", body=b"", until_ms=1
        )
        for n in range(post.PENDING - await waiting(form))
    ]
    async with form.database.write() as connection:
        await post.add(connection, some, 1)
    for who in ("subscribed", "unknown"):
        with pytest.raises(TryLater) as full:
            await form.ask(who)
        assert full.value.code == "post_full"


async def test_asks_are_bounded_and_wait_for_the_database(
    form: Form, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "NOTES", 1)
    await form.ask("ada")
    with pytest.raises(TryLater) as full:
        await form.ask("bo")
    assert full.value.code == "remind_busy"
    add = post.add

    async def gone(*_: object) -> None:
        raise TryLater("database_gone", "The database does not answer.")

    monkeypatch.setattr(post, "add", gone)
    with pytest.raises(TryLater):
        await form.reminders.turn()
    monkeypatch.setattr(post, "add", add)
    await form.reminders.turn()
    assert await form.letters() == 1


async def test_a_room_that_went_meanwhile_holds_up_nobody_else(form: Form) -> None:
    await form.ask("ada")
    async with form.database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM rooms")
    await form.reminders.turn()
    assert await form.letters() == 0


async def test_a_link_of_one_room_confirms_nothing_on_the_page_of_another(form: Form) -> None:
    await form.ask("ada")
    await form.reminders.turn()
    async with form.database.read() as connection:
        subscription = (await connection.execute(select(subscriptions.c.subscription))).scalar_one()
    yard = PlannedRoom("yard", Wish("Yard"), True, 1)  # type: ignore[arg-type]
    assert not await form.reminders.confirm(yard, form.links.token("yes", subscription))


async def test_ending_what_is_not_there_takes_no_turn_at_the_writer_and_has_a_rate(
    form: Form,
) -> None:
    with counted(form.database) as made:
        await form.reminders.end_browser("https://push.example/1", HALL, "192.0.2.1")
    assert [each.partition(" ")[0] for each in made] == ["SELECT"]
    refused = [await ended_in(form, "192.0.2.1") for _ in range(100)]
    assert (refused[0], refused[-1]) == ("", "remind_rate")
    await form.ask("ada")  # who begins has a rate of their own
    await form.reminders.end_browser("https://push.example/1", HALL, "198.51.100.1")


async def ended_in(form: Form, visitor: str) -> str:
    """The code of the refusal; "" for none."""
    try:
        await form.reminders.end_browser("https://push.example/1", HALL, visitor)
    except TryLater as refused:
        return refused.code
    return ""


async def waiting(form: Form) -> int:
    async with form.database.read() as connection:
        return await post.pending(connection)
