"""From journal entries and the time to the bytes that listeners get. Pure.

Keeps true: parts leave in order and each number once; a part that has not come when it is two
parts late, or that a `gap` entry disowns, is hold audio on the live path for ever; what a `dump` entry
takes back is hold audio from then on, also where it was sent already; what is kept
(`oldest` … `next`) has no hole. The same part of a rendition is composed once and shared; parts
may be joined (2, 4, 8 ...) for the ladder. `edge.live_room` owns one `Program` a followed room, hands
it every record, and calls `advance` when `due_in_s` has passed.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from hustings.base.errors import PeerError
from hustings.edge.sound.facts import Event, Facts
from hustings.edge.sound.timeline import MediaClock
from hustings.journal.entry import Entry
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.media.parts import whole_frames
from hustings.wire import kinds
from hustings.wire.names import (
    CMAF_RENDITIONS,
    MP3,
    PART_SAMPLES,
    SAMPLE_RATE,
    SEGMENT_PARTS,
    WIRE_VERSION,
)

LATE_PARTS: Final = 2  # beyond this a part is hold on the live path
_AHEAD: Final = 300  # parts kept that are not due yet (96 s); a stage never sends them
_GAPS: Final = 64
_TAIL_S: Final = 1.5  # wait so long for the feed's tail before beginning with hold
_AWAY_PARTS: Final = 4  # of hold on end before listeners are told: one late part is no absence
_BEGIN_S: Final = 0.1  # between two looks whether a room can begin
_FROZEN_S: Final = 1.0  # not called for so long: we ourselves stood still ...
_GRACE_S: Final = 0.3  # ... so read the feed before filling anything with hold


class Sent(msgspec.Struct):
    """One part as it went out. `frames` empty: hold."""

    n: int
    frames: Mapping[str, Sequence[bytes]] = {}
    events: tuple[Event, ...] = ()
    composed: dict[str, bytes] = msgspec.field(default_factory=dict)  # rendition -> bytes


class Program:
    """The program of one room at one edge."""

    def __init__(
        self,
        *,
        backlog_parts: int,
        facts: Facts,
        now_s: float,
        counts: Counter[str] | None = None,
    ) -> None:
        """backlog_parts: kept for resumers and HLS, at least 94 (30 s)."""
        self.clock = MediaClock()
        self.facts = facts
        self.next = -1  # number of the next part to be sent; -1: not begun
        self.heard = False  # the feed has told us where it is
        self.counts = Counter[str]() if counts is None else counts  # live, hold, late
        self._backlog = max(94, backlog_parts)
        self._asked_s = self._looked_s = now_s
        self._fill_after_s = now_s
        self._waiting: dict[int, kinds.Part] = {}
        self._gaps: deque[kinds.Gap] = deque(maxlen=_GAPS)
        self.dumps: deque[kinds.Dump] = deque(maxlen=_GAPS)  # what was taken back, of late
        self._sent: dict[int, Sent] = {}
        self._said: list[Event] = []  # by this edge itself, for the next part
        self._held = 0  # parts of hold on end
        self._end: int | None = None  # the room has ended; one part more carries the word

    # ------------------------------------------------------------ in

    def entry(self, entry: Entry) -> None:
        """Take the next entry of the journal; those not for listeners change nothing."""
        if entry.body is None or entry.visibility != 0:
            return
        if entry.kind == kinds.PART:
            self._take_part(entry)
        elif entry.kind == kinds.GAP:
            self._take_gap(entry)
        else:
            if entry.kind == kinds.DUMP:
                self._take_back(entry)
            self.facts.fold(entry, announce=self.heard and entry.seq > self.facts.seq)
            if self.facts.state == "ended" and self._end is None:
                self._end = max(self.next, entry.media_time // PART_SAMPLES) + 1

    def fork(self) -> None:
        """The stage's journal is another than the one we followed: its tail comes anew.

        What was sent stays sent; what waited, and what we believed of the room, is forgotten.
        """
        self.heard = False
        self.facts.seq = -1
        self._waiting.clear()
        self._gaps.clear()
        self.dumps.clear()

    def position(self, media_time: int, now_s: float) -> None:
        """The stage is at `media_time` (samples) now; a room never opened has no time yet."""
        if self.facts.room.get("epoch_ms"):
            self.clock.observe(media_time, now_s)
        self.heard = True

    def _take_part(self, entry: Entry) -> None:
        try:
            part = entry.decode(kinds.Part)
        except PeerError:
            return
        if any(dump.first <= part.n <= dump.last for dump in self.dumps):
            return
        if self.begun and part.n < self.next:
            self.counts["late"] += 1  # too late, or a stage that lost its last second
        elif not self.begun or part.n < self.next + _AHEAD:
            self._waiting.setdefault(part.n, part)  # the first word counts
        if len(self._waiting) > _AHEAD:
            del self._waiting[min(self._waiting)]

    def _take_gap(self, entry: Entry) -> None:
        try:
            self._gaps.append(entry.decode(kinds.Gap))
        except PeerError:
            return

    def _take_back(self, entry: Entry) -> None:
        """The sound of these parts is heard no more, neither live nor from what is kept."""
        try:
            dump = entry.decode(kinds.Dump)
        except PeerError:
            return
        self.dumps.append(dump)
        self._gaps.append(kinds.Gap(dump.first, dump.last, "dump"))
        for n in [n for n in self._waiting if dump.first <= n <= dump.last]:
            del self._waiting[n]
        for n, sent in self._sent.items():
            if dump.first <= n <= dump.last:
                sent.frames = {}
                sent.composed.clear()

    # ------------------------------------------------------------ time

    @property
    def begun(self) -> bool:
        """Whether there is anything to send."""
        return self.next >= 0

    @property
    def finished(self) -> bool:
        """Whether the room has ended and its last part is sent."""
        return self._end is not None and self.next >= self._end

    @property
    def oldest(self) -> int:
        """The oldest part kept."""
        return next(iter(self._sent), self.next)

    def advance(self, now_s: float) -> range:
        """Send what is due; returns the numbers of the parts that listeners get now."""
        frozen = now_s - self._looked_s > _FROZEN_S
        self._looked_s = now_s
        if frozen:
            self._fill_after_s = now_s + _GRACE_S
        edge = self.clock.media_time(now_s) // PART_SAMPLES  # parts before it are complete
        if self._end is not None:
            edge = min(edge, self._end + LATE_PARTS)
        first = self.next
        if not self.begun:
            if not self._may_begin(now_s):
                return range(0)
            first = self.next = max(0, edge - self._backlog)
        elif edge - self.next > self._backlog and now_s >= self._fill_after_s:
            # The timeline jumped by more than we keep: jump too, over the hole.
            self._sent.clear()
            self.next, first = edge - self._backlog, edge - SEGMENT_PARTS
        while self._due(edge, now_s):
            self._send()
        return range(max(first, self.oldest), self.next)

    def due_in_s(self, now_s: float) -> float:
        """Seconds until `advance` must be called, should nothing come: hold audio is due then."""
        if self.finished:
            return float("inf")
        if not self.begun:
            return _BEGIN_S
        hold = (self.next + LATE_PARTS + 1) * PART_SAMPLES - self.clock.media_time(now_s)
        return max(0.0, hold / SAMPLE_RATE, self._fill_after_s - now_s)

    def _may_begin(self, now_s: float) -> bool:
        return self.clock.known and (self.heard or now_s - self._asked_s > _TAIL_S)

    def _due(self, edge: int, now_s: float) -> bool:
        n = self.next
        if self.finished:
            return False
        if n in self._waiting:
            return True
        if any(gap.first <= n <= gap.last for gap in self._gaps) and n < edge:
            return True
        return n + LATE_PARTS < edge and now_s >= self._fill_after_s

    def _send(self) -> None:
        part = self._waiting.pop(self.next, None)
        frames = whole_frames(part) if part else {}
        events = (*self.facts.take(), *self._absence(bool(frames)), *self._said)
        self._said.clear()
        sent = Sent(self.next, frames, events)
        self.counts["live" if sent.frames else "hold"] += 1
        self._sent[self.next] = sent
        self.next += 1
        if len(self._sent) > self._backlog:
            del self._sent[self.oldest]

    def _absence(self, live: bool) -> tuple[Event, ...]:
        """The event `source`, when the stage has been away for a while and when it is back."""
        was, self._held = self._held, 0 if live else self._held + 1
        away = self._held == _AWAY_PARTS and self.counts["live"] > 0  # else `state` says it
        if not away and not (live and was):
            return ()
        return (self._event("source", {"source": "live" if live else "hold"}),)

    def _event(self, kind: str, body: dict[str, Any]) -> Event:
        """An event that no journal entry stands behind, at the part that is sent next."""
        seq, at = max(0, self.facts.seq), max(0, self.next) * PART_SAMPLES
        return Event(seq, kind, kinds.event_json(seq=seq, kind=kind, at=at, body=body))

    # ------------------------------------------------------------ out

    @property
    def source(self) -> str:
        """`live`, or `hold` when the last sent part was hold audio."""
        last = self._sent.get(self.next - 1)
        return "live" if last and last.frames else "hold"

    def plain(self, rendition: str, n: int) -> bytes:
        """Part `n` without events, as HLS serves it: the same bytes at every edge."""
        sent = self._sent[n]
        if (data := sent.composed.get(rendition)) is None:
            frames = self._frames(rendition, sent)
            data = b"".join(frames) if rendition == MP3 else cmaf.media_part(rendition, n, frames)
            sent.composed[rendition] = data
        return data

    def live(self, rendition: str, last: int, joined: int = 1) -> bytes:
        """Parts `last - joined + 1` … `last` as one fragment, with their events before it."""
        first = last - joined + 1
        events = [
            cmaf.emsg(event.data, media_time=n * PART_SAMPLES, seq=event.seq)
            for n in range(first, last + 1)
            for event in self._sent[n].events
        ]
        if joined == 1:
            return b"".join((*events, self.plain(rendition, last)))
        frames: list[bytes] = []
        for n in range(first, last + 1):
            frames += self._frames(rendition, self._sent[n])
        return cmaf.media_part(rendition, first, frames, events=events)

    def sse(self, parts: Iterable[int]) -> bytes:
        """The events of these parts for `/events`; empty if there are none."""
        return b"".join(event.sse() for n in parts for event in self._sent[n].events)

    def opening(self, rendition: str, first: int, state: Event) -> bytes:
        """What a stream that goes on with part `first` begins with: init and the event `state`."""
        told = cmaf.emsg(state.data, media_time=first * PART_SAMPLES, seq=state.seq)
        return cmaf.init_segment(rendition) + told

    def say(self, kind: str, body: dict[str, Any]) -> None:
        """Tell listeners something of this edge's own, with the next part."""
        self._said.append(self._event(kind, body))

    def resume_at(self, wished: int | None, lead: int) -> int:
        """Where a listener begins: the wished part if it is kept, else the oldest or `lead` back."""
        if wished is None or wished > self.next:
            return max(self.oldest, self.next - lead)
        return max(self.oldest, wished)

    def state(
        self,
        *,
        now_s: float,
        wall_ms: int,
        listeners: int,
        reconnect_s: float = 1.0,
        joined: int = 1,
    ) -> Event:
        """state.json (docs/protocol.md 3.2) as the event that opens every stream."""
        media_time = self.clock.media_time(now_s)
        body: dict[str, Any] = {
            "v": WIRE_VERSION,
            "room": self.facts.room,
            "media_time": media_time,
            "part": max(0, self.next),
            "roster": self.facts.roster,
            "speaking": self.facts.speaking,
            "source": self.source,
            "wall_ms": wall_ms,
            "stream": CMAF_RENDITIONS,
            "listeners": listeners,
            "reconnect_s": reconnect_s,
            "joined": joined,
            **self.facts.brief,
        }
        seq = max(0, self.facts.seq)
        return Event(
            seq, "state", kinds.event_json(seq=seq, kind="state", at=media_time, body=body)
        )

    @staticmethod
    def _frames(rendition: str, sent: Sent) -> Sequence[bytes]:
        return sent.frames.get(rendition) or hold_frames(rendition, sent.n)
