"""The edge's one clock: what it does a few times a second rides on whatever wakes the loop anyway.

A core that is woken often is never deep asleep: each wake costs some 0.35 ms whatever it does, as
much as sending to 50 listeners (measured). The feed wakes the loop at every part, so what is due
is done then; a timer, put off each time, is for when nothing comes. Both say how late the loop
ran: the timer by its hour, the feed by how long it takes until what is ready runs.
`edge.app` owns one; `edge.feed.upstream` calls `woken`.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from hustings.base.clock import Clock

APART_S: Final = 0.160  # half a part: what is due is not looked for more often

Step = Callable[[], None]


class Timer(Protocol):
    """What `call_later` returns."""

    def cancel(self) -> None:
        """It will not ring."""
        ...


class Loop(Protocol):
    """What we use of an event loop."""

    def call_later(self, delay: float, callback: Step, /) -> Timer:
        """Ring after so many seconds."""
        ...

    def call_soon(self, callback: Step, /) -> object:
        """Run with what is ready."""
        ...


class Rhythm:
    """Calls steps in order; one that fails stops neither the others nor the clock."""

    def __init__(
        self,
        turn: Step,
        steps: Sequence[Step],
        *,
        clock: Clock,
        pause_s: Callable[[], float],
        late: Callable[[float], None],
        broken: Callable[[str, Exception], None],
    ) -> None:
        """turn: done at each beat; steps: `APART_S` apart at least; pause_s: until the next turn."""
        self._turn, self._steps = turn, steps
        self._clock = clock
        self._pause_s, self._late, self._broken = pause_s, late, broken
        self._stepped_s = float("-inf")
        self._due_s = 0.0
        self._loop: Loop | None = None
        self._timer: Timer | None = None

    def start(self, loop: Loop) -> None:
        """Beat from now on."""
        self._loop = loop
        self._beat()

    def stop(self) -> None:
        """No more."""
        self._loop = None
        if self._timer is not None:
            self._timer.cancel()

    def woken(self) -> None:
        """Something else woke the loop: what is due can be done now."""
        now_s = self._clock.monotonic()
        if self._loop is not None and now_s - self._stepped_s >= APART_S:
            self._loop.call_soon(partial(self._ran, now_s))
            self._beat()

    def _ran(self, ready_s: float) -> None:
        self._late(self._clock.monotonic() - ready_s)

    def _ring(self) -> None:
        self._late(self._clock.monotonic() - self._due_s)
        self._beat()

    def _beat(self) -> None:
        self._do(self._turn)
        now_s = self._clock.monotonic()
        if now_s - self._stepped_s >= APART_S:
            self._stepped_s = now_s
            for step in self._steps:
                self._do(step)
        if self._timer is not None:
            self._timer.cancel()
        if self._loop is not None:
            pause_s = self._pause_s()
            self._due_s = self._clock.monotonic() + pause_s
            self._timer = self._loop.call_later(pause_s, self._ring)

    def _do(self, step: Step) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not stop the clock
            self._broken(step.__qualname__, error)
