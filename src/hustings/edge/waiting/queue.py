"""Who may come in to a room's low-delay stream, and where the others stand. Pure.

Keeps true: whoever came earlier comes in earlier, at whichever edge; nobody who was in is queued
again while their ticket lasts; nobody waits while there is a seat for all who wait; places never
jump back (`serving` only grows). No person is kept here: counts by second, and what the stage
said last. While the stage is away the edge goes on by itself at the last rate.
`edge.waiting.tickets` asks and lets time pass. Arithmetic and words: `wire.places`. Seconds are the room's.
"""

import math
from collections import Counter
from typing import Any, Final

import msgspec

from hustings.wire.kinds import Draw
from hustings.wire.places import Crowd, Span, advance, merged, people, place
from hustings.wire.queues import TOLD, Heard, Said
from hustings.wire.tickets import SEAT_S, WAIT_S, Ticket

LEAST_S: Final = 2.0  # nobody is asked to come back sooner ...
MOST_S: Final = 120.0  # ... or later
_SETTLE_S: Final = 2.0  # as the stage has it
_ALONE: Final = 1.0  # people a second who are let in where no rate was ever learned
_SECONDS: Final = 7_200  # with people in them; then the oldest are not counted any more
_SPANS: Final = 20  # of our own, beside the stage's


class Verdict(msgspec.Struct, frozen=True):
    """In, with a seat's ticket, or wait with one that holds the place."""

    ticket: Ticket
    place: float | None = None  # None: not drawn yet
    ahead: int | None = None  # people; None: not known before the draw
    wait_s: float | None = None  # None: nobody can tell
    retry_s: float = LEAST_S

    @property
    def seated(self) -> bool:
        """Whether this is a seat."""
        return self.ticket.kind == "seat"


