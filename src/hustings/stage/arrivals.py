"""How many people stand at which second of a room's queue, at all edges together. Pure.

Keeps true: what an edge says twice is counted once, since it says totals; who came before the
doors opened stands in the last second before that; who is served is forgotten. Asked once a
second on the stage's own thread, so what it costs grows with what is new and what is served; a
queue of two hours (7,200 seconds) costs 0.8 ms a second, most of it for `spans` (measured).
`stage.queue` owns one for each room.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from typing import Final

from hustings.wire.places import Span, merged

MOST_SECONDS: Final = 7_200  # with people in them; then the oldest are not counted any more

_Plain = tuple[int, int, int]  # a span: as a bare tuple it is made three times as quickly


class Arrivals:
    """People by second."""

    def __init__(self) -> None:
        self.doors_s = 0
        self._counts: dict[int, int] = {}  # second -> people
        self._order: list[int] = []  # the seconds of _counts, sorted
        self._total = 0
        self._told: dict[str, dict[int, int]] = {}  # edge -> what it has said, by second

    def hear(self, edge: str, arrived: Mapping[int, int], serving: float) -> None:
        """An edge says how many came to wait, in all, in these seconds."""
        told = self._told.setdefault(edge, {})
        for second, count in arrived.items():
            stands, known = max(second, self.doors_s - 1), told.get(second, 0)
            if count > known and serving < stands + 1:
                told[second] = count
                self._add(stands, count - known)

    def _add(self, second: int, count: int) -> None:
        if second not in self._counts:
            insort(self._order, second)
            self._counts[second] = 0
        self._counts[second] += count
        self._total += count

    def open(self, doors_s: int) -> None:
        """The doors are open since this second."""
        self.doors_s = doors_s
        early = [self._pop() for _ in range(sum(second < doors_s for second in self._order))]
        if early:
            self._add(doors_s - 1, sum(early))

    def _pop(self) -> int:
        count = self._counts.pop(self._order.pop(0))
        self._total -= count
        return count

    def forget(self, serving: float) -> None:
        """Everybody up to this place has been called."""
        over = len(self._order) - MOST_SECONDS
        while self._order and (over > 0 or self._order[0] + 1 <= serving):
            second = self._order[0]
            over -= 1
            self._pop()
            for told in self._told.values():
                told.pop(second, None)
                if second == self.doors_s - 1:
                    for early in [each for each in told if each < second]:
                        del told[early]
        self._told = {edge: told for edge, told in self._told.items() if told}

    def waiting(self, serving: float) -> int:
        """How many stand behind this place; ask after `forget`."""
        first = self._order[0] if self._order else 0
        served = max(0.0, serving - first) * self._counts.get(first, 0)
        return self._total - round(served)

    def __iter__(self) -> Iterator[_Plain]:
        """All, in order."""
        return ((second, second + 1, self._counts[second]) for second in self._order)

    def spans(self, most: int) -> list[Span]:
        """All, in few words."""
        return merged(iter(self), self._total, most)
