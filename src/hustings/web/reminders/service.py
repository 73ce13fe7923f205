"""Who wants to be told of a room: asks, confirms, ends; without an account.

Keeps true: nobody is told by mail who did not open the link that went to that mailbox and press its
button; what a page answers, and how long it takes, says nothing about an address, whether it is known
or not (`web.reminders.mailing`); an address is gone when its owner ends it, when its browser is gone,
and a day after the evening (`web.reminders.dispatch`). A browser's endpoint is a secret between it and
its push service: whoever says it is told whether it is known, and may end it; the token of a link is
one of its mailbox. Addresses of visitors are looked at for limits only, never kept.
"""

import hashlib
from typing import Final

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import TryLater, UserError
from hustings.base.ids import RoomId, is_private, new_secret
from hustings.base.limits import Gcra, address_key
from hustings.settings import ReminderSettings
from hustings.store import Database
from hustings.web.outbound.door import Door
from hustings.web.post.addresses import address_from_form
from hustings.web.push.subscription import PushSubscription
from hustings.web.reminders.asking import Ask
from hustings.web.reminders.events import evening_of
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.mailing import AsksByMail
from hustings.web.reminders.model import Channel, Sending, Subscription
from hustings.web.reminders.queries import sendings, subscribers
from hustings.web.reminders.spread import place_of
from hustings.web.reminders.words import Event
from hustings.web.rooms.local_time import zones
from hustings.web.rooms.model import PlannedRoom

_RATE: Final = 0.2  # a second and network, who begin; as many who end. A campus shares one
_BURST: Final = 60.0
_SOON_MS: Final = 5_000  # a place is given at least so far ahead of the dispatch


