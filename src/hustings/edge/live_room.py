"""One room that an edge carries: its program, its upstream's records, who listens, who waits for a part.

Keeps true: one `Program` however many listen; who waits is called or refused, never forgotten.
`edge.rooms.Rooms` owns these, hands in records and time, and lets go of those that nobody wants.
No sockets and no tasks of its own.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.base.ids import RoomId, is_private
from hustings.edge.audience.children import Children
from hustings.edge.audience.voice import Audience
from hustings.edge.feed.relay import RoomRelay
from hustings.edge.metrics import Counts
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
from hustings.wire.names import AAC, OPUS, OPUS_LOW, PART_SECONDS
from hustings.wire.places import room_second

LINGER_S: Final = 60.0
BEGIN_S: Final = 5.0  # a newcomer waits so long for a room's first bytes
SLOW_REACH_S: Final = 60.0  # between two numbers of listeners in the stream, without extras
TOTAL_S: Final = 20.0  # the stage tells every 5
_COUNTED: Final = {OPUS_LOW: "low", "events": "events"}  # all other streams: live
# Unsent bytes of one listener, 4 to 5 s of sound as it is sent (with the kernel's share some 10 s).
_UNSENT: Final = {OPUS: 20_000, OPUS_LOW: 10_000, AAC: 36_000, "mp3": 32_000, "icy": 32_000}

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
        self._stated_s = 0.0
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
        """The event `state`, made anew with each part; where none come, each second."""
        now_s = self._clock.monotonic()
        if self._state is None or now_s - self._stated_s >= 1.0:
            self._stated_s = now_s
            self._state = self.program.state(
                now_s=now_s,
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
        if self._light is not None and self._clock.monotonic() - self._light[1] < TOTAL_S:
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
