"""Joins that wait for the work budget: who is next, and who has waited too long. Pure.

Keeps true: networks take turns, whatever the number of people (or machines) in each and however
often they ask (start-time fair queueing, with a credit of `CREDIT` turns for those who were away,
since who asks once in a while cannot wait for a turn), so a flood from few networks costs itself
and not the others; under a standing queue the newest of a network come first, since those
who came long ago have given up; nobody waits for long, and the queue is bounded.
`edge.door.admission` owns one. A person's place in the waiting room is no matter of this
queue: it holds milliseconds of work, first come first served there.

CoDel with adaptive LIFO as in "Fail at Scale" (ACM Queue 2015) and folly's Codel.cpp: the queue
is overloaded if during `INTERVAL_S` even the least delay was over `TARGET_S`; then whoever has
waited for more than twice the target is late, else for more than the interval. The delay is that
of the oldest: under LIFO the one who is served would say nothing about those who are not.
"""

import heapq
from collections import OrderedDict, deque
from typing import Final, Generic, TypeVar

TARGET_S: Final = 0.010  # the budget opens each 5 ms: a wait of that length is no queue yet
INTERVAL_S: Final = 0.100
SIZE: Final = 4_096
CREDIT: Final = 2.0  # turns
_NETWORKS: Final = 65_536  # whose turns are remembered

T = TypeVar("T")


class _Entry(Generic[T]):
    __slots__ = ("item", "network", "since_s")

    def __init__(self, network: str, item: T, since_s: float) -> None:
        self.network = network
        self.item: T | None = item  # None: it has left the queue
        self.since_s = since_s


class _Lane(Generic[T]):
    """Those of one network, in the order of coming. Lanes are served by their start, in turns."""

    __slots__ = ("entries", "number", "start")

    def __init__(self, start: float, number: int) -> None:
        self.entries: deque[_Entry[T]] = deque()
        self.start = start
        self.number = number  # among those of one start, first come first served

    def __lt__(self, other: "_Lane[T]") -> bool:
        return (self.start, self.number) < (other.start, other.number)


class JoinQueue(Generic[T]):
    """Items by network, each with the second at which it came."""

    def __init__(self, *, size: int = SIZE) -> None:
        self.overloaded = False
        self._size = size
        self._waiting = 0
        self._lanes: dict[str, _Lane[T]] = {}
        self._turns: list[_Lane[T]] = []  # a heap; holds some lanes that are empty and forgotten
        self._made = 0  # lanes
        self._now = 0.0  # virtual time: turns that a network has had that never stopped asking
        self._turn: OrderedDict[str, float] = (
            OrderedDict()
        )  # network -> its next turn, those of long ago first
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
            lane = self._lane(network)
        lane.entries.append(entry)
        self._order.append(entry)
        self._waiting += 1
        return True

    def pop(self) -> T | None:
        """The next item, of the network whose turn it is; None if nobody waits."""
        while self._turns:
            lane = heapq.heappop(self._turns)
            if not lane.entries:
                continue
            entry = lane.entries.pop() if self.overloaded else lane.entries.popleft()
            network = entry.network
            self._now = max(self._now, lane.start)
            self._turn.pop(network, None)
            if len(self._turn) >= _NETWORKS:
                self._turn.popitem(last=False)
            self._turn[network] = lane.start + 1
            del self._lanes[network]
            if lane.entries:
                self._lane(network).entries = lane.entries
            return self._leave(entry)
        return None

    def _lane(self, network: str) -> _Lane[T]:
        if len(self._turns) > 64 + 2 * len(self._lanes):
            self._turns = [lane for lane in self._turns if lane.entries]
            heapq.heapify(self._turns)
        self._made += 1
        earliest = self._now - CREDIT
        lane: _Lane[T] = _Lane(max(earliest, self._turn.get(network, earliest)), self._made)
        heapq.heappush(self._turns, lane)
        self._lanes[network] = lane
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
