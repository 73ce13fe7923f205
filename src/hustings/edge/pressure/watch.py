"""Measures how hard this process works, and asks the ladder what to do about it.

`edge.app` owns the one `Watch`: each turn of its loop says how late it was, three times a second
`climb` takes a sample; the door reads `pressure`, pages and the operator read `standing`.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

from hustings.base.clock import Clock
from hustings.base.memory import memory_share
from hustings.edge.pressure.ladder import Ladder
from hustings.edge.pressure.load import BACKLOG_KNEE, SAMPLE_S, Lag, Load
from hustings.edge.rooms import Rooms
from hustings.wire.batch import Rung

MEMORY_SAMPLES: Final = 8  # memory grows slowly and asking costs 0.1 ms: each two seconds

log = logging.getLogger(__name__)


class Watch:
    """The load of one edge, and the rung it stands on."""

    def __init__(self, rooms: Rooms, clock: Clock, *, limit: int) -> None:
        """limit: connections at which the edge is full."""
        self.ladder = Ladder(clock.monotonic())
        self.lag = Lag()
        self._rooms = rooms
        self._clock = clock
        self._limit = limit
        self._sampled = (clock.monotonic(), time.process_time())  # second, CPU seconds by then
        self._samples = 0
        self._memory = 0.0

    def pressure(self) -> float:
        """From 0, calm, to 1."""
        return self.ladder.x

    def climb(self, connections: int, door_s: float, slow_networks: Callable[[], float]) -> None:
        """Measure, and take the rung that it asks for.

        slow_networks: share of the networks where somebody reads too slowly. If our own line is
        short, they are all; a few networks full of slow readers are no load, and lower nobody.

        door_s: CPU seconds that joins and refusals have taken so far. They are left out: their
        share is bounded, or unbounded by anybody's sound; a flood of those who are turned away
        must not lower it. If it comes in the way of sound, the loop's lag tells.
        """
        now_s, spent_s = self._clock.monotonic(), time.process_time() - door_s
        then_s, then_spent_s = self._sampled
        if now_s - then_s < SAMPLE_S / 2:
            return
        self._sampled = (now_s, spent_s)
        self._samples += 1
        if self._samples % MEMORY_SAMPLES == 1:
            self._memory = memory_share()
        backlog = self._rooms.slow / max(100, self._rooms.listeners)
        if backlog > BACKLOG_KNEE:
            backlog = min(backlog, slow_networks())
        sample = Load(
            cpu=max(0.0, spent_s - then_spent_s) / (now_s - then_s),
            lag_s=self.lag.late_s,
            backlog=backlog,
            memory=self._memory,
            connections=connections / self._limit,
        )
        before = self.ladder.rung
        rung = self.ladder.step(sample, now_s)
        if rung != before:
            self._rooms.climb(rung)
            log.warning("ladder: %s, %s", rung.name, self.ladder.reason or "calm")

    def standing(self) -> Rung:
        """The rung, why, and since when, as pages and the board are told."""
        ladder = self.ladder
        for_s = self._clock.monotonic() - ladder.since_s
        return Rung(
            name=ladder.rung.name,
            joined=ladder.rung.joined,
            reason=ladder.reason,
            since_ms=self._clock.wall_ms() - round(for_s * 1_000),
        )
