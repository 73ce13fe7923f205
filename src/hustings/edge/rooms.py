"""The rooms an edge knows, and those it carries: who listens, who waits, when to stop following.

Keeps true: a room is followed while somebody listens or asks and for 60 s after; one `LiveRoom`
(one program, one upstream) however many listen; the rooms that the index named stay known, with
their clocks, while the stage is away. `edge.routes` asks here, `edge.feed.upstream` delivers here, the
app calls `tick` each `pause_s`. No sockets and no tasks of its own.
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, is_private
from hustings.base.limits import Gcra
from hustings.edge.audience.census import Salt
from hustings.edge.audience.children import Children
from hustings.edge.audience.voice import Audience
from hustings.edge.feed.relay import RoomRelay
from hustings.edge.metrics import Counts
from hustings.edge.pressure import ladder
from hustings.edge.pressure.ladder import Rung
from hustings.edge.reconnect import Spread
from hustings.edge.sound.facts import Event, Facts
from hustings.edge.sound.fanout import GRACE_S, Channel, Round
from hustings.edge.sound.playlists import HOLD_S, Window
from hustings.edge.sound.program import Program
from hustings.edge.sound.streams import CmafStream, EventStream, RadioStream, TitledRadioStream
from hustings.journal.entry import Entry
from hustings.journal.records import Position
from hustings.settings import EdgeSettings
from hustings.wire import kinds
from hustings.wire.batch import Now
from hustings.wire.names import AAC, CMAF_RENDITIONS, OPUS, OPUS_LOW, PART_SECONDS
from hustings.wire.places import room_second

log = logging.getLogger(__name__)

TICK_S: Final = 0.400  # more than a part: while the feed beats, no timer needs to ring
_SHORTEST_S: Final = 0.010
LINGER_S: Final = 60.0
BEGIN_S: Final = 5.0  # a newcomer waits so long for a room's first bytes
_KNOWN: Final = 10_000
SLOW_REACH_S: Final = 60.0  # between two numbers of listeners in the stream, without extras
_TOTAL_S: Final = 20.0  # the stage tells every 5
_COUNTED: Final = {OPUS_LOW: "low", "events": "events"}  # all other streams: live
# Unsent bytes of one listener, 4 to 5 s of sound as it is sent (with the kernel's share some 10 s).
_UNSENT: Final = {OPUS: 20_000, OPUS_LOW: 10_000, AAC: 36_000, "mp3": 32_000, "icy": 32_000}
_AT_ONCE: Final = 256  # answers in one slice, about 8 ms
_PAUSE_S: Final = 0.005  # between two slices
_STARTS: Final = (5.0, 100.0)  # a second, and at once: rooms that the stage is asked for

Then = Callable[[], None]
Refuse = Callable[[HustingsError], None]


class Line(msgspec.Struct, frozen=True):
    """One line of the stage's index (docs/protocol.md 2.4)."""

    room: RoomId
    facts: dict[str, Any]
    media_time: int = 0
    wall_ms: int = 0
    head: int = 0
    tombstone: dict[str, Any] | None = None  # of a deleted room (`journal.proof`), once it is made


class Light(msgspec.Struct, frozen=True):
    """How many listen and wait at all edges together, as the stage tells every few seconds."""

    listeners: int = 0
    waiting: int = 0


class Wait(msgspec.Struct, frozen=True):
    """Somebody who waits for a part, or for the room's beginning."""

    then: Then
    refuse: Refuse
    until_s: float
    network: str = ""  # of whoever holds a part's place; "": not counted


