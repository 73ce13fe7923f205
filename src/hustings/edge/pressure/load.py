"""How hard an edge works, as numbers from 0 (calm) to 1 (at its end). Pure: readings come in.

Two pressures, because different things help: `work` (core, loop, slow lines) is relieved by
fewer, longer sends; `space` (memory, connections) only by letting in fewer. Knees and smoothing
are those of docs/operations.md, "The ladder". `edge.app` samples three times a second; the ladder
and the door read.
"""

from collections import deque
from typing import Final

import msgspec

SAMPLE_S: Final = 0.320
BACKLOG_KNEE: Final = 0.20  # fewer slow listeners are no load
_UP: Final = 0.3  # share of a new sample in the smoothed value while it rises
_DOWN: Final = 0.1  # ... and while it falls
_LAGS: Final = 7  # turns of the loop that are remembered: two seconds


class Load(msgspec.Struct, frozen=True):
    """One sample. Shares from 0 to 1 but for `lag_s`."""

    cpu: float = 0.0  # of one core, this process
    lag_s: float = 0.0  # how late the loop turns: the worst turn but one of two seconds
    backlog: float = 0.0  # listeners whose buffers are full
    memory: float = 0.0  # of what the machine or our control group grants
    connections: float = 0.0  # of the configured cap


def work(load: Load) -> tuple[float, str]:
    """Pressure 0 .. 1 that longer sends relieve, and which reading it comes from."""
    return _worst(
        ("cpu", (load.cpu - 0.60) / 0.30),
        ("lag", (load.lag_s - 0.020) / 0.130),
        ("backlog", (load.backlog - BACKLOG_KNEE) / 0.30),
    )


def space(load: Load) -> tuple[float, str]:
    """Pressure 0 .. 1 that only fewer newcomers relieve, and which reading it comes from."""
    return _worst(
        ("memory", memory(load)),
        ("connections", (load.connections - 0.60) / 0.40),
    )


def memory(load: Load) -> float:
    """Pressure of memory alone; what is left to 1 may be little, so it begins early."""
    return min(1.0, max(0.0, (load.memory - 0.70) / 0.20))


def _worst(*readings: tuple[str, float]) -> tuple[float, str]:
    name, most = max(readings, key=lambda reading: reading[1])
    return min(1.0, max(0.0, most)), name


class Smoothed:
    """A pressure that rises quickly and falls slowly."""

    def __init__(self) -> None:
        self.value = 0.0

    def take(self, sample: float) -> float:
        """Mix one sample in; returns the smoothed value."""
        self.value += (sample - self.value) * (_UP if sample > self.value else _DOWN)
        return self.value


class Lag:
    """How late the loop's turns came lately."""

    def __init__(self) -> None:
        self._late: deque[float] = deque([0.0], maxlen=_LAGS)

    def take(self, late_s: float) -> None:
        """One turn, this late."""
        self._late.append(max(0.0, late_s))

    @property
    def late_s(self) -> float:
        """The worst turn but one: a single late one is no lag."""
        return sorted(self._late)[-2] if len(self._late) > 1 else 0.0
