"""The waiting rooms of an edge: shows tickets to the queues, and gives tickets out.

Keeps true: an answer costs some 25 µs (two or three HMACs) and no memory; without the stage everything goes on. The
rules are in `edge.waiting.queue`; `edge.routes` asks for people, `edge.feed.upstream` brings the stage's word
once a second and takes ours, the ladder shuts the seats. No sockets and no tasks of its own.
"""

import logging
import secrets
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import Denied, PeerError, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.base.limits import Gcra
from hustings.edge.door.admission import Asker
from hustings.edge.live_room import LiveRoom
from hustings.edge.metrics import Counts
from hustings.edge.rooms import Rooms
from hustings.edge.waiting.keys import HeldKeys
from hustings.edge.waiting.queue import LEAST_S, Queue, Verdict, seat
from hustings.edge.waiting.seats import Seats
from hustings.wire.batch import Batch
from hustings.wire.places import draw_of
from hustings.wire.queues import Said, both, fitting, read_heard
from hustings.wire.tickets import WAIT_S, Ticket

log = logging.getLogger(__name__)

TICKET_HEADER: Final = "Hustings-Ticket"
_BELOW: Final = 999  # edges below; more are not heard until some are taken; a batch names 1,000
_PLACES: Final = (2.0, 200.0)  # new ones of an address: a second, and at once