class LiveRoom:
    """A room that this edge carries."""

    def __init__(
        self,
        line: Line,
        heard_s: float,
        *,
        settings: EdgeSettings,
        clock: Clock,
        counts: Counts,
        spread: Spread,
        joined: int = 1,
    ) -> None:
        now_s = clock.monotonic()
        self.id = line.room
        self.joined = joined  # parts of one send, for those who come now
        self.program = Program(
            backlog_parts=int(settings.backlog_s / PART_SECONDS),
            facts=Facts(line.facts),
            now_s=now_s,
            counts=counts.parts,
        )
        if line.facts.get("epoch_ms"):
            self.program.clock.observe(line.media_time, heard_s)
        self._settings = settings
        self._clock = clock
        self._counts = counts
        self._spread = spread
        self._touched_s = now_s
        self._channels: dict[tuple[str, bool, bool], Channel] = {}  # name, chunked, probe
        self.low = False  # newcomers are offered the lowest rendition first
        self._begin: list[Wait] = []
        self._parts: dict[int, list[Wait]] = {}
        self._held: Counter[str] = Counter()  # network -> its waits in `_parts`
        self._holding = 0  # all of them: asked with each request
        self._state: Event | None = None
        self._settle_s = float("inf")  # when those present take the pace of newcomers
        self._ended = False
        self.closed = False  # the stage takes no more batches of it
        self.audience = Audience()
        self.children = Children(self.audience)
        self.relay = RoomRelay()
        self._light: tuple[Light, float] | None = None  # and when it came
        self._told = (Light(), float("-inf"))  # ... as listeners were told in the stream, and when

    # ------------------------------------------------------------ from the feed, and time

    def record(self, record: Entry | Position) -> None:
        """Take one record of the room's feed."""
        now_s = self._clock.monotonic()
        if isinstance(record, Entry):
            self.program.entry(record)
            if record.kind == kinds.CALL and record.body is not None:
                self.audience.called(record)
            elif record.kind == kinds.POLL and record.body is not None:
                self.audience.polled(record)
            elif record.kind == kinds.DUMP:  # rare: all that was made is made anew
                for channel in self._channels.values():
                    channel.forget(self.program.dumps)
        else:
            self.program.position(record.media_time, now_s)

    def tick(self, round_: Round, due: deque[Wait]) -> None:
        """Line up what is due to be sent, and those whose part has come."""
        program, now_s = self.program, self._clock.monotonic()
        fresh = program.advance(now_s)
        if fresh:
            self._state = None
            for key, channel in list(self._channels.items()):
                if not len(channel):
                    del self._channels[key]
                    continue
                round_.add(channel, channel.send(fresh))
        if now_s >= self._settle_s:
            self._settle_s = float("inf")
            for channel in self._channels.values():
                channel.settle()
        if program.begun or program.heard:
            due.extend(self._begin)
            self._begin.clear()
        for n in sorted(n for n in self._parts if n < program.next or program.finished):
            due.extend(self._freed(self._parts.pop(n)))
        self._give_up(now_s)
        if program.finished and not self._ended:
            self._ended = True
            round_.finish()
            self.close(whole=True)

    def pace(self, joined: int) -> None:
        """From now on newcomers get `joined` parts at once; those present are told, and follow.

        Longer sends need a longer buffer, which a player gathers by playing slower; it has
        `GRACE_S` for that. Shorter ones need nothing.
        """
        grace_s = GRACE_S if joined > self.joined else 0.0
        self.joined = joined
        self._state = None
        for channel in self._channels.values():
            channel.joined = joined
        self._settle_s = self._in(grace_s)
        self.program.say("pace", {"joined": joined, "in_s": grace_s})

    def _give_up(self, now_s: float) -> None:
        late = [wait for wait in self._begin if wait.until_s <= now_s]
        if late:
            self._begin = [wait for wait in self._begin if wait.until_s > now_s]
        for n, waits in list(self._parts.items()):
            if waits[0].until_s <= now_s:  # in order of coming, all with the same patience
                late += self._freed([wait for wait in waits if wait.until_s <= now_s])
                self._parts[n] = [wait for wait in waits if wait.until_s > now_s]
                if not self._parts[n]:
                    del self._parts[n]
        for wait in late:
            wait.refuse(TryLater("room_starting", "The room's sound has not come yet.", delay_s=2))

    def reached(self, light: Light) -> None:
        """The stage tells how many listen everywhere; those who listen here hear of a change."""
        now_s, facts = self._clock.monotonic(), self.program.facts
        if light != self._told[0] and (facts.extras or now_s - self._told[1] >= SLOW_REACH_S):
            told = {"now": light.listeners, "waiting": light.waiting}
            facts.tell(kinds.REACH, told, at=self.program.clock.media_time(now_s))
            self._told = (light, now_s)
        self._light = (light, now_s)

    def wipe(self, error: HustingsError) -> None:
        """Its recording was deleted: nobody gets anything more, also not who waits for a part."""
        for wait in (*self._begin, *(wait for waits in self._parts.values() for wait in waits)):
            wait.refuse(error)
        self.relay.close()
        self.close(whole=True)

    def close(self, *, whole: bool) -> None:
        """End all streams; `whole`: because the room has ended."""
        for channel in self._channels.values():
            channel.end(whole=whole)
        self._channels.clear()

    # ------------------------------------------------------------ for the routes

    def when_begun(self, then: Then, refuse: Refuse) -> None:
        """Call one of the two: when the room can be served, or when that takes too long.

        A room that is only planned has no sound: it is ready when its feed has told about it.
        """
        self.touch()
        if self.program.begun or (self.program.heard and not self.program.clock.known):
            then()
            return
        self._begin.append(Wait(then, refuse, self._in(BEGIN_S)))

    def when_sent(self, n: int, then: Then, refuse: Refuse, *, network: str = "") -> None:
        """Call one of the two: when part `n` has been sent, or after 12 s.

        network: who asks; one network may hold a quarter of the places. Raises TryLater.
        """
        self.touch()
        if n < self.program.next or self.program.finished:
            then()
            return
        most = self._settings.held
        if self._holding >= most or (network and self._held[network] >= max(1, most // 4)):
            raise TryLater("edge_full", "Too many wait for this room here.", delay_s=4)
        wait = Wait(then, refuse, self._in(HOLD_S), network)
        self._parts.setdefault(n, []).append(wait)
        self._held[network] += 1
        self._holding += 1

    def _freed(self, waits: list[Wait]) -> list[Wait]:
        """The same; their places are free, and networks that hold none are forgotten."""
        self._holding -= len(waits)
        for wait in waits:
            self._held[wait.network] -= 1
            if not self._held[wait.network]:
                del self._held[wait.network]
        return waits

    def _in(self, seconds: float) -> float:
        return self._clock.monotonic() + seconds

    def channel(self, name: str, *, chunked: bool, probe: bool = False) -> Channel:
        """The channel of a rendition, `mp3`, `icy` or `events`; made when first asked for.

        probe: of those who only look whether sound comes, and are not counted as listeners.
        """
        if self._ended or self.program.facts.state == "ended":
            raise UserError("room_ended", "This room has ended.", status=410)
        if not self.program.begun:
            raise TryLater("room_closed", "This room is not open yet.", delay_s=10)
        if name in {"mp3", "icy"} and not self.program.facts.room.get("radio"):
            raise NotFound("radio_off", "This room has no radio; its host can turn it on.")
        self.touch()
        if (channel := self._channels.get((name, chunked, probe))) is None:
            channel = Channel(
                self._stream(name, chunked=chunked),
                limit=min(self._settings.send_buffer_bytes, _UNSENT.get(name, 1 << 30)),
                counts=self._counts,
                joined=self.joined,
            )
            self._channels[name, chunked, probe] = channel
        return channel

    def _stream(
        self, name: str, *, chunked: bool
    ) -> CmafStream | EventStream | RadioStream | TitledRadioStream:
        if name == "events":
            return EventStream(self.program, self.state, chunked=chunked)
        if name == "mp3":
            return RadioStream(self.program, chunked=chunked)
        if name == "icy":
            return TitledRadioStream(self.program, lambda: str(self.program.facts.room["title"]))
        return CmafStream(self.program, name, self.state, chunked=chunked)

    def state(self) -> Event:
        """The event `state`, made anew with each part."""
        if self._state is None:
            self._state = self.program.state(
                now_s=self._clock.monotonic(),
                wall_ms=self._clock.wall_ms(),
                listeners=self.total,
                reconnect_s=self._spread.told_s,
                joined=self.joined,
            )
        return self._state

    def window(self) -> Window:
        """What HLS can serve."""
        program = self.program
        epoch_ms = int(program.facts.room.get("epoch_ms", 0))
        return Window(program.oldest, program.next, epoch_ms, program.finished)

    @property
    def second(self) -> float:
        """Now, as tickets and places count it; the wall's while the room has no time yet."""
        now_s = self._clock.monotonic()
        if not self.program.clock.known:
            return self._clock.wall_ms() / 1_000
        epoch_ms = int(self.program.facts.room.get("epoch_ms", 0))
        return room_second(epoch_ms, self.program.clock.media_time(now_s))

    def touch(self) -> None:
        """Somebody asks for this room."""
        self._touched_s = self._clock.monotonic()

    @property
    def now(self) -> Now:
        """Who listens at this edge."""
        sizes = {"live": 0, "low": 0, "events": 0}
        for (name, _, probe), channel in self._channels.items():
            sizes[_COUNTED.get(name, "live")] += 0 if probe else len(channel)
        return self.audience.census.now(live=sizes["live"], low=sizes["low"])

    @property
    def listeners(self) -> int:
        """All of them."""
        return self.now.all

    @property
    def total(self) -> int:
        """At all edges, if the stage said so lately; else here."""
        if self._light is not None and self._clock.monotonic() - self._light[1] < _TOTAL_S:
            return self._light[0].listeners
        return self.listeners

    @property
    def slow(self) -> int:
        """Listeners who are skipped until their line has drained."""
        return sum(channel.slow for channel in self._channels.values())

    @property
    def waiting(self) -> int:
        """Blocked requests."""
        return len(self._begin) + sum(map(len, self._parts.values()))

    @property
    def is_wiped(self) -> bool:
        """Whether it was a private room, and is over: nothing of it stays."""
        return self._ended and is_private(self.id)

    @property
    def idle(self) -> bool:
        """Whether nobody has listened or asked for a minute."""
        if self.waiting or len(self.relay) or any(map(len, self._channels.values())):
            self.touch()
        return self._clock.monotonic() - self._touched_s > LINGER_S


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
        if room in lights and self._clock.monotonic() - heard_s < _TOTAL_S:
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
