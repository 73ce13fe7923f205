"""Joins that wait for the work budget: who is next, and who has waited too long. Pure.

Keeps true: networks take turns, whatever the number of people (or machines) in each and however
often they ask: the one that was served longest ago is next, so a flood from few networks costs
itself and not the others; under a standing queue the newest of a network come first, since those
who came long ago have given up; nobody waits for long, and the queue is bounded.
`edge.admission` owns one. A person's place in the waiting room is no matter of this
queue: it holds milliseconds of work, first come first served there.

CoDel with adaptive LIFO as in "Fail at Scale" (ACM Queue 2015) and folly's Codel.cpp: the queue
is overloaded if during `INTERVAL_S` even the least delay was over `TARGET_S`; then whoever has
waited for more than twice the target is late, else for more than the interval. The delay is that
of the oldest: under LIFO the one who is served would say nothing about those who are not.
"""

import heapq
from collections import deque
from typing import Final, Generic, TypeVar

TARGET_S: Final = 0.005
INTERVAL_S: Final = 0.100
SIZE: Final = 4_096
_NETWORKS: Final = 65_536  # whose last turn is remembered

T = TypeVar("T")


class _Entry(Generic[T]):
    __slots__ = ("item", "network", "since_s")

    def __init__(self, network: str, item: T, since_s: float) -> None:
        self.network = network
        self.item: T | None = item  # None: it has left the queue
        self.since_s = since_s


class _Lane(Generic[T]):
    """Those of one network, in the order of coming. Lanes are ordered by their last turn."""

    __slots__ = ("entries", "served_s", "turn")

    def __init__(self, served_s: float, turn: int) -> None:
        self.entries: deque[_Entry[T]] = deque()
        self.served_s = served_s
        self.turn = turn  # among those of one moment, first come first served

    def __lt__(self, other: "_Lane[T]") -> bool:
        return (self.served_s, self.turn) < (other.served_s, other.turn)


class JoinQueue(Generic[T]):
    """Items by network, each with the second at which it came."""

    def __init__(self, *, size: int = SIZE) -> None:
        self.overloaded = False
        self._size = size
        self._waiting = 0
        self._lanes: dict[str, _Lane[T]] = {}
        self._turns: list[_Lane[T]] = []  # a heap; holds some lanes that are empty and forgotten
        self._turn = 0
        self._served: dict[str, float] = {}  # network -> second of its last turn, oldest first
        self._order: deque[_Entry[T]] = deque()  # of coming; holds some that have left
        self._judged_s = 0.0  # the end of the interval
        self._least_s = 0.0  # its least delay so far

    def __len__(self) -> int:
        return self._waiting

    def push(self, network: str, item: T, now_s: float) -> bool:
        """Let an item wait; False if the queue is full."""
        if self._waiting >= self._size:
            return False
        entry = _Entry(network, item, now_s)
        if (lane := self._lanes.get(network)) is None:
            lane = self._lanes[network] = self._lane(self._served.get(network, float("-inf")))
        lane.entries.append(entry)
        self._order.append(entry)
        self._waiting += 1
        return True

    def pop(self, now_s: float) -> T | None:
        """The next item: of the network that was served longest ago; None if nobody waits."""
        while self._turns:
            lane = heapq.heappop(self._turns)
            if not lane.entries:
                continue
            entry = lane.entries.pop() if self.overloaded else lane.entries.popleft()
            self._served.pop(entry.network, None)
            if len(self._served) >= _NETWORKS:
                del self._served[next(iter(self._served))]
            self._served[entry.network] = now_s
            if lane.entries:
                again = self._lanes[entry.network] = self._lane(now_s)
                again.entries = lane.entries
            else:
                del self._lanes[entry.network]
            return self._leave(entry)
        return None

    def _lane(self, served_s: float) -> _Lane[T]:
        if len(self._turns) > 64 + 2 * len(self._lanes):
            self._turns = [lane for lane in self._turns if lane.entries]
            heapq.heapify(self._turns)
        self._turn += 1
        lane: _Lane[T] = _Lane(served_s, self._turn)
        heapq.heappush(self._turns, lane)
        return lane

    def late(self, now_s: float) -> list[T]:
        """Judge the queue; take out whoever has waited too long. To be called at each turn."""
        self.judge(now_s)
        patience_s = 2 * TARGET_S if self.overloaded else INTERVAL_S
        gone: list[T] = []
        while (oldest := self._oldest()) is not None and now_s - oldest.since_s > patience_s:
            self._order.popleft()
            entries = self._lanes[oldest.network].entries
            entries.popleft()  # the oldest of all is the oldest of its network
            if not entries:
                del self._lanes[oldest.network]
            if (item := self._leave(oldest)) is not None:
                gone.append(item)
        return gone

    def judge(self, now_s: float) -> None:
        """Look at the queue; sets `overloaded` at the end of each interval."""
        oldest = self._oldest()
        delay_s = now_s - oldest.since_s if oldest is not None else 0.0
        if now_s < self._judged_s:
            self._least_s = min(self._least_s, delay_s)
            return
        # An interval in which nobody asked ended long ago says nothing about now.
        fresh = now_s - self._judged_s < INTERVAL_S
        self.overloaded = fresh and self._least_s > TARGET_S
        self._judged_s = now_s + INTERVAL_S
        self._least_s = delay_s

    def _oldest(self) -> _Entry[T] | None:
        while self._order and self._order[0].item is None:
            self._order.popleft()
        return self._order[0] if self._order else None

    def _leave(self, entry: _Entry[T]) -> T | None:
        item, entry.item = entry.item, None
        self._waiting -= 1
        return item
