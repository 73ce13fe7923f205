"""The studio on a thread of its own, so that no HTTP request can delay a tick.

The door (`stage.app`, uvicorn's loop) calls in by `await engine.do(function)`; the studio tells
the door things by callbacks that the door itself moves to its loop. The two share nothing else.
"""

import asyncio
import logging
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from hustings.base.clock import Clock
from hustings.journal.keys import SigningKey
from hustings.settings import Settings
from hustings.stage.studio import Studio

log = logging.getLogger(__name__)

T = TypeVar("T")
SWITCH_INTERVAL_S: Final = 0.000_5
"""How long a busy door may keep the interpreter from a waiting tick; Python's default of 5 ms,
met at each of a tick's ~30 socket calls, would cost several ticks."""


class Engine:
    """Starts and stops the studio's thread and carries calls to it."""

    def __init__(self, settings: Settings, key: SigningKey, clock: Clock) -> None:
        self.studio: Studio
        self.loop: asyncio.AbstractEventLoop
        self._make: Callable[[], Studio] = lambda: Studio(settings, key, clock)
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=self._run, name="studio")

    def start(self) -> None:
        """Start the thread; returns when all rooms are open, raises what prevented it."""
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Hang up, close the journals and end the thread; raises what `Studio.close` does."""
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
            if self._failure is not None:
                raise self._failure

    def _run(self) -> None:
        asyncio.run(self._live())

    async def _live(self) -> None:
        try:
            self.loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            self.studio = self._make()
            await self.studio.start()
        except BaseException as error:  # noqa: BLE001 - handed to start()
            self._failure = error
            return
        finally:
            self._started.set()
        try:
            await self._stop.wait()
        finally:
            try:
                await self.studio.close()
            except Exception as error:  # noqa: BLE001 - handed to stop()
                self._failure = error

    async def do(self, work: Callable[[Studio], T]) -> T:
        """Run `work(studio)` between two ticks and return what it returns or raises."""

        async def call() -> T:
            return work(self.studio)

        return await self._cross(call())

    async def wait(self, work: Callable[[Studio], Awaitable[T]]) -> T:
        """As `do`, for work that itself awaits."""

        async def call() -> T:
            return await work(self.studio)

        return await self._cross(call())

    async def _cross(self, call: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(call, self.loop))
