"""What an edge passes on to edges that feed on it: the stage's index, and rooms' records. Pure.

Keeps true: what goes down is what came down, byte for byte and in order, so a child checks the
same chain and the same signatures; one that is behind by more than `BEHIND_BYTES` is cut off and
resumes where it was. A room's records are kept from the last public snapshot that is older than
`TAIL_S` on (about 1.5 MB), which is where a child begins. Nothing is made for one child but the
beginning. `edge.live_room.LiveRoom` owns a `RoomRelay`, `edge.feed.tree` the `IndexRelay`; both are told
by `edge.feed.upstream`. docs/protocol.md 2.4.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from hustings.base.errors import HustingsError, TryLater
from hustings.edge.http.protocol import chunk
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import Entry, Visibility
from hustings.journal.records import (
    FIRST_LINE,
    Position,
    Record,
    checkpoint_record,
    entry_record,
    position_record,
)
from hustings.journal.taken import bare_if_taken, dump_of
from hustings.wire import kinds
from hustings.wire.names import SAMPLE_RATE

TAIL_S: Final = 60  # more than children ask for
BEHIND_BYTES: Final = 8 << 20
CHILDREN: Final = 100  # of one feed
_SHELF_BYTES: Final = 16 << 20
_KNOWN: Final = 10_000  # rooms


class Pipe(Protocol):
    """What we use of a child's transport."""

    def write(self, data: bytes) -> None:
        """Send or buffer."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...

    def close(self) -> None:
        """Send what is buffered, then close."""
        ...

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent yet."""
        ...


class Child(Protocol):
    """The connection of an edge that feeds on this one."""

    @property
    def transport(self) -> Pipe:
        """Where its bytes go."""
        ...


class Relay:
    """Those who get the same bytes."""

    def __init__(self) -> None:
        self._children: dict[Child, None] = {}

    def __len__(self) -> int:
        return len(self._children)

    def join(self, child: Child, beginning: bytes) -> None:
        """One more; TryLater `edge_full` beyond `CHILDREN`."""
        if len(self._children) >= CHILDREN:
            raise TryLater("edge_full", "Too many edges feed on this one.", delay_s=5)
        self._children[child] = None
        child.transport.write(beginning)

    def leave(self, child: Child) -> None:
        """It is gone."""
        self._children.pop(child, None)

    def close(self) -> None:
        """Let all go; they come back at once, here or at another edge."""
        for child in list(self._children):
            child.transport.close()
        self._children.clear()

    def _send(self, data: bytes) -> None:
        piece = chunk(data)
        for child in list(self._children):
            if child.transport.get_write_buffer_size() > BEHIND_BYTES:
                del self._children[child]
                child.transport.abort()
            else:
                child.transport.write(piece)


