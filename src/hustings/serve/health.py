"""Is a child alive, and when may it start again: pure, fed with lines, exits and the time.

A child that has said `beat <loop>` once must go on saying it; the limits are in `Limits` and
differ by service. What dies starts again at once, what dies again and again waits longer each
time, up to `LONGEST_WAIT_S`. A child that never became ready and died `TRIES` times is given up.
"""

from dataclasses import dataclass, field
from typing import Final

FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 5.0
STEADY_S: Final = 30.0  # a run of that length wipes the slate
TRIES: Final = 3


@dataclass
class Health:
    """One run of one child, from its start."""

    started_s: float
    frozen_after_s: float
    ready_within_s: float
    ready_url: str = ""
    starved_s: float = 0.0  # how long it has waited for a core so far; not its own fault
    _beats: dict[str, float] = field(
        default_factory=dict
    )  # loop -> its last beat, in time not starved

    def heard(self, line: str, now_s: float) -> None:
        """Take one line from the child's pipe: `beat <loop>` or `ready <url>`."""
        word, _, rest = line.partition(" ")
        if word == "beat":
            self._beats[rest] = now_s - self.starved_s
        elif word == "ready":
            self.ready_url = rest

    def trouble(self, now_s: float, *, own_delay_s: float = 0.0) -> str:
        """What is wrong with it, or "".

        own_delay_s: how late the supervisor itself is; on a machine that starves us the child
        is given that much more.
        """
        patience = self.frozen_after_s + 2 * own_delay_s
        for loop, last in self._beats.items():
            still_s = now_s - self.starved_s - last
            if still_s > patience:
                return f"its {loop} stood still for {still_s:.1f} s"
        waited = now_s - self.started_s
        if not self.ready_url and waited > self.ready_within_s + 2 * own_delay_s:
            return f"it was not ready within {waited:.0f} s"
        return ""


@dataclass
class Restarts:
    """The history of one child over all its runs."""

    count: int = 0
    was_ready: bool = False
    _row: int = 0  # short runs, one after the other

    def after(self, *, ran_s: float, ready: bool) -> float | None:
        """A run has ended: seconds until the next, or None to give up."""
        self.was_ready |= ready
        self._row = 0 if ran_s >= STEADY_S else self._row + 1
        if not self.was_ready and self._row >= TRIES:
            return None
        self.count += 1
        if self._row <= 1:
            return 0.0
        return min(float(FIRST_WAIT_S * 2 ** (self._row - 2)), LONGEST_WAIT_S)
