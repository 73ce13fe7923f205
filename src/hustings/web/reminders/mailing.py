"""Asks mailboxes whether they want to be reminded, behind the requests; what is decided: `web.reminders.asking`.

Keeps true: a request asks the database nothing that depends on an address, so its answer and its
time are the same for every one; a letter and its subscription are one transaction.
"""

import logging
from collections.abc import Sequence

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.notes import Notes
from hustings.web.post import queries as post
from hustings.web.post.message import Note, draft
from hustings.web.reminders import words
from hustings.web.reminders.asking import GOOD_MS, Ask, Letter, letters
from hustings.web.reminders.links import ReminderLinks
from hustings.web.reminders.queries import subscribers

log = logging.getLogger(__name__)


class AsksByMail:
    """Those of one house."""

    def __init__(
        self, database: Database, clock: Clock, links: ReminderLinks, *, most: int
    ) -> None:
        """most: subscriptions of a room by mail, confirmed or not."""
        self._database = database
        self._clock = clock
        self._links = links
        self._most = most
        self.notes: Notes[Ask] = Notes("reminders by mail", self._work)

    async def leave(self, ask: Ask) -> None:
        """Leave a note. Raises TryLater: remind_busy, remind_full, post_full; the same for every address."""
        if self.notes.full:
            raise TryLater("remind_busy", "Very many ask to be reminded just now.")
        async with self._database.read() as connection:
            if not await self._space(connection, ask.room):
                raise TryLater("remind_full", "No more can be reminded of this room.", delay_s=600)
            await post.expect_space(connection, 1, urgent=True)
        self.notes.leave(ask)

    async def _work(self, asks: Sequence[Ask]) -> None:
        async with self._database.read() as connection:
            known = await subscribers.known(connection, {each.address_hash for each in asks})
            space = {room: await self._space(connection, room) for room in {a.room for a in asks}}
        now_ms = self._clock.wall_ms()
        due = letters(asks, known, space, now_ms)
        if not due:
            return
        async with self._database.write() as connection:
            for letter in due:
                try:
                    async with connection.begin_nested():
                        await self._write(connection, letter, now_ms)
                except IntegrityError:  # the room went, or another process was quicker
                    log.info("reminders: a mailbox was not asked, its room %s", letter.ask.room)

    async def _write(self, connection: AsyncConnection, letter: Letter, now_ms: int) -> None:
        ask = letter.ask
        if letter.again:
            await subscribers.ask_again(connection, letter.again, now_ms)
        else:
            await subscribers.add(
                connection,
                ask.new,
                ask.address_hash,
                told_ms=ask.told_ms,
                now_ms=now_ms,
                confirmed=False,
            )
        language, zone = ask.new.language, ask.new.zone
        yes = self._links.act("yes", ask.room, letter.subscription, language)
        note = Note(
            words.words("ask_subject", ask.event, "reminder", language, zone),
            words.words("ask_text", ask.event, "reminder", language, zone, yes=yes) + "\n",
            language,
        )
        made = draft(
            ask.to,
            note,
            key=subscribers.ask_key(letter.subscription),
            batch=subscribers.ASKED,
            until_ms=ask.at_ms + GOOD_MS,
            urgent=True,
        )
        await post.add(connection, [made], now_ms)

    async def _space(self, connection: AsyncConnection, room: RoomId) -> int:
        return max(0, self._most - await subscribers.count(connection, room, "mail"))