class Queue:
    """One room's queue, as one edge knows it."""

    def __init__(self, room: str, *, pace: float) -> None:
        """pace: people a second that this edge can let in."""
        self.room = room
        self.serving = 0.0
        self._pace = pace
        self._heard = Heard(room)
        self._draw: Draw | None = None
        self._arrived: dict[int, int] = {}  # second -> people, here
        self._known: dict[int, int] = {}  # what of that the stage has taken
        self._came = 0
        self._eager = 0.0  # called ones who found no seat, fading
        self._fresh = 0  # people here whom the stage has not counted yet
        self._crowd = Crowd()  # as of the last turn ...
        self._since: Counter[int] = Counter()  # ... and who came after it

    # ------------------------------------------------------------ the stage's word and ours

    def hear(self, heard: Heard) -> None:
        """The stage's newest word."""
        self._heard = heard
        self.serving = max(self.serving, heard.serving)
        self._count()

    def anew(self) -> None:
        """The stage may have forgotten what we said: say it all again."""
        self._known.clear()

    def said(self, *, free: int) -> Said:
        """What the next batch carries."""
        fresh = [s for s, count in self._arrived.items() if self._known.get(s) != count][:TOLD]
        arrived = {second: self._arrived[second] for second in fresh}
        return Said(arrived, free, self._pace, self._came, self.serving)

    def taken(self, said: Said) -> None:
        """The stage has this batch."""
        self._known.update(said.arrived)
        self._came -= said.came

    # ------------------------------------------------------------ time

    def turn(self, passed_s: float, draw: Draw | None) -> None:
        """Let time pass, about once a second: drop what is over, count anew."""
        self._draw = draw
        self._eager *= math.exp(-passed_s)
        doors_s = draw.doors_s if draw else 0
        if doors_s:
            self.serving = max(self.serving, float(doors_s - 1))
        gone = [s for s in self._arrived if max(s, doors_s - 1) + 1 <= self.serving]
        excess = max(0, len(self._arrived) - _SECONDS)
        for second in [*gone, *sorted(self._arrived)[:excess]]:
            self._arrived.pop(second, None)
            self._known.pop(second, None)
        self._count()

    def go_on(self, passed_s: float, second: float, *, free: int) -> None:
        """Time passes without the stage: its last rate holds, while there are seats here."""
        if self._draw is None or not self._draw.doors_s or free <= 0:
            return
        count = max(self._heard.rate, _ALONE) * passed_s
        self.serving = advance(self._crowd.spans, self.serving, count, second - _SETTLE_S)

    def _count(self) -> None:
        """Who waits: by the stage's last word, and ours for the seconds after it."""
        last = self._heard.spans[-1].end if self._heard.spans else 0
        doors_s = self._draw.doors_s if self._draw else 0
        ours: dict[int, int] = {}
        for second, count in self._arrived.items():
            stands = max(second, doors_s - 1)
            if stands >= last and stands + 1 > self.serving:
                ours[stands] = ours.get(stands, 0) + count
        self._fresh = sum(ours.values())
        own = [Span(each, each + 1, ours[each]) for each in sorted(ours)]
        self._crowd = Crowd([*self._heard.spans, *merged(own, self._fresh, _SPANS)])
        self._since.clear()

    def _latest(self) -> list[Span]:
        """Who came since the last turn: those of a second or two."""
        doors_s = self._draw.doors_s if self._draw else 0
        return [Span(s, s + 1, self._since[s]) for s in sorted(self._since) if s >= doors_s]

    # ------------------------------------------------------------ who may come in

    def admit(self, ticket: Ticket | None, second: float, *, number: int, free: int) -> Verdict:
        """Somebody asks for the stream, with their ticket for this room or without.

        number: 64 random bits, for a newcomer's ticket. free: seats of this edge.
        """
        if ticket is not None and ticket.kind == "seat":
            return Verdict(seat(ticket, second))
        for_all = self.open(free)
        if ticket is None:
            ticket = Ticket(self.room, int(second), number, "wait", int(second) + WAIT_S)
            if for_all:
                return Verdict(seat(ticket, second))
            self.arrive(ticket.at_s)
        called = self.called(ticket)
        if for_all or (called and free > 0):
            self._came += called
            return Verdict(seat(ticket, second))
        return self.stand(ticket)

    def open(self, free: int) -> bool:
        """Whether there is a seat for everybody who waits, and one more."""
        return free > self.waiting + self._heard.coming

    def called(self, ticket: Ticket) -> bool:
        """Whether a ticket's turn has come."""
        at = place(ticket, self._draw)
        return at is not None and at <= self.serving

    def arrive(self, second: int) -> None:
        """Somebody begins to wait."""
        self._arrived[second] = self._arrived.get(second, 0) + 1
        self._since[second] += 1
        self._fresh += 1

    def stand(self, ticket: Ticket) -> Verdict:
        """Where somebody stands who waits."""
        at = place(ticket, self._draw)
        if at is None:
            return Verdict(ticket, retry_s=MOST_S / 4)
        if at <= self.serving:  # called, and all seats here are taken for the moment
            self._eager += 1
            return Verdict(ticket, at, 0, 0.0, min(MOST_S, LEAST_S + self._eager / self._pace))
        ahead = self._crowd.between(self.serving, at) + people(self._latest(), self.serving, at)
        rate = self._heard.rate
        wait_s = ahead / rate if rate > 0 else None
        retry_s = MOST_S / 4 if wait_s is None else min(MOST_S, max(LEAST_S, wait_s))
        return Verdict(ticket, at, int(ahead), wait_s, retry_s)

    # ------------------------------------------------------------ what is known of it

    @property
    def waiting(self) -> int:
        """How many wait, as far as this edge knows."""
        return self._heard.waiting + self._fresh

    @property
    def busy(self) -> bool:
        """Whether there is anything to tell the stage."""
        return bool(self.waiting or self._heard.coming or self._came or self._arrived)

    def view(self, *, second: float, free: int) -> dict[str, Any]:
        """What queue.json says of it."""
        return {
            "second": round(second, 1),
            "serving": self.serving,
            "rate": self._heard.rate,
            "waiting": self.waiting,
            "open": self.open(free),
            "spans": [*self._crowd.spans, *self._latest()],
            "draw": self._draw,
        }


def seat(ticket: Ticket, second: float) -> Ticket:
    """The ticket of somebody who is let in, or who is in still."""
    return msgspec.structs.replace(ticket, kind="seat", exp_s=int(second) + SEAT_S)
