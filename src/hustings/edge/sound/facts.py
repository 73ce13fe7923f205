"""What listeners may know of a room, folded from its journal's public entries. Pure.

`edge.sound.program` feeds it; it answers with the room's state and keeps what there is to announce in
a bounded queue until a part carries it. A snapshot replaces everything, so folding may begin
anywhere. Events follow docs/protocol.md 3.1.
"""

from collections import Counter, deque
from typing import Any, Final

import msgspec

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.names import EVENT_BYTES, SAMPLE_RATE

_QUEUE_BYTES: Final = 64 * 1024  # ten seconds of events at 2 KiB a part
_SLOW_REACTIONS: Final = 10 * SAMPLE_RATE
_LARGEST: Final = 16 * 1024  # a larger event is only in the journal


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing said about the sound; `data` is its JSON."""

    seq: int
    kind: str
    data: bytes

    def sse(self) -> bytes:
        """As `/events` sends it."""
        kind = "".join(self.kind.split())  # a line break would end the field
        return b"id: %d\nevent: %b\ndata: %b\n\n" % (self.seq, kind.encode(), self.data)


class Facts:
    """The room, who is on stage and who speaks, as of entry `seq`."""

    def __init__(self, room: dict[str, Any] | None = None) -> None:
        self.seq = -1
        self.guests: list[Any] = list((room or {}).get("guests", ()))
        self.room = _room(room or {})
        self.speaking: list[str] = []
        self.shown: dict[str, Any] = {}  # kind -> the last body of it, with its media time `at`
        self.reach: dict[str, Any] = {}  # how many listened, as the journal last said
        self.dropped = 0  # events that the bounds cost
        self.extras = True  # False under load: nobody is told who speaks
        self._reactions: Counter[str] = Counter()  # not told yet
        self._applauded = 0  # media time at which they were told last
        self._mode = "off"  # of the questions, as last told
        self._roster: dict[str, dict[str, Any]] = {}
        self._queue: deque[Event] = deque()
        self._queued = 0

    @property
    def state(self) -> str:
        """The room's state."""
        return str(self.room["state"])

    @property
    def roster(self) -> list[dict[str, Any]]:
        """Everybody on stage."""
        return list(self._roster.values())

    def fold(self, entry: Entry, *, announce: bool = True) -> None:
        """Take a public entry with a body; `announce` False: known already, tell nobody."""
        try:
            body = entry.plain()
            self._fold(entry.kind, body, entry.media_time)
        except (PeerError, KeyError, TypeError, AttributeError):
            return  # not for us, or of a shape we do not know: the stage's own matter
        self.seq = max(self.seq, entry.seq)
        extra = entry.kind == kinds.LEVEL and not self.extras
        if entry.kind == kinds.REACTIONS:
            extra = not (body := self._applause(body, entry.media_time))
        if announce and entry.kind == kinds.QUESTIONS:
            self._announce_mode(body, entry.media_time)
        if announce and not extra and entry.kind not in kinds.NOT_FORWARDED:
            self._announce(entry, body)

    def _fold(self, kind: str, body: dict[str, Any], at: int) -> None:
        if kind == kinds.ROOM:
            self.room = self._with_guests(_room(body))
        elif kind == kinds.LEVEL:
            self.speaking = list(body["speaking"])
        elif kind == kinds.REACH:
            self.reach = dict(body)
        elif kind == kinds.ROSTER:
            self._seat(body["participant"])
        elif kind in kinds.SHOWN:
            self._show(kind, body, at)
        elif kind == kinds.SNAPSHOT:
            self.room, self.speaking = (
                self._with_guests(_room(body["room"])),
                list(body["speaking"]),
            )
            shown = body.get("shown", {})
            self.shown = {each: shown[each] for each in kinds.SHOWN & shown.keys()}
            self._roster = {}
            for participant in body["roster"]:
                self._seat(participant)

    def meet(self, guests: list[Any]) -> None:
        """Who is announced now, as the index says beside the facts: no entry says it."""
        self.guests = guests
        self.room = self._with_guests({k: v for k, v in self.room.items() if k != "guests"})

    def _with_guests(self, room: dict[str, Any]) -> dict[str, Any]:
        return {**room, "guests": self.guests} if self.guests else room

    @property
    def brief(self) -> dict[str, Any]:
        """What is shown, as it opens a stream: of the questions only whether there are any, of rules nothing."""
        brief = {kind: body for kind, body in self.shown.items() if kind != kinds.RULES}
        if (questions := brief.get(kinds.QUESTIONS)) is not None:
            brief[kinds.QUESTIONS] = {"mode": questions["mode"]}
        return brief

    def _show(self, kind: str, body: dict[str, Any], at: int) -> None:
        """For newcomers; what says nothing (no point is current) is not shown."""
        if not (body.get("id") or body.get("mode")):
            self.shown.pop(kind, None)
        elif body.get("again"):
            self.shown[kind] = {**body, "at": self.shown.get(kind, {}).get("at", at)}
        else:
            self.shown[kind] = {**body, "at": at}

    def _applause(self, body: dict[str, Any], at: int) -> dict[str, Any]:
        """The reactions to tell of now: each second's, or without extras the sum of ten seconds."""
        self._reactions.update(body["counts"])
        if not self.extras and at - self._applauded < _SLOW_REACTIONS:
            return {}
        counts, self._reactions, self._applauded = dict(self._reactions), Counter(), at
        return {"counts": counts}

    def _seat(self, participant: dict[str, Any]) -> None:
        if participant.get("place") == "stage":
            self._roster[participant["id"]] = participant
        else:
            self._roster.pop(participant["id"], None)

    def _announce_mode(self, body: dict[str, Any], at: int) -> None:
        """Those present hear whether questions are taken; the questions themselves are a file."""
        if (mode := str(body.get("mode", "off"))) != self._mode:
            self._mode = mode
            self.tell(kinds.QUESTIONS, {"mode": mode}, at=at)

    def _announce(self, entry: Entry, body: Any) -> None:
        if entry.kind == kinds.ROOM:  # a page has its reader's words, and a part no room for all
            body = {name: value for name, value in body.items() if name != "texts"}
        self._put(entry.seq, entry.kind, entry.media_time, body)

    def tell(self, kind: str, body: Any, *, at: int) -> None:
        """Announce what the edge itself has to say; at: media time."""
        self._put(max(0, self.seq), kind, at, body)

    def _put(self, seq: int, kind: str, at: int, body: Any) -> None:
        data = kinds.event_json(seq=seq, kind=kind, at=at, body=body)
        if len(data) > _LARGEST:
            self.dropped += 1
            return
        self._queue.append(Event(seq, kind, data))
        self._queued += len(data)
        while self._queued > _QUEUE_BYTES:  # the state event tells newcomers the truth anyway
            self._queued -= len(self._queue.popleft().data)
            self.dropped += 1

    def take(self) -> tuple[Event, ...]:
        """The events of one part: at most 2 KiB, or a single larger one."""
        taken: list[Event] = []
        room = EVENT_BYTES
        while self._queue and (len(self._queue[0].data) <= room or not taken):
            taken.append(self._queue.popleft())
            room -= len(taken[-1].data)
        self._queued -= sum(len(event.data) for event in taken)
        return tuple(taken)


def _room(body: dict[str, Any]) -> dict[str, Any]:
    """A room's body as pages get it: a journal leaves out what is as by default."""
    return {"state": "scheduled", **body}
