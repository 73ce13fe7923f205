"""Makes letters of subscriptions when their place is due, and says in the journal how many.

Keeps true: a subscriber gets at most one letter for each occasion, since the letter and the mark on
the subscription are one transaction, whatever is killed when, and a letter that is withdrawn takes
its mark along: an evening that is put back to its time reminds those who got none; no second gets more than
`Spread.pace`; what becomes a letter is what the transports can carry now (while one is away the
rest waits here, where it can still be spread, dropped or found too late). Each sending has its
public `promotion` entries in the room's journal: one when it ends, and one each five minutes.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.outbox import queries as outbox
from hustings.web.post import queries as post
from hustings.web.reminders import closing
from hustings.web.reminders.events import evening_of, event_of
from hustings.web.reminders.letters import Letters
from hustings.web.reminders.model import (
    CHANNELS,
    Channel,
    Fates,
    Sending,
    promotion,
)
from hustings.web.reminders.occasions import (
    HORIZON_MS,
    Due,
    Rules,
    forget_from_ms,
    notice_due,
    reminder_due,
    reminds,
    stands,
)
from hustings.web.reminders.queries import readers, sendings, subscribers
from hustings.web.rooms import queries as rooms
from hustings.web.rooms.model import PlannedRoom
from hustings.wire.kinds import PROMOTION, Promotion
from hustings.wire.links import Links

log = logging.getLogger(__name__)

TICK_S: Final = 1.0
LOOK_S: Final = 5.0  # between looks at the rooms that somebody is told of
AHEAD_MS: Final = 1_000  # letters are made so long before they are due
TELL_MS: Final = 300_000  # between two entries of a sending that goes on
SETTLE_MS: Final = 900_000  # after its end a sending waits so long for its letters, at most
UNCONFIRMED_MS: Final = 2 * 86_400_000  # a link that nobody opened
SLACK: Final = 2  # seconds of the pace that may wait for their transport, beyond it no more is made


class Dispatch:
    """The one of this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        rules: Rules,
        letters: Letters,
        links: Links,
        wake: Callable[[], None],
    ) -> None:
        """wake: called when letters were made, or entries."""
        self._database = database
        self._clock = clock
        self._rules = rules
        self._letters = letters
        self._links = links
        self._wake = wake
        self._looked_s = float("-inf")
        self._planned: dict[RoomId, PlannedRoom] = {}
        self._open: list[Sending] = []
        self._from: dict[int, int] = {}  # sending -> the place up to which all are done
        self._settled: dict[RoomId, int] = {}  # what all of a room's subscribers know

    async def run(self) -> None:
        """For ever; a fault of the database is logged and tried again."""
        while True:
            began_s = self._clock.monotonic()
            try:
                await self.turn()
            except TryLater as error:
                log.warning("reminders: %s", error.title)
            await asyncio.sleep(max(0.05, began_s + TICK_S - self._clock.monotonic()))

    async def turn(self) -> None:
        """One second's work."""
        if self._clock.monotonic() - self._looked_s >= LOOK_S:
            await self._look()
            self._looked_s = self._clock.monotonic()
        made = 0
        for sending in self._open:
            if sending.state == "open" and self._letters.carries(sending.channel):
                made += await self._make_letters(sending)
        if made:
            self._wake()

    # -- what is to be sent ------------------------------------------------------------------------

    async def _look(self) -> None:
        async with self._database.read() as connection:
            names = await readers.rooms_with_any(connection)
            going_on = await sendings.not_done(connection)
            wanted = {*names, *(each.room for each in going_on)}
            found = [await rooms.room_named(connection, name) for name in sorted(wanted)]
        self._planned = {each.room: each for each in found if each is not None}
        for each in going_on:
            if each.state == "closing":  # maybe since its plan changed (`reminders.closing`)
                self._settled.pop(each.room, None)
        now_ms = self._clock.wall_ms()
        for planned in self._planned.values():
            await self._begin(planned, now_ms)
        await self._go_on(now_ms)
        await self._forget(now_ms)

    async def _begin(self, planned: PlannedRoom, now_ms: int) -> None:
        evening, room = evening_of(planned), planned.room
        begun: list[tuple[Channel, Due]] = []
        async with self._database.read() as connection:
            if reminds(evening) and now_ms > evening.start_ms - HORIZON_MS:
                many = await readers.waiting(connection, room, start_ms=evening.start_ms)
                begun += _due(many, lambda n: reminder_due(evening, n, now_ms, self._rules))
            if self._settled.get(room) != evening.told_ms:
                many = await readers.waiting(connection, room, told_ms=evening.told_ms)
                begun += _due(many, lambda n: notice_due(evening, n, now_ms, self._rules))
                if many:
                    self._settled.pop(room, None)
                else:
                    self._settled[room] = evening.told_ms
        if not begun:
            return
        async with self._database.write() as connection:
            now = await rooms.room_named(connection, room)
            if now is None or evening_of(now) != evening:
                return  # it changed since this look began: the next one knows
            for channel, due in begun:
                await sendings.begin(connection, room, channel, due, evening.start_ms)

    async def _go_on(self, now_ms: int) -> None:
        """Close what is over, tell what changed, and know what is open."""
        looked: list[tuple[Sending, Fates, int]] = []
        async with self._database.read() as connection:  # it may take long: nobody waits for it
            for sending in await sendings.not_done(connection):
                fates = await sendings.fates(connection, sending.batch)
                is_open = sending.state == "open"
                left = await readers.left(connection, sending) if is_open else 0
                looked.append((sending, fates, left))
        for sending, fates, left in looked:
            await self._review(sending, fates, left, now_ms)
        async with self._database.read() as connection:
            self._open = await sendings.not_done(connection)
        known = {each.id for each in self._open}
        self._from = {each: place for each, place in self._from.items() if each in known}

    async def _review(self, sending: Sending, fates: Fates, left: int, now_ms: int) -> None:
        """left: who has no letter yet."""
        planned = self._planned.get(sending.room)
        good = planned is not None and stands(sending, evening_of(planned))
        all_told = left == 0 and sending.occasion != "reminder"  # who comes later knows it
        over = now_ms >= sending.spread.ends_ms
        ends = sending.state == "open" and (over or not good or all_told)
        again = fates.recalled > 0
        if ends or again or (over and fates.waiting):
            async with self._database.write() as connection:
                if ends and good:
                    await sendings.close(connection, sending, missed=left)
                elif ends:
                    await closing.close(connection, sending)
                if again:
                    keys = await post.came_back(connection, sending.batch)
                    await readers.unmark(connection, sending, keys)
                if over:  # the post looks once a minute for those that are too late
                    await post.expire(connection, now_ms)
                sending = await sendings.one(connection, sending.id)
                fates = await sendings.fates(connection, sending.batch)
            if again or not good:  # some may be due again, at a place that has passed
                self._from.clear()
                self._settled.pop(sending.room, None)
            left = left if sending.state == "open" else 0
        done = not fates.waiting or now_ms >= sending.spread.ends_ms + SETTLE_MS
        if sending.state == "closing" and done:
            sending = msgspec.structs.replace(sending, state="done")
        body = promotion(sending, fates, left=left)
        if body != sending.body:
            async with self._database.write() as connection:
                await self._tell(connection, sending, body, now_ms)

    async def _tell(
        self, connection: AsyncConnection, sending: Sending, body: Promotion, now_ms: int
    ) -> None:
        """To our own pages at once; to the journal at the end, and each five minutes."""
        since_ms = max(sending.told_ms, sending.spread.opens_ms)
        if body.final or now_ms >= since_ms + TELL_MS:
            key = f"promotion:{sending.id}:{sending.spread.opens_ms}:{sending.told}"
            entry = {"kind": PROMOTION, "body": msgspec.to_builtins(body), "key": key}
            await outbox.add(connection, sending.room, "entry", entry, now_ms)
            sending = msgspec.structs.replace(sending, told=sending.told + 1, told_ms=now_ms)
        await sendings.tell(connection, msgspec.structs.replace(sending, body=body))

    # -- letters -----------------------------------------------------------------------------------

    async def _make_letters(self, sending: Sending) -> int:
        planned = self._planned.get(sending.room)
        if planned is None or not stands(sending, evening_of(planned)):
            return 0
        now_ms, from_place = self._clock.wall_ms(), self._from.get(sending.id, 0)
        if now_ms >= sending.spread.ends_ms:
            return 0
        cut = sending.spread.cut(now_ms + AHEAD_MS)
        async with self._database.read() as connection:
            overdue = await readers.overdue(connection, sending, from_place, cut)
            pace = sending.spread.pace(
                now_ms, count=self._count(sending, overdue), overdue=overdue, most=self._rules.most
            )
            if (
                not overdue
                or await sendings.unsent(connection, sending.channel, now_ms) > SLACK * pace
            ):
                return 0
            who = await readers.next_due(connection, sending, from_place, cut, pace)
        drafts = self._letters.drafts(
            sending, lambda language: event_of(planned, self._links, language), who
        )
        async with self._database.write() as connection:
            if not await sendings.count(connection, sending, len(who)):
                return 0
            await post.add(connection, drafts, now_ms)
            await readers.mark(connection, sending, evening_of(planned).told_ms, who)
        if who:
            self._from[sending.id] = who[-1].place
        return len(who)

    @staticmethod
    def _count(sending: Sending, overdue: int) -> int:
        """All of this sending, as far as its last look knew."""
        return max(sending.body.planned if sending.body else 0, overdue)

    # -- and what is forgotten -----------------------------------------------------------------------

    async def _forget(self, now_ms: int) -> None:
        async with self._database.write() as connection:
            await subscribers.forget_unconfirmed(connection, now_ms - UNCONFIRMED_MS)
            for room, planned in self._planned.items():
                facts = planned.facts
                from_ms = forget_from_ms(
                    evening_of(planned),
                    facts.ended_ms if facts else 0,
                    facts.cancelled_ms if facts else 0,
                )
                if (from_ms and now_ms >= from_ms) or (facts and facts.deleted):
                    await subscribers.forget_room(connection, room)


def _due(many: dict[Channel, int], rule: Callable[[int], Due | None]) -> list[tuple[Channel, Due]]:
    found = [(channel, rule(many.get(channel, 0))) for channel in CHANNELS]
    return [(channel, due) for channel, due in found if due is not None]
