"""Notes that requests leave for work behind them: so no answer tells by its time what was found.

Keeps true: at most `NOTES` wait; they are worked off in order, `GROUP` at once; a note is taken off
after its work was written down, so a database that is away loses none; one that meets a fault of
this program is lost alone, and the log does not say what stood in it; at an orderly stop all are
worked off, for `CLOSE_S` at most. They are in memory alone: who asked within the last moments
before a kill (or whose note the database did not take in time) asks again. What is done may be done
twice, if it is cut off at the very end: the work must know what it did.
"""

import asyncio
import logging
import traceback
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import islice
from typing import Final, Generic, TypeVar

from hustings.base.errors import TryLater

log = logging.getLogger(__name__)

NOTES: Final = 500  # some milliseconds each
GROUP: Final = 50
PACE_S: Final = 0.2  # those of a moment are worked off together, at a time that none of them chose
AGAIN_S: Final = 2.0  # while the database is away
CLOSE_S: Final = 3.0

T = TypeVar("T")


class Notes(Generic[T]):
    """One kind of note, and who works it off."""

    def __init__(self, name: str, work: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        """name: for the log. work: does what a few ask for; raises TryLater if it could do nothing."""
        self._name = name
        self._work = work
        self._waiting: deque[T] = deque()
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def full(self) -> bool:
        """Whether none more can be left now."""
        return len(self._waiting) >= NOTES

    def leave(self, note: T) -> None:
        """One more; the caller has looked whether there is room."""
        self._waiting.append(note)
        self._wake.set()

    async def run(self) -> None:
        """Work them off for ever; a fault of the database is logged and tried again. Ends by being cancelled."""
        try:
            while True:
                await self._wake.wait()
                await asyncio.sleep(PACE_S)
                self._wake.clear()
                try:
                    await self.turn()
                except TryLater as error:
                    log.warning("%s: %s", self._name, error.title)
                    await asyncio.sleep(AGAIN_S)
                    self._wake.set()
        finally:
            await self._close()

    async def turn(self) -> None:
        """Work off all that wait. Raises TryLater."""
        while self._waiting:
            group = list(islice(self._waiting, GROUP))
            if await self._worked(group):
                for _ in group:
                    self._waiting.popleft()
            else:
                await self._one_by_one(group)

    async def _one_by_one(self, group: Sequence[T]) -> None:
        """One that nobody can work off holds up no other: it is lost. Raises TryLater."""
        for note in group:
            if not await self._worked([note]):
                log.error("%s: a note is lost by this fault", self._name)
            self._waiting.popleft()

    async def _worked(self, group: Sequence[T]) -> bool:
        """Whether it was done; a fault is logged. Raises TryLater."""
        try:
            await self._work(group)
        except TryLater:
            raise
        except Exception as error:  # noqa: BLE001 - its words may hold an address: we log where it was
            where = "".join(traceback.format_tb(error.__traceback__))
            log.error("%s: %s, %d at once\n%s", self._name, type(error).__name__, len(group), where)
            return False
        return True

    async def _close(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self.turn()
        except (TimeoutError, TryLater):
            log.warning("%s: lost by this stop: %d", self._name, len(self._waiting))
