"""Carries the outbox to the stage and learns from it how the rooms stand.

One loop: send what is due, and every 2 s ask the stage for its rooms. While the stage is away
everything here goes on; `reachable` lets the pages say so. When it is back, all is due at once.
"""

import asyncio
import logging
import secrets
from typing import Final

import httpx
import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, TryLater
from hustings.base.ids import RoomId
from hustings.store import Database
from hustings.web.outbox import queries
from hustings.web.outbox.model import Backlog, Message, retry_in_s
from hustings.web.outbox.stage import StageClient, StageRefused
from hustings.web.rooms.service import Rooms
from hustings.wire.kinds import Room

log = logging.getLogger(__name__)

LOOK_S: Final = 2.0  # between looks at the stage; one small GET
SLACK_MS: Final = 86_400_000  # the stage's clock may have been set back, or differ from ours
_BATCH: Final = 50


class Outbox:
    """The one sender of this process."""

    def __init__(self, database: Database, rooms: Rooms, stage: StageClient, clock: Clock) -> None:
        self._database = database
        self._rooms = rooms
        self._stage = stage
        self._clock = clock
        self._seen: dict[str, Room] = {}
        self._wake = asyncio.Event()
        self._looked = -LOOK_S
        self._deleted_ms = 0  # of the latest deletion that we heard of, by the stage's clock
        self.reachable = True  # until shown otherwise, so that a fresh page does not cry wolf
        self.pending = 0

    def wake(self) -> None:
        """Something was added: send it now."""
        self._wake.set()

    async def backlog(self, room: RoomId) -> Backlog:
        """What of this room the stage has not heard."""
        async with self._database.read() as connection:
            return await queries.backlog(connection, room)

    async def run(self) -> None:
        """Send and look for ever; a fault of the database is logged and tried again."""
        while True:
            try:
                await self.turn()
            except TryLater as error:
                log.warning("outbox: %s", error.title)
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()

    async def turn(self) -> None:
        """One round: look at the stage if it is time, then send what is due."""
        if self._clock.monotonic() - self._looked >= LOOK_S:
            self._looked = self._clock.monotonic()
            await self._look()
        async with self._database.read() as connection:
            messages = await queries.due(connection, self._clock.wall_ms(), limit=_BATCH)
        for message in messages:
            await self._send(message)
        async with self._database.read() as connection:
            self.pending = await queries.pending(connection)
        if messages and self.reachable and self.pending:
            self._wake.set()  # there may be more behind those that went

    async def _look(self) -> None:
        try:  # after a time without the stage: also what came to be meanwhile, imports among it
            past = not self._seen or not self.reachable
            since_ms = 0 if past else self._since_ms()
            rooms = await self._stage.rooms(deleted_since_ms=since_ms, past=past)
        except (httpx.HTTPError, HustingsError, msgspec.MsgspecError) as error:
            self._away(error)
            return
        if not self.reachable:
            log.info("the stage is back")
            async with self._database.write() as connection:
                await queries.hurry(connection, self._clock.wall_ms())
        self.reachable = True
        news = [room for room in rooms if self._seen.get(room.room) != room]
        if news:
            await self._rooms.learn(news)
            self._seen.update({room.room: room for room in news})
        gone = [room.deleted.at_ms for room in rooms if room.deleted]
        self._deleted_ms = max([self._deleted_ms, *gone])

    def _since_ms(self) -> int:
        """From when on we ask for deletions: the last one's time, unless it lies ahead of our clock."""
        return max(0, min(self._deleted_ms, self._clock.wall_ms()) - SLACK_MS)

    async def _send(self, message: Message) -> None:
        try:
            answer = await self._stage.send(message)
        except StageRefused as error:
            log.error("the stage refused %s of room %s: %s", message.call, message.room, error)
            await self._failed(message, str(error), refused=True)
        except (httpx.HTTPError, HustingsError, msgspec.MsgspecError) as error:
            self._away(error)
            await self._failed(message, str(error) or type(error).__name__, refused=False)
        else:
            if answer is not None:  # first, so that a page in between knows it from one of the two
                await self._rooms.learn([answer])
                self._seen[answer.room] = answer
            async with self._database.write() as connection:
                await queries.sent(connection, message)

    async def _failed(self, message: Message, error: str, *, refused: bool) -> None:
        spread = secrets.randbelow(1_000) / 1_000
        wait_ms = int(retry_in_s(message.attempts + 1, spread) * 1_000)
        next_ms = self._clock.wall_ms() + wait_ms
        async with self._database.write() as connection:
            await queries.failed(connection, message, error, next_ms, refused=refused)

    def _away(self, error: Exception) -> None:
        if self.reachable:
            log.warning("the stage does not answer (%s); trying again", type(error).__name__)
        self.reachable = False
