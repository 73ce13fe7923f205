"""Names to addresses, for one door; a name server that is silent holds up nobody else's doors.

Keeps true: at most `THREADS` look-ups at once, and one of a name, whoever asks; who finds no thread
free waits as long as the door does and leaves nothing behind; a name whose look-up failed, or was
not done within `LATE_S`, is refused for `REST_S` without asking again.
"""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from hustings.base.clock import Clock

THREADS: Final = 16  # of one door
LATE_S: Final = 3.0  # the system itself may go on for 10 s and more
REST_S: Final = 60.0
NAMES: Final = 1_000  # at rest; then the one that is done first is forgotten


def _ask_system(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Resolver:
    """Names to addresses, as this machine knows them, on threads of its own."""

    def __init__(
        self,
        clock: Clock,
        *,
        ask: Callable[[str, int], list[str]] = _ask_system,
        late_s: float = LATE_S,
    ) -> None:
        """ask: blocks until it has all addresses of a name; raises OSError."""
        self._clock, self._ask, self._late_s = clock, ask, late_s
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="outbound-names")
        self._free = asyncio.Semaphore(THREADS)
        self._pending: dict[str, asyncio.Future[list[str]]] = {}  # at most THREADS
        self._resting: dict[str, float] = {}  # host -> monotonic; the oldest first

    async def __call__(self, host: str, port: int) -> list[str]:
        """All addresses of a name. Raises OSError."""
        look = self._known(host)
        if look is None:
            await self._free.acquire()
            try:
                look = self._known(host)  # somebody else may have begun meanwhile
            except OSError:
                self._free.release()
                raise
            if look is None:
                look = self._begin(host, port)
            else:
                self._free.release()
        return list(await asyncio.shield(look))

    def close(self) -> None:
        """Let the threads end, without waiting for a name server."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _known(self, host: str) -> asyncio.Future[list[str]] | None:
        """The look-up that is under way, if one is. Raises OSError for a name at rest."""
        if self._clock.monotonic() < self._resting.get(host, 0.0):
            raise OSError(f"{host} was not found a moment ago.")
        return self._pending.get(host)

    def _begin(self, host: str, port: int) -> asyncio.Future[list[str]]:
        loop = asyncio.get_running_loop()
        look = loop.run_in_executor(self._threads, self._ask, host, port)
        late = loop.call_later(self._late_s, self._rest, host)
        self._pending[host] = look
        look.add_done_callback(partial(self._done, host, late))
        return look

    def _done(self, host: str, late: asyncio.TimerHandle, look: asyncio.Future[list[str]]) -> None:
        late.cancel()
        del self._pending[host]
        self._free.release()
        if not look.cancelled() and look.exception() is not None:
            self._rest(host)
        else:
            self._resting.pop(host, None)

    def _rest(self, host: str) -> None:
        self._resting.pop(host, None)
        if len(self._resting) >= NAMES:
            del self._resting[next(iter(self._resting))]
        self._resting[host] = self._clock.monotonic() + REST_S
