"""The house's rules, and the rooms that they hold in.

A new text is told to the stage for each room that is on or to come, through the outbox; rooms that
are over keep what held in them. Web looks once as it starts, too: rooms may have been planned before
there were house rules, and another version may bring another built-in text.
"""

import asyncio
import logging
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.store import Database
from hustings.web.outbox import queries as outbox
from hustings.web.rooms.local_time import DAY_MS
from hustings.web.rules import queries
from hustings.web.rules.model import Texts, in_force, wanted
from hustings.wire.rules import rules_of

log = logging.getLogger(__name__)

AGAIN_S: Final = 30.0  # after a look at the start that found no place in the outbox


class HouseRules:
    """The ones of this house."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def texts(self) -> dict[str, str]:
        """What holds, by language."""
        async with self._database.read() as connection:
            return in_force(await queries.written(connection))

    async def write(self, texts: Texts) -> int:
        """These hold from now on. Returns how many rooms are told.

        Not in one transaction for all rooms: after TryLater the text is kept, and writing it
        again tells the rest.
        """
        async with self._database.write() as connection:
            await queries.write(connection, texts)
        return await self._tell()

    async def catch_up(self) -> int:
        """As web starts: tell the rooms that were planned here and have other rules.

        Rooms that other programs made have what those say, until an owner writes. Tries until the
        outbox takes them; returns how many rooms are told.
        """
        while True:
            try:
                return await self._tell(made_here=True)
            except TryLater as error:
                log.warning("house rules: %s", error.title)
                await asyncio.sleep(AGAIN_S)

    async def _tell(self, *, made_here: bool = False) -> int:
        """made_here: no other rooms. Raises TryLater."""
        told, after = 0, ""
        from_ms = self._clock.wall_ms() - DAY_MS  # what was to begin earlier does not come any more
        while True:
            async with self._database.write() as connection:
                written = await queries.written(connection)
                found = await queries.next_rooms(connection, after, from_ms)
                for planned in found:
                    if made_here and not planned.made_here:
                        continue
                    rules = wanted(planned.wish, written)
                    if planned.facts and planned.facts.rules == rules_of(**rules).id:
                        continue
                    now_ms = self._clock.wall_ms()
                    await outbox.put_room(connection, planned.room, {"rules": rules}, now_ms)
                    told += 1
            if not found:
                return told
            after = found[-1].room
