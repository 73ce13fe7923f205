"""The ladder: what an edge gives up under load, step by step, before anybody loses sound. Pure.

    parts one by one -> joined by 2, 4, 8 -> extras off -> opus-low for newcomers -> queue

Keeps true: up at once, one rung a second; down only when the lower rung would hold too (joined
by half as many, sending costs twice) for `HOLD_S`, and longer each time that proves wrong: a
ladder that swings costs each listener a pause. `space` (memory, connections) leads to the last
two rungs by itself, since longer sends free neither. Called by `edge.app` with each sample; the
rung's level, reason and since-when are public (docs/protocol.md 3.13).
"""

from typing import Final

import msgspec

from hustings.edge.pressure import load
from hustings.edge.pressure.load import Load, Smoothed

_UP_S: Final = 1.0  # between two steps up: the last one must have had time to help
HOLD_S: Final = 10.0  # calm that a step down needs
_LONGEST_HOLD_S: Final = 320.0
_STEADY_S: Final = 120.0  # a step down that lasted so long was right
_MARGIN: Final = 0.10  # below a rung's threshold


class Rung(msgspec.Struct, frozen=True):
    """What holds now."""

    level: int  # 0 .. 6
    name: str
    joined: int  # parts of one send
    extras: bool = True  # levels and the like are sent
    low: bool = False  # newcomers get opus-low
    queue: bool = False  # ... and wait in the queue for the live stream


_JOINED: Final = (1, 2, 4, 8, 8, 8, 8)
_NAMES: Final = ("parts", "joined_2", "joined_4", "joined_8", "extras_off", "low", "queue")
# Smoothed work. All before 0.63, where the door begins to turn newcomers away (100 - 100 x^3 < 75).
_ENTER: Final = (0.0, 0.28, 0.36, 0.44, 0.50, 0.56, 0.61)
_SPACE: Final = {5: 0.56, 6: 0.61}
_LOW: Final = 5
_QUEUE: Final = 6


def rung(work_level: int, space_level: int = 0) -> Rung:
    """The rung of two levels; each 0 .. 6."""
    level = max(work_level, space_level)
    return Rung(
        level=level,
        name=_NAMES[level],
        joined=_JOINED[work_level],
        extras=work_level < _NAMES.index("extras_off"),
        low=level >= _LOW,
        queue=level >= _QUEUE,
    )


class Ladder:
    """Where one edge stands, and since when."""

    def __init__(self, now_s: float) -> None:
        self.rung = rung(0)
        self.since_s = now_s
        self.reason = ""  # the reading that brought us here: cpu, lag, backlog, memory, connections
        self.x = 0.0  # work and memory, smoothed: what the door goes by; it counts places itself
        self._work, self._space, self._memory = Smoothed(), Smoothed(), Smoothed()
        self._level = self._space_level = 0
        self._moved_s = now_s
        self._calm_s = now_s  # since when the rung below would do
        self._hold_s = HOLD_S
        self._lowered_s = float("-inf")

    def step(self, sample: Load, now_s: float) -> Rung:
        """One sample, three times a second; returns what holds from now on."""
        work, why = load.work(sample)
        space, space_why = load.space(sample)
        self._work.take(work)
        self._space.take(space)
        self.x = max(self._work.value, self._memory.take(load.memory(sample)))
        before = self.rung
        self._climb(sample, work, now_s)
        self._space_level = self._room()
        self.rung = rung(self._level, self._space_level)
        if self.rung != before:
            self.since_s = now_s
            self.reason = why if self._level >= self._space_level else space_why
            if self.rung.level == 0:
                self.reason = ""
        return self.rung

    def _climb(self, sample: Load, work: float, now_s: float) -> None:
        level = self._level
        above = _ENTER[level + 1] if level + 1 < len(_ENTER) else 2.0
        # Both: the smoothed value alone would climb on after the last step has helped already.
        if min(self._work.value, work) >= above:
            self._calm_s = now_s
            if now_s - self._moved_s >= _UP_S:
                if now_s - self._lowered_s < _STEADY_S:
                    self._hold_s = min(_LONGEST_HOLD_S, 2 * self._hold_s)
                self._level, self._moved_s = level + 1, now_s
        elif level and max(self._work.value, _below(sample, level)) < _ENTER[level] - _MARGIN:
            if now_s - self._calm_s >= self._hold_s:
                if now_s - self._lowered_s > self._hold_s + _STEADY_S:
                    self._hold_s = HOLD_S
                self._level, self._moved_s = level - 1, now_s
                self._lowered_s = self._calm_s = now_s
        else:
            self._calm_s = now_s

    def _room(self) -> int:
        reached = [
            level
            for level, enter in _SPACE.items()
            if self._space.value >= enter - (_MARGIN if self._space_level >= level else 0.0)
        ]
        return max(reached, default=0)


def _below(sample: Load, level: int) -> float:
    """The work that the rung below would bring: half as long sends are twice as many."""
    factor = _JOINED[level] / _JOINED[level - 1]
    cpu = min(1.0, sample.cpu * factor)
    return load.work(msgspec.structs.replace(sample, cpu=cpu))[0]
