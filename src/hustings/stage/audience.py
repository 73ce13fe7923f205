"""The audience of one room, added up from what its edges say each second. Pure.

Keeps true: an edge counts as long as it speaks (`SILENT_S`), so no number stands for machines
that are gone; sums over the evening (`peak`, `joins`, `listened_s`, unique listeners) never
fall, also over a restart of the stage (`past`). At most `EDGES` edges are kept; the one that was
silent for longest makes room. `stage.hall.gallery` owns one for each room and gives the time.
"""

import heapq
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from hustings.wire.batch import DOWN, HANDS, Answer, Batch, Now, fresh, topic_counts
from hustings.wire.kinds import Reach
from hustings.wire.sketch import ERROR, Sketch

SILENT_S: Final = 12.0  # edges report at least every 5
HELD: Final = 15  # seconds: whose edge dies is counted there too until it is SILENT_S old
EDGES: Final = 1_000
REACTIONS: Final = 16  # kinds of one second; an edge says no more in a batch
_LOWERED: Final = 4_096  # hands that were lowered at an edge which did not hold them


class Told(msgspec.Struct):
    """One edge, as it last spoke."""

    batch: Batch
    at_s: float
    lowered: int  # so many lowered hands it has heard of

    def first_hand_s(self, topic: str) -> float:
        """When the oldest hand went up that is not in the hosts' list; infinite: there is none."""
        hands = self.batch.hands
        if hands.topics:
            oldest_s = hands.topics[topic].oldest_s if topic in hands.topics else 0.0
        else:
            oldest_s = 0.0 if topic else hands.oldest_s
        return self.at_s - oldest_s if oldest_s else math.inf


class Unique:
    """How many different ones so far; it never falls.

    before: counted with earlier salts. least: what an earlier run of the stage had counted.
    """

    def __init__(self, before: int = 0, least: int = 0) -> None:
        self.before = before
        self.sketch = Sketch()
        self._least = least

    @property
    def count(self) -> int:
        """All so far."""
        return max(self._least, self.before + self.sketch.size)

    def renewed(self) -> "Unique":
        """Go on with an empty sketch."""
        return Unique(self.count, self.count)


