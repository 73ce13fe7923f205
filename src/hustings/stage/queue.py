"""A room's queue, summed over all edges: who may come in now. Pure.

Edges say how many came to wait in each second, how many seats they have free and how many of
those who were called have come; the stage answers with one number (`serving`: see `wire.places`)
that only ever grows. Nothing here knows a person. What an edge says may be said again: arrivals
are totals, so a lost or doubled batch changes nothing, and a stage that restarts is told them all.

People who were called need some seconds to come, and some never do. So a seat that is promised
is not promised twice, and more are called than there are seats by the share that did not come of
late. An edge admits no more than it has seats for in any case.

`stage.hall.gallery` owns one, hands it each batch and calls `step` once a second. Seconds are the room's.
"""

import math
from collections import deque
from typing import Any, Final

import msgspec

from hustings.stage.arrivals import Arrivals
from hustings.wire.kinds import Draw, Room
from hustings.wire.places import advance, commitment, people, room_second, seed_of
from hustings.wire.queues import Said

SETTLE_S: Final = 2.0  # seconds so young are not whole: batches come each second
GRACE_S: Final = 12.0  # who was called and did not come by then has gone
SILENT_S: Final = 5.0  # an edge that says nothing has no free seats
_RATE_S: Final = 20.0  # the rate that people are told is of so long
_SHOWS_S: Final = 60.0
_DOUBT: Final = 5.0  # people who are taken to have come, before anything is known
_SPANS: Final = 40  # published; a page's place is then true to a few percent of the queue
_EDGES: Final = 10_000


class Call(msgspec.Struct):
    """People who were called in one second."""

    at_s: float
    called: float
    expected: float  # to come still


class RoomQueue:
    """How many wait for the low-delay stream of one room, and how far they are served."""

    def __init__(self, room: str) -> None:
        self.room = room
        self.serving = 0.0
        self.waiting = 0
        self._arrivals = Arrivals()
        self._edges: dict[str, tuple[Said, float]] = {}  # its last word, and when
        self._calls: deque[Call] = deque()
        self._came = self._called = _DOUBT  # fading
        self._flow = [0.0, 1e-9]  # people expected and seconds, fading
        self._stepped_s = 0.0
        self._busy = False

    # ------------------------------------------------------------ from the edges

    def hear(self, edge: str, said: Said, now_s: float) -> None:
        """A batch of an edge."""
        self._arrivals.hear(edge, said.arrived, self.serving)
        self._edges.pop(edge, None)
        self._edges[edge] = (said, now_s)
        if self._arrivals.doors_s:
            self.serving = max(self.serving, min(said.serving, now_s - SETTLE_S))
        self._came += said.came
        left: float = said.came
        for call in self._calls:  # who was called longest ago comes first
            taken = min(left, call.expected)
            call.expected -= taken
            left -= taken

    # ------------------------------------------------------------ time

    def step(self, now_s: float, draw: Draw | None) -> dict[str, Any] | None:
        """Let a second pass: call as many as there are seats for.

        Returns what edges must know; None: nobody waits, and they know.
        """
        passed = min(2.0, max(0.0, now_s - self._stepped_s))
        self._stepped_s = now_s
        if draw is not None and draw.doors_s and not self._arrivals.doors_s:
            self._arrivals.open(draw.doors_s)
            self.serving = max(self.serving, float(draw.doors_s - 1))
        if self._arrivals.doors_s:
            coming = self._call(self._seats(now_s, passed), now_s)
            fading = math.exp(-passed / _RATE_S)
            self._flow = [self._flow[0] * fading + coming, self._flow[1] * fading + passed]
        self._forget(now_s, passed)
        self._arrivals.forget(self.serving)
        self.waiting = self._arrivals.waiting(self.serving)
        was, self._busy = self._busy, bool(self.waiting or self._calls)
        return self.line() if was or self._busy else None

    def _seats(self, now_s: float, passed: float) -> float:
        heard = [said for said, at_s in self._edges.values() if now_s - at_s < SILENT_S]
        free = sum(max(0, said.free) for said in heard) - self.coming
        return max(0.0, min(free, passed * sum(max(0.0, said.pace) for said in heard)))

    def _call(self, seats: float, now_s: float) -> float:
        """Serve on; returns how many are expected to come."""
        before = self.serving
        self.serving = advance(self._arrivals, before, seats / self.shows, now_s - SETTLE_S)
        called = people(self._arrivals, before, self.serving)
        if called:
            self._calls.append(Call(now_s, called, called * self.shows))
        return called * self.shows

    def _forget(self, now_s: float, passed: float) -> None:
        fading = math.exp(-passed / _SHOWS_S)
        self._came = _DOUBT + (self._came - _DOUBT) * fading
        self._called = _DOUBT + (self._called - _DOUBT) * fading
        while self._calls and now_s - self._calls[0].at_s > GRACE_S:
            self._called += self._calls.popleft().called
        for edge in list(self._edges)[: max(0, len(self._edges) - _EDGES)]:
            del self._edges[edge]

    # ------------------------------------------------------------ what people are told

    @property
    def shows(self) -> float:
        """The share of those called who come."""
        return min(1.0, max(0.05, self._came / self._called))

    @property
    def coming(self) -> float:
        """Seats that are promised to people who were called."""
        return sum(call.expected for call in self._calls)

    @property
    def rate(self) -> float:
        """People a second who are let in, of late."""
        return self._flow[0] / max(1.0, self._flow[1])

    def line(self) -> dict[str, Any]:
        """What the index tells edges: `wire.queues.Heard`."""
        return {
            "room": self.room,
            "serving": self.serving,
            "rate": round(self.rate, 3),
            "waiting": self.waiting,
            "coming": round(self.coming),
            "spans": self._arrivals.spans(_SPANS),
        }


def drawn(room: Room, master: bytes, media_time: int, *, doors: str) -> Room:
    """The room with what is to be published of its draw by now.

    The commitment as soon as there is a room; the seed when the doors open: in the state that
    the room names (lobby or live), or `doors` where it says nothing.
    """
    if room.state == "ended" or (room.draw and room.draw.doors_s):
        return room
    seed = seed_of(master, room.room)
    draw = Draw(commitment(seed))
    if room.state in {room.doors or doors, "live"}:
        draw = Draw(draw.commit, seed.hex(), int(room_second(room.epoch_ms, media_time)))
    return msgspec.structs.replace(room, draw=draw)
