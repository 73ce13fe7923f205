"""The raised hands of one room at one edge: all of them kept, the oldest offered to the stage. Pure.

Keeps true: a hand is waiting (kept here), offered (in a batch on its way) or taken (in the hosts'
list), until it goes down or is called; who came first is offered first, whatever order hands come
in. A batch that is lost offers its hands again. Each topic is a queue of its own, and the stage says
how many of each it wants: a topic that everybody talks about hides no other. Cost: O(log n) for a hand, nothing for time.
`edge.audience.voice` owns one; the bound on the number of hands is the edge's (`edge.routes`).
"""

import heapq
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from hustings.base.errors import Denied
from hustings.base.ids import new_secret
from hustings.wire.batch import DOWN, HANDS, HANDS_BYTES, Answer, Hands, Raised, Topic, encode
from hustings.wire.tickets import Ticket, TicketKeys

_FOR: Final = "hands of {}"
_EVENING_S: Final = 12 * 3_600
_SLACK: Final = 64  # gone hands in the heap before it is made anew


class Hand(msgspec.Struct, frozen=True, gc=False):
    """Somebody asks to speak; at_s: when, on the edge's monotonic clock."""

    id: str
    name: str
    question: str
    at_s: float
    topic: str = ""


class HandQueue:
    """All hands that are up at this edge, by topic and age."""

    def __init__(self) -> None:
        self._up: dict[str, Hand] = {}
        # topic -> waiting hands, and some that are gone
        self._heaps: dict[str, list[tuple[float, str]]] = {"": []}
        self._offered: list[str] = []  # in the batch that is on its way
        self._taken: set[str] = set()
        self._below: set[str] = set()  # raised at an edge that feeds on this one
        self._counts: Counter[str] = Counter()  # topic -> hands up that are not below
        self._down: dict[str, None] = {}  # to be told: another edge or the stage may hold them
        self._wanted: Mapping[str, int] = {"": HANDS}  # of each topic, until the stage says so
        self._told = 0  # hands that were up at the last batch

    def __len__(self) -> int:
        return len(self._up)

    def __contains__(self, hand_id: str) -> bool:
        return hand_id in self._up

    @property
    def news(self) -> bool:
        """Whether the stage should hear at once."""
        return (
            bool(self._down)
            or self._told != len(self._up)
            or any(
                self._wanted.get(topic, 0) > 0 and any(map(self._stands, heap[:1]))
                for topic, heap in self._heaps.items()
            )
        )

    def put(self, hand: Hand, *, again: bool = False, below: bool = False) -> None:
        """Raise a hand; `again`: it was up before, perhaps at another edge, and is ours now.

        below: it is up at an edge that feeds on this one, which also counts it.
        """
        if hand.id in self._up:
            return
        self._up[hand.id] = hand
        if below:
            self._below.add(hand.id)
        else:
            self._counts[hand.topic] += 1
        heapq.heappush(self._heaps.setdefault(hand.topic, []), (hand.at_s, hand.id))
        if again:
            self._tell_down(hand.id)

    def lower(self, hand_id: str) -> None:
        """Its owner takes it down; whoever else may hold it is told."""
        waited = self._waits(hand_id) and hand_id not in self._offered
        self.settle(hand_id)
        if not waited:
            self._tell_down(hand_id)

    def settle(self, hand_id: str) -> None:
        """It was called up, or lowered elsewhere."""
        hand = self._up.pop(hand_id, None)
        self._taken.discard(hand_id)
        if hand is None:
            return
        if hand_id not in self._below:
            self._counts[hand.topic] -= 1
        self._below.discard(hand_id)
        if sum(map(len, self._heaps.values())) > 2 * len(self._up) + _SLACK:
            for topic, heap in list(self._heaps.items()):
                heap[:] = [pair for pair in heap if self._stands(pair)]
                heapq.heapify(heap)
                if topic and not heap:
                    del self._heaps[topic]

    def _tell_down(self, hand_id: str) -> None:
        if len(self._down) < 10 * DOWN:  # beyond that hosts may call somebody who does not come
            self._down[hand_id] = None

    def _waits(self, hand_id: str) -> bool:
        return hand_id in self._up and hand_id not in self._taken

    def _stands(self, pair: tuple[float, str]) -> bool:
        """Whether a place in the heap is a hand's that waits; it may be up again at another."""
        return self._waits(pair[1]) and self._up[pair[1]].at_s == pair[0]

    def offer(self, now_s: float) -> Hands:
        """What the next batch says; `answered` must follow before the next call."""
        first: list[Raised] = []
        size = 0
        left = {topic: self._wanted.get(topic, 0) for topic in self._heaps}
        heads = {topic: self._head(topic) for topic in self._heaps}
        while len(first) < HANDS and size < HANDS_BYTES:
            able = [(head, topic) for topic, head in heads.items() if head and left[topic] > 0]
            if not able:
                break
            (_, hand_id), topic = min(able)
            heapq.heappop(self._heaps[topic])
            left[topic] -= 1
            hand = self._up[hand_id]
            self._offered.append(hand_id)
            age_s = _age(hand.at_s, now_s)
            first.append(Raised(hand_id, hand.name, hand.question, age_s, hand.topic))
            size += len(encode(first[-1]))
            heads[topic] = self._head(topic)
        self._told = len(self._up)
        oldest = self._oldest(first, heads, now_s)
        return Hands(
            up=len(self._up) - len(self._below),
            first=first,
            oldest_s=max(oldest.values(), default=0.0),
            down=list(self._down)[:DOWN],
            topics=self._topics(oldest),
        )

    def _topics(self, oldest: Mapping[str, float]) -> dict[str, Topic]:
        topics = {topic for topic, count in self._counts.items() if count} | self._heaps.keys()
        if topics == {""}:
            return {}
        return {topic: Topic(self._counts[topic], oldest.get(topic, 0.0)) for topic in topics}

    def _head(self, topic: str) -> tuple[float, str] | None:
        """The oldest hand of a topic that waits and is not on its way."""
        heap = self._heaps[topic]
        while heap and (not self._stands(heap[0]) or heap[0][1] in self._offered):
            heapq.heappop(heap)
        return heap[0] if heap else None

    def _oldest(
        self,
        first: Iterable[Raised],
        heads: Mapping[str, tuple[float, str] | None],
        now_s: float,
    ) -> dict[str, float]:
        """Topic -> age of the oldest hand that the stage has not taken."""
        ages = {topic: _age(head[0], now_s) for topic, head in heads.items() if head}
        for each in first:
            ages[each.topic] = max(each.age_s, ages.get(each.topic, 0.0))
        return {topic: max(0.001, age_s) for topic, age_s in ages.items()}

    def answered(self, said: Hands, answer: Answer) -> None:
        """The stage has `said`, put the first of the hands into its list and wants more."""
        for hand_id in said.down:
            self._down.pop(hand_id, None)
        taken = [each.id for each in said.first[: answer.taken]]
        self._taken.update(hand_id for hand_id in taken if hand_id in self._up)
        self.lost()
        self._wanted = {"": answer.wanted, **answer.topics}

    def lost(self) -> None:
        """The batch did not arrive, or not all of it was taken: offer it again."""
        for hand_id in self._offered:
            if self._waits(hand_id):
                hand = self._up[hand_id]
                heapq.heappush(self._heaps.setdefault(hand.topic, []), (hand.at_s, hand_id))
        self._offered = []


def new_ticket(keys: TicketKeys | None, room: str, second: float) -> str:
    """Proves whose a hand is, and since when it is up; second: now, as tickets count it.

    Signed for the room's hands, so it is no good as a place in the room's queue. Without keys
    (the stage was never heard) a plain secret: it proves whose the hand is, and no time.
    """
    if keys is None:
        return new_secret()
    at_s = int(second)
    number = secrets.randbits(64)
    return keys.sign(Ticket(_FOR.format(room), at_s, number, "wait", at_s + _EVENING_S))


def age_of(keys: TicketKeys | None, text: str, room: str, second: float) -> float:
    """For how many seconds a hand has been up, by its ticket; 0 if that does not prove it."""
    if keys is None:
        return 0.0
    try:
        ticket = keys.check(text, room=_FOR.format(room), now_s=second)
    except Denied:
        return 0.0
    return max(0.0, second - ticket.at_s)


def _age(at_s: float, now_s: float) -> float:
    return round(max(0.0, now_s - at_s), 3)