class WaitingRooms:
    """The queues of all rooms at one edge."""

    def __init__(
        self, rooms: Rooms, seats: Seats, keys: HeldKeys, clock: Clock, counts: Counts
    ) -> None:
        self._rooms = rooms
        self._seats = seats
        self._keys = keys
        self._clock = clock
        self._counts = counts
        self._queues: dict[RoomId, Queue] = {}
        self._below: dict[
            RoomId, dict[str, Said]
        ] = {}  # what edges below said, and is not taken yet
        self._views: dict[RoomId, bytes] = {}
        self._turned_s = clock.monotonic()
        rate, burst = _PLACES
        self._places = Gcra(rate=rate, burst=burst)

    # ------------------------------------------------------------ for people

    def admit(self, live: LiveRoom, text: str, who: Asker) -> str:
        """Let somebody in to the low-delay stream: their seat's ticket (empty: no keys yet).

        text: the ticket that they show, or empty. Raises TryLater `queue`, with a ticket that
        holds their place, or `request_rate`.
        """
        queue, second, free = self._queue(live), live.second, self._seats.free
        shown = self._read(text, live.id, second)
        if shown is None and not queue.open(free):
            self._one_more(who)
        verdict = queue.admit(shown, second, number=secrets.randbits(64), free=free)
        ticket = self._signed(verdict.ticket)
        if verdict.seated:
            return ticket
        self._counts.queued += 1
        raise _later(verdict, ticket, live)

    def ticket(self, live: LiveRoom, text: str, who: Asker) -> dict[str, Any]:
        """A ticket that lasts longer, for one that is still good; a place for whoever has none.

        Before the lobby opens that is a lot in the draw; later it is for those whom the door
        turned away before they could ask for a seat. Raises TryLater `edge_starting` or
        `request_rate`, UserError `room_ended`.
        """
        keys = self._keys.now
        if keys is None:
            raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
        if live.program.facts.state == "ended":
            raise UserError("room_ended", "This room has ended.", status=410)
        second = live.second
        ticket = self._read(text, live.id, second)
        if ticket is None:
            self._one_more(who)
            at_s = int(second) if live.program.begun else 0
            ticket = Ticket(live.id, at_s, secrets.randbits(64), "wait", 0)
            self._queue(live).arrive(at_s)
        if ticket.kind == "seat":
            ticket = seat(ticket, second)
        else:
            ticket = msgspec.structs.replace(ticket, exp_s=int(second) + WAIT_S)
        return {
            "ticket": keys.sign(ticket),
            "kind": ticket.kind,
            "lasts_s": int(ticket.exp_s - second),
        }

    def view(self, live: LiveRoom) -> bytes:
        """queue.json: what a page needs to tell its own place; made once a second for all."""
        if (made := self._views.get(live.id)) is None:
            seen = self._queue(live).view(second=live.second, free=self._seats.free)
            body = {"v": 1, "part": max(0, live.program.next), **seen}
            made = self._views[live.id] = msgspec.json.encode(body)
        return made

    def called(self, ticket: Ticket) -> bool:
        """Whether the turn of a ticket that waits has come."""
        queue = self._queues.get(RoomId(ticket.room))
        return queue is not None and queue.called(ticket)

    # ------------------------------------------------------------ the stage's word and ours

    def hear(self, line: object) -> None:
        """A line of the index about a queue; a bad one changes nothing and is counted."""
        try:
            heard = read_heard(line)
        except PeerError as error:
            self._counts.bad_lines += 1
            log.warning("%s The last good one stays.", error.title)
            return
        if (live := self._rooms.live.get(RoomId(heard.room))) is not None:
            self._queue(live).hear(heard)

    def anew(self) -> None:
        """A new line to the stage, perhaps to a new stage."""
        for queue in self._queues.values():
            queue.anew()

    def below(self, room: RoomId, batch: Batch) -> None:
        """What an edge that feeds on us says; it goes up with the next batch, and with each until taken."""
        held = self._below.setdefault(room, {})
        for run, said in batch.queues.items():
            name = run or batch.edge
            if name in held or len(held) < _BELOW:
                held[name] = both(held[name], said) if name in held else said

    def said(self, live: LiveRoom) -> dict[str, Said]:
        """What there is to tell the stage of this room's queue, as far as a batch has room."""
        said = {}
        queue = self._queues.get(live.id)
        if queue is not None and queue.busy:
            said[""] = queue.said(free=self._share(queue))
        return fitting(said | self._below.get(live.id, {}))

    def taken(self, room: RoomId, queues: Mapping[str, Said]) -> None:
        """The stage has them."""
        held = self._below.get(room, {})
        for run, said in queues.items():
            if not run:
                if (queue := self._queues.get(room)) is not None:
                    queue.taken(said)
            elif held.get(run) == said:
                del held[run]
            elif run in held:  # it has spoken again meanwhile
                held[run] = msgspec.structs.replace(held[run], came=held[run].came - said.came)
        if not held:
            self._below.pop(room, None)

    def turn(self, *, near: bool) -> None:
        """Let time pass, about once a second; near: whether the stage was heard of late."""
        now_s = self._clock.monotonic()
        passed_s, self._turned_s = now_s - self._turned_s, now_s
        self._views.clear()
        for room, queue in list(self._queues.items()):
            live = self._rooms.live.get(room)
            if live is None:
                del self._queues[room]
                continue
            queue.turn(passed_s, draw_of(live.program.facts.room))
            if not near:
                queue.go_on(passed_s, live.second, free=self._share(queue))

    @property
    def waiting(self) -> int:
        """Tickets that wait, of all rooms, as far as this edge knows."""
        return sum(queue.waiting for queue in self._queues.values())

    # ------------------------------------------------------------ inside

    def _one_more(self, who: Asker) -> None:
        """A new place: one machine can neither buy the draw nor fill the queue with nobody."""
        wait_s = 0.0 if who.near else self._places.take(who.address, self._clock.monotonic())
        if wait_s > 0:
            raise TryLater(
                "request_rate",
                "Very many places were taken from your address. Try again.",
                delay_s=wait_s,
                status=429,
            )

    def _share(self, queue: Queue) -> int:
        """Free seats of this edge for one room: each gets as many as it has of all who wait."""
        everybody = self.waiting
        return self._seats.free * queue.waiting // everybody if everybody else self._seats.free

    def _queue(self, live: LiveRoom) -> Queue:
        if (queue := self._queues.get(live.id)) is None:
            queue = self._queues[live.id] = Queue(live.id, pace=self._seats.pace)
            queue.turn(0.0, draw_of(live.program.facts.room))
        return queue

    def _read(self, text: str, room: RoomId, second: float) -> Ticket | None:
        """The ticket, or None for whatever is none: its bearer is a newcomer like others."""
        if not text or self._keys.now is None:
            return None
        try:
            return self._keys.now.check(text, room=room, now_s=second)
        except Denied:
            return None

    def _signed(self, ticket: Ticket) -> str:
        return self._keys.now.sign(ticket) if self._keys.now is not None else ""


def _later(verdict: Verdict, ticket: str, live: LiveRoom) -> TryLater:
    return TryLater(
        "queue",
        "All seats at the live sound are taken. You hear it some seconds later, and move up.",
        delay_s=max(LEAST_S, verdict.retry_s),
        ticket=ticket,
        place=verdict.place,
        ahead=verdict.ahead,
        wait_s=None if verdict.wait_s is None else round(verdict.wait_s, 1),
        part=live.program.next,
    )
