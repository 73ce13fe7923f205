"""Where time comes from: every module takes a `Clock`, so tests own the time.

Two times are kept apart. *Monotonic* seconds drive everything that must not jump (ticks,
timers); *wall* milliseconds since 1970 UTC are only written down and shown to people.
"""

import time
from typing import Protocol


class Clock(Protocol):
    """The two times a process knows."""

    def monotonic(self) -> float:
        """Seconds that never go back; the zero is arbitrary."""
        ...

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC; may step when somebody sets the clock."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Seconds of CLOCK_MONOTONIC."""
        return time.monotonic()  # noqa: TID251 - the one place

    def wall_ms(self) -> int:
        """Milliseconds of CLOCK_REALTIME."""
        return time.time_ns() // 1_000_000


class ManualClock:
    """A clock that a test moves by hand."""

    def __init__(self, *, monotonic: float = 1_000.0, wall_ms: int = 1_800_000_000_000) -> None:
        self._monotonic = monotonic
        self._wall_ms = float(wall_ms)

    def monotonic(self) -> float:
        """The monotonic second as last set."""
        return self._monotonic

    def wall_ms(self) -> int:
        """The wall millisecond as last set."""
        return int(self._wall_ms)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass on both clocks."""
        self._monotonic += seconds
        self._wall_ms += seconds * 1_000

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as an operator or NTP might."""
        self._wall_ms += seconds * 1_000