class Reminders:
    """The subscriptions of this house."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: ReminderSettings,
        links: ReminderLinks,
        door: Door,
    ) -> None:
        self._database = database
        self._clock = clock
        self._most = settings.subscribers
        self._links = links
        self._door = door
        self._by_mail = AsksByMail(database, clock, links, most=settings.subscribers)
        self._begins, self._ends = (Gcra(rate=_RATE, burst=_BURST) for _ in range(2))

    async def ask_by_mail(
        self, planned: PlannedRoom, event: Event, typed: str, language: str, zone: str, visitor: str
    ) -> None:
        """A link goes to this mailbox, unless it has one or is subscribed: the caller does not learn.

        Raises UserError: address_bad, remind_over. TryLater: remind_rate, remind_busy, remind_full,
        post_full.
        """
        self._expect_open(planned, visitor)
        to = address_from_form(typed)
        await self._by_mail.leave(
            Ask(
                to,
                address_hash("mail", to.text),
                self._new(planned.room, "mail", to.text, language, zone),
                event,
                evening_of(planned).told_ms,
                self._clock.wall_ms(),
            )
        )

    async def run(self) -> None:
        """Ask mailboxes, for ever."""
        await self._by_mail.notes.run()

    async def turn(self) -> None:
        """Ask all that wait to be asked. Raises TryLater."""
        await self._by_mail.notes.turn()

    async def confirm(self, planned: PlannedRoom, token: str) -> bool:
        """The button of that link: from now on it is told. False: it was ended, or is too old.

        Raises Denied `reminder_link`, UserError `remind_over`.
        """
        subscription = self._links.subscription("yes", token)
        self._expect_coming(planned)
        async with self._database.write() as connection:
            return await subscribers.confirm(
                connection,
                planned.room,
                subscription,
                told_ms=evening_of(planned).told_ms,
                place=await self._place(connection, planned.room, "mail", subscription),
                now_ms=self._clock.wall_ms(),
            )

    async def add_browser(
        self,
        planned: PlannedRoom,
        browser: PushSubscription,
        language: str,
        zone: str,
        visitor: str,
    ) -> None:
        """A browser that agreed to be notified.

        Raises UserError: outbound_url, remind_over. TryLater: remind_rate, remind_full.
        """
        self._expect_open(planned, visitor)
        self._door.read(browser.endpoint)
        hashed, now_ms = address_hash("push", browser.endpoint), self._clock.wall_ms()
        new = self._new(planned.room, "push", browser.endpoint, language, zone, browser.keys)
        try:
            async with self._database.write() as connection:
                found = await subscribers.find(connection, planned.room, hashed)
                if found is not None:
                    await subscribers.renew(connection, found, new)
                    return
                await self._expect_space(connection, planned.room, "push")
                place = await self._place(connection, planned.room, "push", new.subscription)
                await subscribers.add(
                    connection,
                    msgspec.structs.replace(new, place=place),
                    hashed,
                    told_ms=evening_of(planned).told_ms,
                    now_ms=now_ms,
                    confirmed=True,
                )
        except IntegrityError:  # the same browser, twice at once: it is there
            return

    async def has_browser(self, room: RoomId, endpoint: str) -> bool:
        """Whether this browser is told of the room."""
        async with self._database.read() as connection:
            return (
                await subscribers.find(connection, room, address_hash("push", endpoint)) is not None
            )

    async def end_by_link(self, token: str) -> None:
        """The link in each mail; ended already is ended. Raises Denied `reminder_link`."""
        subscription = self._links.subscription("stop", token)
        async with self._database.write() as connection:
            await subscribers.end(connection, subscription)

    async def end_browser(self, endpoint: str, room: RoomId, visitor: str) -> None:
        """Whoever knows the endpoint may end it in a room. Raises TryLater `remind_rate`."""
        _expect_granted(self._ends, visitor, self._clock.monotonic())
        hashed = address_hash("push", endpoint)
        async with self._database.read() as connection:  # anybody may ask: no turn at the writer
            found = await subscribers.find(connection, room, hashed)
        if found is not None:
            async with self._database.write() as connection:
                await subscribers.end(connection, found)

    async def forget_browser(self, endpoint: str) -> None:
        """It is gone, as its push service says: it is told of no room any more."""
        async with self._database.write() as connection:
            hashes = {address_hash("push", endpoint)}
            for each in await subscribers.known(connection, hashes):
                await subscribers.end(connection, each.subscription)

    async def promotions(self, room: RoomId) -> list[Sending]:
        """What was sent, for everybody to read; the latest first."""
        async with self._database.read() as connection:
            return await sendings.promotions_of(connection, room)

    async def counts(self, room: RoomId) -> dict[Channel, int]:
        """How many are told of the room, by channel."""
        async with self._database.read() as connection:
            return await subscribers.confirmed(connection, room)

    # -- within ----------------------------------------------------------------------------------

    def _new(
        self,
        room: RoomId,
        channel: Channel,
        address: str,
        language: str,
        zone: str,
        keys: bytes = b"",
    ) -> Subscription:
        subscription = new_secret()
        return Subscription(
            subscription=subscription,
            room=room,
            channel=channel,
            address=address,
            keys=keys,
            language=language,
            zone=zone if zone in zones() else "",
            place=place_of(subscription),
        )

    def _expect_open(self, planned: PlannedRoom, visitor: str) -> None:
        self._expect_coming(planned)
        _expect_granted(self._begins, visitor, self._clock.monotonic())

    @staticmethod
    def _expect_coming(planned: PlannedRoom) -> None:
        if not may_ask(planned):
            raise UserError("remind_over", "Nobody is reminded of this room any more.", status=409)

    async def _expect_space(
        self, connection: AsyncConnection, room: RoomId, channel: Channel
    ) -> None:
        if await subscribers.count(connection, room, channel) >= self._most:
            raise TryLater("remind_full", "No more can be reminded of this room.", delay_s=600)

    async def _place(
        self, connection: AsyncConnection, room: RoomId, channel: Channel, subscription: str
    ) -> int:
        spread = await sendings.spread_of_reminder(connection, room, channel)
        share = spread.share(self._clock.wall_ms() + _SOON_MS) if spread else 0.0
        return place_of(subscription, share=share)


def _expect_granted(rates: Gcra, visitor: str, now_s: float) -> None:
    wait_s = rates.take(address_key(visitor), now_s)
    if wait_s:
        raise TryLater("remind_rate", "Many from your network ask at once.", delay_s=wait_s)


def may_ask(planned: PlannedRoom) -> bool:
    """Whether one can ask to be told of it: it is planned, and public."""
    rehearsal = planned.facts is not None and bool(planned.facts.rehearsal_of)
    return (
        planned.state in {"scheduled", "lobby"}
        and not planned.is_off
        and not rehearsal
        and not is_private(planned.room)
    )


def address_hash(channel: Channel, address: str) -> str:
    """Under which a subscription is found."""
    return hashlib.sha256(f"{channel}:{address}".encode()).hexdigest()
