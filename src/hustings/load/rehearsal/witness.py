"""What the house itself says of a rehearsal: the stage's counters, and what its edges cost here.

The stage is asked before and after by its `/metrics`. The edges' processor time and memory are
read from the machine, when they run on this one: no edge is burdened by the question.
"""

import contextlib
from typing import Final

import httpx
import psutil

from hustings.load.rehearsal.summary import Edges, Stage

_NAMES: Final = {
    "ticks": "hustings_stage_ticks_total",
    "late_ticks": "hustings_stage_late_ticks_total",
    "skipped_ticks": "hustings_stage_skipped_ticks_total",
}
_WAIT_S: Final = 3.0


def read_metrics(text: str) -> dict[str, float]:
    """Name (with labels) -> value, of the Prometheus text format."""
    found: dict[str, float] = {}
    for line in text.splitlines():
        name, _, value = line.rpartition(" ")
        if name and not line.startswith("#"):
            with contextlib.suppress(ValueError):
                found[name] = float(value)
    return found


def stage_of(text: str) -> Stage | None:
    """A stage's counters in its metrics; None if they are not there."""
    values = read_metrics(text)
    if not set(_NAMES.values()) <= values.keys():
        return None
    return Stage(**{field: int(values[name]) for field, name in _NAMES.items()})


def look(url: str) -> Stage | None:
    """The counters of the stage at `url` now; None if none answers."""
    try:
        return stage_of(httpx.get(f"{url}/metrics", timeout=_WAIT_S, trust_env=False).text)
    except httpx.HTTPError:
        return None


def between(before: Stage | None, after: Stage | None) -> Stage | None:
    """What was counted in between; None if the stage was not seen both times, or began anew."""
    if before is None or after is None or after.ticks < before.ticks:
        return None
    return Stage(
        after.ticks - before.ticks,
        after.late_ticks - before.late_ticks,
        after.skipped_ticks - before.skipped_ticks,
    )


class EdgeWatch:
    """The processes of this machine that listen on a port; none if they are not ours to see."""

    def __init__(self, port: int) -> None:
        self._processes: list[psutil.Process] = []
        self.cpu_s: list[float] = []  # that they used in each second
        self._memory: list[float] = []
        with contextlib.suppress(psutil.Error, OSError):
            pids = {
                each.pid
                for each in psutil.net_connections("tcp")
                if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid
            }
            self._processes = [psutil.Process(pid) for pid in sorted(pids)]
        self._spent_s, memory = self._now()
        self._memory.append(memory)

    def second(self) -> None:
        """Called once a second."""
        spent_s, memory = self._now()
        self.cpu_s.append(max(0.0, spent_s - self._spent_s))
        self._spent_s = spent_s
        self._memory.append(memory)

    def result(self) -> Edges | None:
        """What they took in all; None if they were not seen."""
        if not self._processes:
            return None
        grown = max(self._memory) - self._memory[0]
        return Edges(len(self._processes), round(sum(self.cpu_s), 2), grown)

    def _now(self) -> tuple[float, float]:
        """CPU seconds and bytes of memory, of those who live."""
        spent = memory = 0.0
        for each in self._processes:
            with contextlib.suppress(psutil.Error):
                times = each.cpu_times()
                spent += times.user + times.system
                memory += each.memory_info().rss
        return spent, memory
