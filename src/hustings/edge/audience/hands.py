"""The raised hands of one room at one edge: all of them kept, the oldest offered to the stage. Pure.

Keeps true: a hand is waiting (kept here), offered (in a batch on its way) or taken (in the hosts'
list), until it goes down or is called; who came first is offered first, whatever order hands come
in. A batch that is lost offers its hands again. Cost: O(log n) for a hand, nothing for time.
`edge.audience.voice` owns one; the bound on the number of hands is the edge's (`edge.routes`).
"""

import heapq
import secrets
from typing import Final

import msgspec

from hustings.base.errors import Denied
from hustings.base.ids import new_secret
from hustings.wire.batch import DOWN, HANDS, HANDS_BYTES, Hands, Raised, encode
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


class HandQueue:
    """All hands that are up at this edge, by age."""

    def __init__(self) -> None:
        self._up: dict[str, Hand] = {}
        self._heap: list[tuple[float, str]] = []  # waiting, and some that are gone
        self._offered: list[str] = []  # in the batch that is on its way
        self._taken: set[str] = set()
        self._below: set[str] = set()  # raised at an edge that feeds on this one
        self._down: dict[str, None] = {}  # to be told: another edge or the stage may hold them
        self._wanted = HANDS  # until the stage says otherwise
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
            or (self._wanted > 0 and any(map(self._stands, self._heap[:1])))
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
        heapq.heappush(self._heap, (hand.at_s, hand.id))
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
        self._up.pop(hand_id, None)
        self._taken.discard(hand_id)
        self._below.discard(hand_id)
        if len(self._heap) > 2 * len(self._up) + _SLACK:
            self._heap = [pair for pair in self._heap if self._stands(pair)]
            heapq.heapify(self._heap)

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
        while self._heap and len(first) < self._wanted and size < HANDS_BYTES:
            pair = heapq.heappop(self._heap)
            if self._stands(pair) and pair[1] not in self._offered:
                hand = self._up[pair[1]]
                self._offered.append(hand.id)
                first.append(Raised(hand.id, hand.name, hand.question, _age(hand.at_s, now_s)))
                size += len(encode(first[-1]))
        while self._heap and not self._stands(self._heap[0]):
            heapq.heappop(self._heap)
        oldest = self._heap[0][0] if self._heap else None
        if first:
            oldest = self._up[first[0].id].at_s
        self._told = len(self._up)
        return Hands(
            up=len(self._up) - len(self._below),
            first=first,
            oldest_s=0.0 if oldest is None else max(0.001, _age(oldest, now_s)),
            down=list(self._down)[:DOWN],
        )

    def answered(self, said: Hands, *, taken: int, wanted: int) -> None:
        """The stage has `said`, put the first `taken` hands into its list and wants more."""
        for hand_id in said.down:
            self._down.pop(hand_id, None)
        self._taken.update(each.id for each in said.first[:taken] if each.id in self._up)
        self.lost()
        self._wanted = min(wanted, HANDS)

    def lost(self) -> None:
        """The batch did not arrive, or not all of it was taken: offer it again."""
        for hand_id in self._offered:
            if self._waits(hand_id):
                heapq.heappush(self._heap, (self._up[hand_id].at_s, hand_id))
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
