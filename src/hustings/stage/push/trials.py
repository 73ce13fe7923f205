"""Tries whether a platform takes a room: a process for each, which is gone when it has answered.

Keeps true: one at a time on this stage, and of one room one each `AGAIN_S`, so that nobody makes of it a
scanner or a flood; it ends after `TRIAL_S` whatever the platform does. Lives on the door's loop.
"""

import asyncio
import contextlib
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.stage.push.order import Order, Report
from hustings.stage.push.process import ended, started

AGAIN_S: Final = 5.0
TRIAL_S: Final = 40.0  # `trial.tried` ends within 27 s; the start takes 2 s on a slow machine


class Trials:
    """Those of one stage."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at_s: dict[
            str, float
        ] = {}  # room -> when the last one began; of the last seconds only
        self._busy = False
        self._process: asyncio.subprocess.Process | None = None

    async def run(self, order: Order) -> Report:
        """What came of it. Raises TryLater `push_try_rate`; `push_died` if our own process did."""
        self._expect_turn(order.room)
        self._busy = True
        try:
            return await self._asked(order)
        finally:
            self._busy = False

    def _expect_turn(self, room: str) -> None:
        now_s = self._clock.monotonic()
        self._at_s = {each: at for each, at in self._at_s.items() if now_s - at < AGAIN_S}
        if self._busy or room in self._at_s:
            raise TryLater("push_try_rate", "Wait some seconds to try it again.", delay_s=AGAIN_S)
        self._at_s[room] = now_s

    async def _asked(self, order: Order) -> Report:
        step = order.trial
        try:
            self._process = process = await started(order)
        except OSError:  # no memory, no descriptors
            return Report(step, "push_died")
        try:
            assert process.stdout is not None
            async with asyncio.timeout(TRIAL_S):
                line = await process.stdout.readline()
            return msgspec.json.decode(line, type=Report)
        except TimeoutError:
            return Report(step, "push_unreachable")
        except (ValueError, msgspec.MsgspecError):  # it said nothing, or nonsense
            return Report(step, "push_died")
        finally:
            self._process = None
            await ended(process)

    def close(self) -> None:
        """End the one that runs, if any; whoever waits for it hears `push_died`."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