class RoomRelay(Relay):
    """The records of one room."""

    def __init__(self) -> None:
        super().__init__()
        self._shelf: deque[Entry | Checkpoint] = deque()
        self._size = 0

    def take(self, record: Record) -> None:
        """The next record of the feed."""
        if self._children:
            self._send(_bytes(record))
        if isinstance(record, Position):
            return
        self._shelf.append(record)
        self._size += _weight(record)
        if _is_snapshot(record):
            self._forget_before(record)
        if (dump := dump_of(record)) is not None:
            self._withhold(dump)
        while self._size > _SHELF_BYTES:
            self._size -= _weight(self._shelf.popleft())

    def _withhold(self, dump: kinds.Dump) -> None:
        """Sound was taken back: children that begin or resume later get those parts bare."""
        for place, record in enumerate(self._shelf):
            shown = bare_if_taken(record, [dump])
            self._size -= _weight(record) - _weight(shown)
            self._shelf[place] = shown

    def fork(self) -> None:
        """The stage's journal is another: children must begin again, too."""
        self._shelf.clear()
        self._size = 0
        self.close()

    def _forget_before(self, newest: Entry | Checkpoint) -> None:
        begin = self._tail(newest, TAIL_S)
        while self._shelf and self._shelf[0] is not begin:
            self._size -= _weight(self._shelf.popleft())

    def _tail(self, newest: Entry | Checkpoint, seconds: float) -> Entry | Checkpoint | None:
        """The last beginning that is so old, else the first one; None if there is none."""
        begin = None
        for record in self._shelf:
            if not _is_snapshot(record) and not (isinstance(record, Entry) and record.seq == 0):
                continue
            if begin is not None and _age_s(record, newest) < seconds:
                break
            begin = record
        return begin

    def beginning(
        self, *, from_seq: int | None = None, after: bytes = b"", tail_s: float = 30.0
    ) -> bytes:
        """What a child gets first: from an entry on, if `after` is the hash before it, or the tail.

        Raises HustingsError `fork` (409), or TryLater while nothing has come yet.
        """
        last = next((each for each in reversed(self._shelf) if isinstance(each, Entry)), None)
        if last is None:
            raise TryLater("room_starting", "This edge has not heard of the room yet.", delay_s=1)
        records = list(self._shelf)
        if from_seq is not None:
            first = self._place(records, from_seq, after)
        else:
            begin = self._tail(last, tail_s)
            first = next((i for i, each in enumerate(records) if each is begin), -1)
            if first < 0:
                raise TryLater("room_starting", "No snapshot of the room has come yet.", delay_s=5)
        return chunk(FIRST_LINE + b"".join(map(_bytes, records[first:])))

    @staticmethod
    def _place(records: list[Entry | Checkpoint], from_seq: int, after: bytes) -> int:
        """Index of what follows entry `from_seq` - 1."""
        for i, record in enumerate(records):
            if isinstance(record, Entry) and record.seq == from_seq - 1 and record.hash == after:
                return i + 1
        raise HustingsError(
            "fork",
            "What follows your entry is not kept here: begin again with tail=30s.",
            status=409,
        )


class IndexRelay(Relay):
    """The index of rooms, and what edges hold for the house."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[str, dict[str, Any]] = {}  # the last line of each kind
        self._rooms: dict[str, tuple[dict[str, Any], float]] = {}  # and when it came
        self._tick: dict[str, Any] | None = None

    def take(self, line: dict[str, Any], now_s: float) -> None:
        """A line of the stage's index."""
        if isinstance(room := line.get("room"), str):
            self._rooms.pop(room, None)
            if len(self._rooms) >= _KNOWN:
                del self._rooms[next(iter(self._rooms))]
            self._rooms[room] = (line, now_s)
        elif "tick" in line:
            self._tick = line
        elif len(line) == 1:
            self._held[next(iter(line))] = line
        self._send(_line(line))

    def beginning(self, now_s: float) -> bytes:
        """Everything, as it is now."""
        lines = [*self._held.values()]
        lines += [_as_of(line, now_s - heard_s) for line, heard_s in self._rooms.values()]
        lines += [self._tick] if self._tick is not None else []
        data = b"".join(map(_line, lines))
        return chunk(data) if data else b""


def _as_of(line: Mapping[str, Any], age_s: float) -> dict[str, Any]:
    """A room's line with its times brought forward; a room that has not opened has none."""
    forward = {"wall_ms": int(line.get("wall_ms", 0) + age_s * 1_000)}
    if line.get("epoch_ms"):
        forward["media_time"] = int(line.get("media_time", 0) + age_s * SAMPLE_RATE)
    return {**line, **forward}


def _line(line: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _bytes(record: Record) -> bytes:
    if isinstance(record, Entry):
        return entry_record(record, reader=Visibility.PUBLIC)
    return position_record(record) if isinstance(record, Position) else checkpoint_record(record)


def _weight(record: Entry | Checkpoint) -> int:
    if isinstance(record, Entry):
        return len(record.raw) + len(record.body or b"")
    return len(record.note)


def _is_snapshot(record: Record) -> bool:
    if not isinstance(record, Entry) or record.visibility != Visibility.PUBLIC:
        return False
    return record.kind == kinds.SNAPSHOT and record.body is not None


def _age_s(record: Entry | Checkpoint, newest: Entry | Checkpoint) -> float:
    if isinstance(record, Entry) and isinstance(newest, Entry):
        return (newest.media_time - record.media_time) / SAMPLE_RATE
    return 0.0
