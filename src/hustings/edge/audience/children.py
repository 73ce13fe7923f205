"""What edges that feed on this one say of a room's audience, added to what is said here. Pure.

Keeps true: the stage hears one batch a second from this edge, whatever hangs below it; a child
counts as long as it speaks; a hand is raised once, at the edge where its owner is, and is offered
upwards from there, oldest first. A child's hands are taken at once (they wait here instead), and
it is told which of them went down elsewhere. `edge.live_room.LiveRoom` owns one; `edge.feed.tree` brings
batches, `edge.feed.upstream` what was said to the stage and its answer.
"""

from collections import deque
from collections.abc import Iterable
from functools import reduce
from typing import Final

import msgspec

from hustings.edge.audience.hands import Hand
from hustings.edge.audience.voice import Audience
from hustings.wire.batch import DOWN, HANDS, Answer, Batch, Now, Topic, topic_counts

SILENT_S: Final = 12.0  # edges report at least every 5
_CHILDREN: Final = 100
_LOWERED: Final = 4_096
_MOST_HANDS: Final = 100_000


class _Told(msgspec.Struct):
    """A child, as it last spoke."""

    batch: Batch
    at_s: float
    lowered: int  # so many lowered hands it has heard of


class Children:
    """The edges below, in one room."""

    def __init__(self, audience: Audience) -> None:
        self._audience = audience
        self._edges: dict[str, _Told] = {}  # in the order in which they last spoke
        self._lowered: deque[tuple[str, str]] = deque(maxlen=_LOWERED)  # (who said so, hand)
        self._lowered_ever = 0

    def hear(self, edge: str, batch: Batch, now_s: float) -> Answer:
        """Take a child's batch. Raises PeerError `sketch_bad`."""
        before = self._edges.get(edge)
        self._audience.add(batch, before.batch if before else None)
        told = self._edges.pop(edge, None) or _Told(batch, now_s, self._lowered_ever)
        if len(self._edges) >= _CHILDREN:
            del self._edges[next(iter(self._edges))]
        told.batch, told.at_s = batch, now_s
        self._edges[edge] = told
        hands = self._audience.hands
        for hand in batch.hands.down:
            hands.lower(hand)
        self._lower(edge, batch.hands.down)
        for each in batch.hands.first:
            at_s = now_s - each.age_s
            hands.put(Hand(each.id, each.name, each.question, at_s, each.topic), below=True)
        wanted = HANDS if len(hands) < _MOST_HANDS else 0
        return Answer(
            taken=len(batch.hands.first),
            wanted=wanted,
            topics={topic: wanted for topic in batch.hands.topics if topic},
            down=self._news(edge, told),
            asked=self._audience.forum.hear(edge, batch.votes, batch.asked),
        )

    def answered(self, said: Iterable[str], answer: Answer) -> None:
        """The stage was told that these hands are down, and knows of others."""
        known = {hand for _, hand in self._lowered}
        self._lower("", [hand for hand in said if hand not in known])
        self._lower("", answer.down)

    def _lower(self, by: str, hands: Iterable[str]) -> None:
        for hand in hands:
            self._lowered.append((by, hand))
            self._lowered_ever += 1

    def _news(self, edge: str, told: _Told) -> list[str]:
        fresh = min(self._lowered_ever - told.lowered, len(self._lowered), DOWN)
        told.lowered = self._lowered_ever
        news = list(self._lowered)[len(self._lowered) - fresh :] if fresh else []
        return [hand for by, hand in news if by != edge]

    def now(self, now_s: float) -> Now:
        """Who listens below."""
        return reduce(both, (told.batch.now for told in self._present(now_s)), Now())

    def added(self, batch: Batch, now_s: float) -> Batch:
        """The batch with those below who wait or have a hand up."""
        below = [told.batch for told in self._present(now_s)]
        up = batch.hands.up + sum(each.hands.up for each in below)
        topics = topic_counts([batch.hands, *(each.hands for each in below)])
        mine = batch.hands.topics or {"": Topic(0, batch.hands.oldest_s)}
        return msgspec.structs.replace(
            batch,
            waiting=batch.waiting + sum(each.waiting for each in below),
            hands=msgspec.structs.replace(
                batch.hands,
                up=up,
                topics={
                    topic: Topic(count, mine[topic].oldest_s if topic in mine else 0.0)
                    for topic, count in topics.items()
                },
            ),
        )

    def _present(self, now_s: float) -> list[_Told]:
        return [told for told in self._edges.values() if now_s - told.at_s <= SILENT_S]


def both(a: Now, b: Now) -> Now:
    """Who listens at the one or the other."""
    return Now(live=a.live + b.live, low=a.low + b.low, hls=a.hls + b.hls)