class Audience:
    """What all edges together say."""

    def __init__(self) -> None:
        self._edges: dict[str, Told] = {}  # in the order in which they last spoke
        self._reactions: Counter[str] = Counter()
        self._lowered: deque[tuple[str, str]] = deque(maxlen=_LOWERED)  # (edge that said so, hand)
        self._lowered_ever = 0
        self._pages = Unique()
        self._players = Unique()
        self._salt = ""
        # topic -> edges with the oldest, a second ago
        self._first_hands: dict[str, list[tuple[str, float]]] = {}
        self.peak = 0
        self._sums: deque[int] = deque(maxlen=HELD)  # of the last seconds
        self.joins = 0
        self.listened_s = 0.0

    def state(self, now_s: float) -> dict[str, Any]:
        """What `restore` needs, as plain data."""
        return {
            "reach": msgspec.to_builtins(self.reach(now_s)),
            "salt": self._salt,
            "before": [self._pages.before, self._players.before],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run of the stage stood; edges send their whole sketches again."""
        past = msgspec.convert(state.get("reach", {}), Reach)
        pages, players = state.get("before", (0, 0))
        self._pages, self._players = Unique(pages, past.unique), Unique(players, past.players)
        self._salt = str(state.get("salt", ""))
        self.peak, self.joins, self.listened_s = past.peak, past.joins, past.listened_s

    # --- what edges say ----------------------------------------------------------------------

    def carries(self, edge: str) -> bool:
        """Whether this edge has spoken of the room lately."""
        return edge in self._edges

    def hear(self, edge: str, batch: Batch, now_s: float) -> None:
        """Take an edge's batch. Raises PeerError `sketch_bad`."""
        before = self._edges.pop(edge, None)
        heard = before.lowered if before else self._lowered_ever
        if len(self._edges) >= EDGES:
            del self._edges[next(iter(self._edges))]
        self._edges[edge] = Told(batch, now_s, heard)
        joins, listened_s = fresh(before.batch if before else None, batch)
        self.joins += joins
        self.listened_s += listened_s
        self._reactions.update(batch.reactions)
        self._sketches(batch)

    def _sketches(self, batch: Batch) -> None:
        """Unique listeners. Those of another salt cannot be told apart from ours: left out."""
        if batch.salt != self._salt:
            return
        for data, unique in ((batch.pages, self._pages), (batch.players, self._players)):
            if data:
                unique.sketch.merge(Sketch.decode(data))

    def salted(self, salt: str) -> None:
        """Hashes are made with this salt from now on: who comes again is counted again."""
        if salt != self._salt:
            self._salt = salt
            self._pages, self._players = self._pages.renewed(), self._players.renewed()

    # --- hands -------------------------------------------------------------------------------

    def hands_up(self, now_s: float) -> int:
        """Raised hands at all edges."""
        return sum(told.batch.hands.up for told in self._present(now_s))

    def topics_up(self, now_s: float) -> dict[str, int]:
        """Raised hands at all edges by topic; empty where none has a topic."""
        return topic_counts(told.batch.hands for told in self._present(now_s))

    def lowered(self, edge: str, ids: Iterable[str]) -> None:
        """An edge says that these hands are down, or up with it: no other may keep them."""
        for hand in ids:
            self._lowered.append((edge, hand))
            self._lowered_ever += 1

    def answer(self, edge: str, *, taken: int, free: Mapping[str, int]) -> Answer:
        """What to tell an edge: of each topic, the oldest hands of all edges are wanted first.

        free: topic ("" for none) -> places in the hosts' list.
        """
        told = self._edges[edge]
        fresh = min(self._lowered_ever - told.lowered, len(self._lowered), DOWN)
        told.lowered = self._lowered_ever
        news = list(self._lowered)[len(self._lowered) - fresh :] if fresh else []
        down = [hand for by, hand in news if by != edge]
        wanted = {
            topic: min(places, HANDS)
            for topic, places in free.items()
            if places and self._is_first(edge, told.first_hand_s(topic), topic)
        }
        return Answer(taken=taken, wanted=wanted.pop("", 0), down=down, topics=wanted)

    def _is_first(self, edge: str, mine_s: float, topic: str) -> bool:
        others = (at_s for by, at_s in self._first_hands.get(topic, ()) if by != edge)
        return mine_s < math.inf and mine_s <= next(others, math.inf)

    # --- what is told ------------------------------------------------------------------------

    def now(self, now_s: float) -> Now:
        """Who listens now, at all edges that spoke in the last seconds."""
        nows = [told.batch.now for told in self._present(now_s)]
        return Now(
            live=sum(each.live for each in nows),
            low=sum(each.low for each in nows),
            hls=sum(each.hls for each in nows),
        )

    def waiting(self, now_s: float) -> int:
        """Who wait for a low-delay seat."""
        return sum(told.batch.waiting for told in self._present(now_s))

    def reach(self, now_s: float) -> Reach:
        """All numbers, as the journal keeps them."""
        now = self.now(now_s)
        return Reach(
            now=now.all,
            live=now.live,
            low=now.low,
            hls=now.hls,
            waiting=self.waiting(now_s),
            peak=self.peak,
            joins=self.joins,
            unique=self._pages.count,
            players=self._players.count,
            error=round(ERROR, 4),
            listened_s=round(self.listened_s),
            edges=sum(1 for _ in self._present(now_s)),
        )

    def light(self, now_s: float) -> dict[str, int]:
        """The two numbers that every page shows."""
        return {"listeners": self.now(now_s).all, "waiting": self.waiting(now_s)}

    def second(self, now_s: float) -> dict[str, int]:
        """Once a second: look for a new peak; returns the reactions of all edges since then."""
        self._sums.append(self.now(now_s).all)
        if len(self._sums) == HELD:
            self.peak = max(self.peak, min(self._sums))
        present = [(e, told) for e, told in self._edges.items() if now_s - told.at_s <= SILENT_S]
        topics = {"", *(topic for _, told in present for topic in told.batch.hands.topics)}
        self._first_hands = {
            topic: heapq.nsmallest(
                2,
                ((edge, told.first_hand_s(topic)) for edge, told in present),
                key=lambda pair: pair[1],
            )
            for topic in topics
        }
        taken, self._reactions = dict(self._reactions.most_common(REACTIONS)), Counter()
        return taken

    def _present(self, now_s: float) -> Iterable[Told]:
        return (told for told in self._edges.values() if now_s - told.at_s <= SILENT_S)
