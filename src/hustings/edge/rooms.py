"""The rooms an edge knows, and those it carries: who listens, who waits, when to stop following.

Keeps true: a room is followed while somebody listens or asks and for 60 s after; one `LiveRoom`
(one program, one upstream) however many listen; the rooms that the index named stay known, with
their clocks, while the stage is away. `edge.routes` asks here, `edge.feed.upstream` delivers here, the
app calls `tick` each `pause_s`. No sockets and no tasks of its own.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, is_private
from hustings.base.limits import Gcra
from hustings.edge.audience.census import Salt
from hustings.edge.live_room import TOTAL_S, Light, Line, LiveRoom, Then, Wait
from hustings.edge.metrics import Counts
from hustings.edge.pressure import ladder
from hustings.edge.pressure.ladder import Rung
from hustings.edge.reconnect import Spread
from hustings.edge.sound.facts import Facts
from hustings.edge.sound.fanout import Round
from hustings.settings import EdgeSettings
from hustings.wire.names import CMAF_RENDITIONS

log = logging.getLogger(__name__)

TICK_S: Final = 0.400  # more than a part: while the feed beats, no timer needs to ring
_SHORTEST_S: Final = 0.010
_KNOWN: Final = 10_000
_AT_ONCE: Final = 256  # answers in one slice, about 8 ms
_PAUSE_S: Final = 0.005  # between two slices
_STARTS: Final = (5.0, 100.0)  # a second, and at once: rooms that the stage is asked for


class Rooms:
    """All rooms of this edge."""

    def __init__(self, *, settings: EdgeSettings, clock: Clock, counts: Counts) -> None:
        self.live: dict[RoomId, LiveRoom] = {}
        self.lines: dict[RoomId, tuple[Line, float]] = {}  # with the second it was heard
        self.rung = ladder.rung(0)
        self._lights: tuple[dict[str, Light], float] = ({}, 0.0)  # and when they came
        self.salt: Salt | None = None  # what listeners are counted with
        self.spread = Spread()
        self.indexed = False  # whether the stage has told which rooms there are
        self.follow: Callable[[LiveRoom], None] = lambda room: None
        self.unfollow: Callable[[RoomId], None] = lambda room: None
        self.forget: Callable[[RoomId], None] = lambda room: None  # what others keep of it
        self.later: Callable[[float, Then], object] = lambda pause_s, then: then()
        self._round = Round()
        self._writing = False
        self._due: deque[Wait] = deque()
        self._answering = False
        self._settings = settings
        self._clock = clock
        self._counts = counts
        rate, burst = _STARTS
        self._starts = Gcra(rate=rate, burst=burst, size=1)

    def line(self, line: Line) -> None:
        """The stage's index names a room, or tells of a change."""
        if line.room not in self.lines and len(self.lines) >= _KNOWN:
            del self.lines[next(iter(self.lines))]  # named longest ago; the stage may name it anew
        now_s = self._clock.monotonic()
        before = self.lines.pop(line.room, None)
        if not (is_private(line.room) and line.facts.get("state") == "ended"):  # nothing stays
            self.lines[line.room] = (line, now_s)
        if line.facts.get("deleted"):
            if before is None or not _same_deletion(before[0], line):  # else: said anew to us all
                self._wipe(line.room)
        elif (live := self.live.get(line.room)) is not None:
            if line.facts.get("epoch_ms"):
                live.program.clock.observe(line.media_time, now_s)
            if not live.program.heard:
                live.program.facts.room = Facts(line.facts).room
            if live.program.facts.guests != (guests := line.facts.get("guests", [])):
                live.program.facts.meet(guests)

    def _wipe(self, room: RoomId) -> None:
        if (live := self.live.pop(room, None)) is not None:
            live.wipe(UserError("room_deleted", "This recording was deleted.", status=410))
            self.unfollow(room)
        self.forget(room)

    def salted(self, salt: Salt) -> None:
        """The stage says what listeners are counted with from now on."""
        self.salt = salt
        for live in self.live.values():
            live.audience.salted(salt)

    def reached(self, lights: Mapping[str, Light]) -> None:
        """The stage tells how many listen everywhere."""
        self._lights = (dict(lights), self._clock.monotonic())
        for room, light in lights.items():
            if (live := self.live.get(RoomId(room))) is not None:
                live.reached(light)

    def light(self, room: RoomId) -> Light:
        """How many listen everywhere, as the stage said lately; else here."""
        lights, heard_s = self._lights
        if room in lights and self._clock.monotonic() - heard_s < TOTAL_S:
            return lights[room]
        live = self.live.get(room)
        return Light(live.listeners, live.audience.census.waiting) if live else Light()

    def known(self) -> Iterable[RoomId]:
        """All rooms that the stage named, or that are carried."""
        return self.lines.keys() | self.live.keys()

    def facts(self, room: RoomId) -> dict[str, Any] | None:
        """A room's public facts, or None if there is no such room."""
        if (live := self.live.get(room)) is not None:
            return live.program.facts.room
        known = self.lines.get(room)
        return known[0].facts if known else None

    def tombstone(self, room: RoomId) -> dict[str, Any] | None:
        """The signed words on a deleted room, once the stage has written them."""
        known = self.lines.get(room)
        return known[0].tombstone if known else None

    def find(self, room: RoomId) -> LiveRoom:
        """The room, carried from now on; NotFound `room_unknown`, or TryLater at the start."""
        if (live := self.live.get(room)) is not None:
            return live
        known = self.lines.get(room)
        if known is None:
            if not self.indexed:
                raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
            raise NotFound("room_unknown", "There is no room of this name.")
        if (wait_s := self._starts.take("", self._clock.monotonic())) > 0:
            raise TryLater("room_starting", "Too many rooms are asked for at once.", delay_s=wait_s)
        live = LiveRoom(
            *known,
            settings=self._settings,
            clock=self._clock,
            counts=self._counts,
            spread=self.spread,
            joined=self.rung.joined,
        )
        live.audience.salted(self.salt)
        live.program.facts.extras = self.rung.extras
        live.low = self.rung.low
        self.live[room] = live
        if live.program.facts.state != "ended":  # the past needs no line to the stage
            self._counts.upstream_starts += 1
            self.follow(live)
        return live

    def tick(self) -> None:
        """Let time pass in all carried rooms; let go those that nobody wants."""
        for live in list(self.live.values()):
            self.turn(live)
            if live.idle or live.is_wiped:
                del self.live[live.id]
                self.unfollow(live.id)

    def pause_s(self) -> float:
        """Until the next `tick`: what comes by the feed is sent at once, so it is for hold audio."""
        now_s = self._clock.monotonic()
        due = [live.program.due_in_s(now_s) for live in self.live.values()]
        return max(_SHORTEST_S, min([TICK_S, *due]))

    def turn(self, live: LiveRoom) -> None:
        """Send what is due in one room; a fault of ours in it must not silence the others."""
        try:
            live.tick(self._round, self._due)
        except Exception as error:  # noqa: BLE001
            self.broken(f"room {live.id}", error)
        if not self._writing:
            self._write()
        if self._due and not self._answering:
            self._answer()

    def _answer(self) -> None:
        """Answer the next of those whose part has come; the rest after a short pause."""
        for _ in range(min(_AT_ONCE, len(self._due))):
            try:
                _call(self._due.popleft())
            except Exception as error:  # noqa: BLE001
                self.broken("an answer to somebody who waited", error)
        self._answering = bool(self._due)
        if self._due:
            self.later(_PAUSE_S, self._answer)

    def _write(self) -> None:
        """Write to the next listeners of all who are due; the rest after a short pause."""
        try:
            pause_s = self._round.turn()
        except Exception as error:  # noqa: BLE001
            self.broken("writing", error)
            pause_s = 0.0
        self._writing = pause_s is not None
        if pause_s is not None:
            self.later(pause_s, self._write)

    def broken(self, what: str, error: Exception) -> None:
        """A fault of ours, told once in a while: it may come with each turn."""
        self._counts.broken_ticks += 1
        if self._counts.broken_ticks % 1_000 == 1:
            log.error("%s: a turn failed", what, exc_info=error)

    def climb(self, rung: Rung) -> None:
        """Another rung of the ladder holds, for all rooms."""
        changed, self.rung = rung.joined != self.rung.joined, rung
        for live in self.live.values():
            live.program.facts.extras = rung.extras
            live.low = rung.low
            if changed:
                live.pace(rung.joined)

    def spread_out(self) -> None:
        """Tell all, when it must be told, over how many seconds they shall return if we die."""
        if self.spread.changed(self.listeners):
            for live in self.live.values():
                live.program.say("reconnect", {"spread_s": self.spread.told_s})

    @property
    def reactions(self) -> tuple[str, ...]:
        """What listeners may react with here."""
        return self._settings.reactions

    @property
    def hands(self) -> int:
        """Raised hands of all rooms."""
        return sum(len(live.audience.hands) for live in self.live.values())

    @property
    def waiting(self) -> int:
        """Who wait for a seat, in all rooms."""
        return sum(live.audience.census.waiting for live in self.live.values())

    @property
    def listeners(self) -> int:
        """Listeners of all rooms."""
        return sum(live.listeners for live in self.live.values())

    @property
    def slow(self) -> int:
        """Those of them who are skipped until their line has drained."""
        return sum(live.slow for live in self.live.values())


def _call(wait: Wait) -> None:
    try:
        wait.then()
    except HustingsError as error:
        wait.refuse(error)


def _same_deletion(before: Line, line: Line) -> bool:
    """Whether nothing is new: decided, or by now also done and signed."""
    return before.facts.get("deleted") is not None and before.tombstone == line.tombstone


def is_rendition(name: str) -> bool:
    """Whether this is a CMAF rendition."""
    return name in CMAF_RENDITIONS
