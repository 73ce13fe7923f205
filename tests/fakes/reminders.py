"""A dispatch with its own database, clock and transports: an evening's reminders in no time."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import insert, select

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.store.schema import outbox, subscriptions
from hustings.web.post.model import Letter
from hustings.web.post.service import Post
from hustings.web.reminders import closing
from hustings.web.reminders.dispatch import Dispatch
from hustings.web.reminders.letters import Letters
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.model import Channel
from hustings.web.reminders.occasions import Rules
from hustings.web.reminders.service import address_hash
from hustings.web.reminders.spread import place_of
from hustings.web.rooms import queries as rooms
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.web.rooms.service import Rooms
from hustings.wire.kinds import Room
from hustings.wire.links import Links
from hustings.wire.tokens import KeyRing
from tests.fakes.push_service import Browser
from tests.fakes.transports import FakeTransport

HALL = RoomId("hall")
MINUTE = 60_000
RULES = Rules(window_ms=20 * MINUTE, ahead_ms=10 * MINUTE, most=50.0)
LINKS = Links("https://house.example", "https://house.example", "https://house.example")
BROWSER = Browser()


def rows(
    count: int, channel: Channel, *, told_ms: int, room: str = HALL, prefix: str = ""
) -> list[dict[str, Any]]:
    """Subscriptions as the database has them, confirmed."""
    made = []
    for number in range(count):
        name = f"{prefix}{channel}{number}"
        address = f"{name}@example.org" if channel == "mail" else f"https://push.example/{name}"
        made.append(
            {
                "subscription": name,
                "room": room,
                "channel": channel,
                "address": address,
                "address_hash": address_hash(channel, address),
                "keys": b"" if channel == "mail" else BROWSER.point + BROWSER.auth,
                "language": ("en", "de", "ar")[number % 3],
                "zone": "Europe/Berlin",
                "place": place_of(name),
                "made_ms": 1,
                "confirmed_ms": 1,
                "told_ms": told_ms,
                "reminded_ms": 0,
            }
        )
    return made


@dataclass
class Desk:
    """One house's dispatch. `start_ms` is the evening's."""

    database: Database
    clock: ManualClock = field(default_factory=ManualClock)
    transports: dict[Channel, FakeTransport] = field(default_factory=dict)
    each_second: Counter[int] = field(default_factory=Counter)
    post: Post = field(init=False)
    dispatch: Dispatch = field(init=False)
    facts: Room = field(init=False)

    async def open(self, *, in_ms: int = 60 * MINUTE) -> "Desk":
        self.start_ms = self.clock.wall_ms() + in_ms
        self.facts = Room(room=HALL, title="Town hall", host="Ada", start_ms=self.start_ms)
        for channel in ("mail", "push"):
            self.transports[channel] = FakeTransport(channel, most=100, most_of_host=100)
        self.restart()
        planned = PlannedRoom(HALL, Wish("Town hall"), True, 1, self.facts)
        async with self.database.write() as connection:
            await rooms.add_room(connection, planned)
        return self

    def restart(self) -> None:
        """As after a crash: nothing is remembered."""
        self.post = Post(self.database, list(self.transports.values()), self.clock)
        letters = Letters(ReminderLinks(b"x" * 32, LINKS.web), ["mail", "push"])
        self.dispatch = Dispatch(self.database, self.clock, RULES, letters, LINKS, self.post.wake)

    async def subscribe(self, count: int, channel: Channel = "mail", **more: Any) -> None:
        made = rows(count, channel, **{"told_ms": self.start_ms, **more})
        async with self.database.write() as connection:
            await connection.execute(insert(subscriptions), made)

    async def change(self, **facts: Any) -> None:
        """The stage says something else of the room."""
        more = {"revision": self.facts.revision + 1, "revised_ms": self.clock.wall_ms()}
        self.facts = msgspec.structs.replace(self.facts, **more, **facts)
        known = Rooms(self.database, KeyRing([b"k" * 32]), self.clock, tell=[closing.learn])
        await known.learn([self.facts])

    async def go_on(self, seconds: float, *, step_s: float = 1.0) -> None:
        """Let it work for so long."""
        for _ in range(int(seconds / step_s)):
            self.clock.advance(step_s)
            await self.dispatch.turn()
            before = len(self.given())
            await self.post.turn()
            await self.post.settled()
            self.each_second[self.clock.wall_ms() // 1_000] += len(self.given()) - before

    def given(self, channel: Channel | None = None) -> list[Letter]:
        """What the transports were given."""
        chosen = [channel] if channel else list(self.transports)
        return [each for name in chosen for each in self.transports[name].given]

    async def told(self) -> list[dict[str, Any]]:
        """Bodies of the entries that are on their way to the journal."""
        async with self.database.read() as connection:
            found = await connection.execute(select(outbox.c.body).order_by(outbox.c.id))
            entries = [json.loads(row.body) for row in found]
        assert len({each["key"] for each in entries}) == len(entries)
        return [each["body"] for each in entries if each["kind"] == "promotion"]

    async def subscribers(self) -> int:
        async with self.database.read() as connection:
            return len((await connection.execute(select(subscriptions.c.subscription))).all())
