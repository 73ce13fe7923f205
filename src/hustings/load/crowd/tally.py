"""What one process notes while a crowd is out, each note O(1); and how several notes become one. Pure.

Bounded: persons, samples and seconds are kept up to a limit, beyond which they are only counted.
Called by `load.crowd.process` (writing) and `load.rehearsal.workers` (summing).
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from hustings.load.rehearsal.orders import Findings, Own, Refusal

PERSONS: Final = 400_000
SAMPLES: Final = 20_000
SECONDS: Final = 4 * 3_600
MAXIMA: Final = frozenset({"late_ms"})
"""Series of which several processes' values are not summed: the worst counts."""


class Seconds:
    """Sums for each second since the start."""

    def __init__(self) -> None:
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, at_s: float, amount: float = 1.0) -> None:
        """Add to a second's value."""
        self._slot(name, at_s)[self._index(at_s)] += amount

    def most(self, name: str, at_s: float, value: float) -> None:
        """Raise a second's value."""
        slot, index = self._slot(name, at_s), self._index(at_s)
        slot[index] = max(slot[index], value)

    def result(self) -> dict[str, list[float]]:
        """Name -> value in each second."""
        return {name: [round(each, 2) for each in values] for name, values in self._values.items()}

    @staticmethod
    def _index(at_s: float) -> int:
        return min(SECONDS - 1, max(0, int(at_s)))

    def _slot(self, name: str, at_s: float) -> list[float]:
        values = self._values[name]
        while len(values) <= self._index(at_s):
            values.append(0.0)
        return values


class Refusals:
    """By code, with a sample of how long they took."""

    def __init__(self) -> None:
        self.by_code: dict[str, Refusal] = {}
        self.sample_ms: list[float] = []
        self.count = 0

    def add(self, code: str, status: int, retry_after: str, took_ms: float) -> None:
        """One refusal."""
        known = self.by_code.get(code)
        if known is None:
            if len(self.by_code) >= 50:
                code = "other"
            known = self.by_code.setdefault(code, Refusal(status))
        known.count += 1
        known.slowest_ms = max(known.slowest_ms, round(took_ms, 1))
        text = retry_after.strip()
        if not (text.isascii() and text.isdigit()):
            known.without_retry += 1
        elif not 2 <= int(text) <= 120:
            known.odd_retry += 1
        # Every n-th, n growing: a sample that stays spread over the whole time.
        every = 1 + self.count // SAMPLES
        if self.count % every == 0 and len(self.sample_ms) < 2 * SAMPLES:
            self.sample_ms.append(round(took_ms, 1))
        self.count += 1


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share (0..1) of the values lies, nearest rank; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]


def summed(parts: Iterable[Findings]) -> Findings:
    """The findings of several processes as one."""
    total = Findings()
    own: list[Own] = []
    for each in parts:
        room = PERSONS - len(total.persons)
        total.persons += each.persons[:room]
        total.untold += each.untold + max(0, len(each.persons) - room)
        total.refusal_ms += each.refusal_ms
        total.decoded += each.decoded
        total.bytes += each.bytes
        total.ended_early |= each.ended_early
        own.append(each.own)
        for code, refusal in each.refusals.items():
            known = total.refusals.setdefault(code, Refusal(refusal.status))
            known.count += refusal.count
            known.without_retry += refusal.without_retry
            known.odd_retry += refusal.odd_retry
            known.slowest_ms = max(known.slowest_ms, refusal.slowest_ms)
        for reason, count in each.faults.items():
            total.faults[reason] = total.faults.get(reason, 0) + count
        for name, values in each.seconds.items():
            total.seconds[name] = _joined(name, total.seconds.get(name, []), values)
    if own:
        total.own = _worst(own)
    return total


def _joined(name: str, one: list[float], other: list[float]) -> list[float]:
    length = max(len(one), len(other))
    pairs = zip(_padded(one, length), _padded(other, length), strict=True)
    if name in MAXIMA:
        return [max(a, b) for a, b in pairs]
    return [round(a + b, 2) for a, b in pairs]


def _padded(values: list[float], length: int) -> list[float]:
    return values + [0.0] * (length - len(values))


def _worst(own: Sequence[Own]) -> Own:
    """The generator is as good as its worst process."""
    return Own(
        cpu=max(each.cpu for each in own),
        late_p99_ms=max(each.late_p99_ms for each in own),
        late_max_ms=max(each.late_max_ms for each in own),
        loop_p99_ms=max(each.loop_p99_ms for each in own),
        loop_max_ms=max(each.loop_max_ms for each in own),
        no_files=sum(each.no_files for each in own),
    )
