"""Past bytes in memory: asked for once however many want them, and never in the way of live sound.

Keeps true: what is asked for by many is read once; reading takes at most a share of one core
(`REST`: after each piece of work the reader rests a multiple of it); memory, waits and pieces on
order are bounded, and whoever comes beyond gets 503 `past_busy`. What was read is forgotten after a
minute, so that an erasure reaches every edge; that something is not there, after a second. Owned by `edge.app`; asked by `edge.past`.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater
from hustings.base.tasks import Tasks

log = logging.getLogger(__name__)

KEPT_S: Final = 60.0
ABSENT_S: Final = 1.0  # an audience looks for its replay: one look at the disk a second
_ABSENT: Final = 256
ON_ORDER: Final = 256  # pieces that wait to be read
WAITS: Final = 4_000  # ... and requests that wait for them
REST: Final = 4.0  # times as long as the work: a fifth of a core

Load = Callable[[], Awaitable[bytes]]
Then = Callable[[bytes], None]
Refuse = Callable[[HustingsError], None]


class Shelf:
    """Pieces of the past by key; used in one event loop only."""

    def __init__(
        self,
        clock: Clock,
        *,
        most_bytes: int,
        readers: int = 1,
        rest: float = REST,
        kept_s: float = KEPT_S,
    ) -> None:
        """readers: pieces that are read at once. rest: 0 where the reading is another's work.

        kept_s: longer where a piece never changes under its name.
        """
        self._clock = clock
        self._most = most_bytes
        self._rest = rest
        self._kept_s = kept_s
        self._readers = readers
        self._kept: OrderedDict[Hashable, tuple[bytes, float]] = OrderedDict()
        self._by_room: dict[Hashable, set[Hashable]] = {}  # keys of `_kept`, by their room
        self.bytes = 0
        self._absent: dict[Hashable, tuple[NotFound, float]] = {}
        self._waits: dict[Hashable, list[tuple[Then, Refuse]]] = {}
        self._waiting = 0
        self._order: deque[tuple[Hashable, Load]] = deque()
        self._reading = 0
        self._tasks = Tasks()

    def ask(self, key: Hashable, load: Load, then: Then, refuse: Refuse) -> None:
        """Call one of the two with the bytes of `key`, now or once `load` gave them.

        Raises TryLater `past_busy`, and NotFound as `load` did a moment ago.
        """
        if (data := self._find(key)) is not None:
            then(data)
            return
        if (absent := self._absent.get(key)) is not None:
            if self._clock.monotonic() - absent[1] < ABSENT_S:
                raise absent[0]
            del self._absent[key]
        waits = self._waits.get(key)
        if self._waiting >= WAITS or (waits is None and len(self._waits) >= ON_ORDER):
            raise TryLater("past_busy", "Very many listen to the past just now.", delay_s=2)
        self._waiting += 1
        if waits is not None:
            waits.append((then, refuse))
            return
        self._waits[key] = [(then, refuse)]
        self._order.append((key, load))
        if self._reading < self._readers:
            self._reading += 1
            self._tasks.start(self._read_on(), name="past")

    def forget(self, key: Hashable) -> None:
        """What is kept of it is true no more."""
        self._absent.pop(key, None)
        if key in self._kept:
            self._drop(key)

    def forget_room(self, room: str) -> None:
        """Nothing of a room may stay; costs its own pieces only. Keys are tuples that begin with it.

        That something of it is not there holds nothing of it, and lapses within `ABSENT_S`.
        """
        for key in list(self._by_room.get(room, ())):
            self._drop(key)

    async def close(self) -> None:
        """Stop reading; nobody is called any more."""
        await self._tasks.close()

    async def _read_on(self) -> None:
        """Read what is on order, with rests, until nothing is."""
        try:
            while self._order:
                began_s = self._clock.monotonic()
                await self._read(*self._order.popleft())
                await asyncio.sleep(self._rest * (self._clock.monotonic() - began_s))
        finally:
            self._reading -= 1

    async def _read(self, key: Hashable, load: Load) -> None:
        try:
            data = await load()
        except Exception as error:  # noqa: BLE001 - a fault in one piece must not end the reader
            self._refuse(key, error)
            return
        self._keep(key, data)
        for then, refuse in self._answered(key):
            try:
                then(data)
            except HustingsError as error:
                refuse(error)
            except Exception:  # whoever asked is gone or has a bug: the others are answered
                log.exception("%s: an answer from the past failed", key)

    def _refuse(self, key: Hashable, error: Exception) -> None:
        if not isinstance(error, HustingsError):
            log.error("%s: the past cannot be read", key, exc_info=error)
            error = TryLater("past_away", "This part of the past cannot be read now.", delay_s=10)
        if isinstance(error, NotFound):
            if len(self._absent) >= _ABSENT:
                self._absent.clear()
            self._absent[key] = (error, self._clock.monotonic())
        for _, refuse in self._answered(key):
            refuse(error)

    def _answered(self, key: Hashable) -> list[tuple[Then, Refuse]]:
        waits = self._waits.pop(key)
        self._waiting -= len(waits)
        return waits

    def _find(self, key: Hashable) -> bytes | None:
        found = self._kept.get(key)
        if found is None or self._clock.monotonic() - found[1] > self._kept_s:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def _keep(self, key: Hashable, data: bytes) -> None:
        self.forget(key)
        self._kept[key] = (data, self._clock.monotonic())
        self._by_room.setdefault(_room(key), set()).add(key)
        self.bytes += len(data)
        while self.bytes > self._most:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        data, _ = self._kept.pop(key)
        self.bytes -= len(data)
        keys = self._by_room[_room(key)]
        keys.remove(key)
        if not keys:
            del self._by_room[_room(key)]


def _room(key: Hashable) -> Hashable:
    return key[0] if isinstance(key, tuple) else None
