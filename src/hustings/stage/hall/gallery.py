"""The audience of one room, as its edges tell of it: counts, hands, the queue for seats, reactions.

Keeps true: what comes from the audience comes as one batch a second of each edge, and enters the
room's record only as hands, questions and sums. All methods run on the studio's thread.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import Denied
from hustings.stage.audience import Audience
from hustings.stage.hall.record import Record
from hustings.stage.queue import RoomQueue
from hustings.stage.room import Change
from hustings.stage.views import counts_view, hands_view
from hustings.stage.watchers import Watchers
from hustings.wire import kinds
from hustings.wire.batch import Answer, Batch, Hands, Rung
from hustings.wire.tokens import hand_of


class Gallery:
    """That of one room."""

    def __init__(self, record: Record, watchers: Watchers, clock: Clock) -> None:
        self.audience = Audience()
        self.queue = RoomQueue(record.room)
        self._record = record
        self._model = record.model
        self._watchers = watchers
        self._clock = clock
        self._reach = kinds.Reach()  # as the journal has it
        if (snapshot := record.journal.recovered.snapshot) is not None:
            self.audience.restore(snapshot.private.get("audience", {}))

    # --- what edges say ------------------------------------------------------------------------

    def hear(self, edge: str, batch: Batch) -> Answer:
        """An edge's last second. Raises PeerError `sketch_bad`."""
        self.audience.hear(edge, batch, self._clock.monotonic())
        self.audience.lowered(edge, batch.hands.down)
        for run, said in batch.queues.items():
            self.queue.hear(run or edge, said, self._record.room_second)
        changes, asked = self._record.evening.hear(edge, batch)
        self._record.enter(changes)
        self._record.enter(self._hands(batch.hands))  # the pages are told once
        return msgspec.structs.replace(self._answer(edge, batch.hands), asked=asked)

    def _hands(self, hands: Hands) -> Iterator[Change]:
        for hand_id in hands.down:
            yield from self._model.audience_lower(hand_id)
        now_ms = self._clock.wall_ms()
        for hand in hands.first:
            at_ms = now_ms - int(hand.age_s * 1_000)
            yield from self._model.audience_hand(
                hand.id, hand.name, hand.question, at_ms=at_ms, topic=hand.topic
            )

    def _answer(self, edge: str, hands: Hands) -> Answer:
        """What it is to send next: it sends again from the first hand that had no room."""
        free = self._model.hands_free
        full = (
            place
            for place, hand in enumerate(hands.first)
            if hand.id not in self._model.hands and not free.get(hand.topic, free[""])
        )
        return self.audience.answer(edge, taken=next(full, len(hands.first)), free=free)

    def hear_ladder(self, edge: str, rung: Rung) -> None:
        """An edge stands on another rung of the ladder; for the record, if it carries this room."""
        if self._record.is_open and self.audience.carries(edge):
            run = edge.rpartition(" ")[2]  # without its credential's id
            told = kinds.Ladder(run, rung.name, joined=rung.joined, reason=rung.reason)
            self._record.append(kinds.LADDER, told)

    # --- hands ---------------------------------------------------------------------------------

    @property
    def hands_up(self) -> int:
        """All raised hands: those at the edges, and those of named people."""
        named = sum(bool(hand.participant) for hand in self._model.hands.values())
        shown = len(self._model.hands) - named
        return named + max(shown, self.audience.hands_up(self._clock.monotonic()))

    def hands_view(self) -> dict[str, Any]:
        """The oldest hands, and how many there are."""
        topics_up = self.audience.topics_up(self._clock.monotonic())
        return hands_view(self._model, self.hands_up, topics_up)

    def counts_view(self) -> dict[str, Any]:
        """How many hands there are, in all and on each topic."""
        topics_up = self.audience.topics_up(self._clock.monotonic())
        return counts_view(self._model, self.hands_up, topics_up)

    def redeem(self, ticket: str) -> str:
        """The seat of whoever holds the ticket of a hand that was called; Denied `not_called`."""
        seat = hand_of(ticket)
        if seat not in self._model.asked:
            raise Denied("not_called", "This hand has not been called up.")
        return seat

    # --- now and then --------------------------------------------------------------------------

    def second(self) -> None:
        """Once a second: the reactions of all edges."""
        if reactions := self.audience.second(self._clock.monotonic()):
            self._watchers.tell({"type": "reactions", "reactions": reactions})
            if self._record.is_open:
                self._record.append(kinds.REACTIONS, kinds.Reactions(reactions))

    def queue_line(self) -> dict[str, Any] | None:
        """Once a second: let the queue move; what edges must know of it, if anything."""
        if self._record.ended:
            return None
        return self.queue.step(self._record.room_second, self._model.facts.draw)

    def write_reach(self) -> None:
        """How many listen; nothing while that does not change."""
        reach = self.audience.reach(self._clock.monotonic())
        if reach != self._reach and self._record.is_open:
            self._record.append(kinds.REACH, reach)
            self._reach = reach
