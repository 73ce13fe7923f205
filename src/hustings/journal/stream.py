"""The feed's server side: what was written, then what is being written, without a gap or a double.

Keeps true: the journal is asked once, in one moment, for what is on file, what still waits for the
disk and to call us from then on; the three are sent in that order, so nothing is missed and
nothing comes twice. One follower holds at most 8 MiB of unsent records; beyond that its feed ends
and it resumes by `from`. Bodies above its visibility come as bare entries.

Called by the stage's `GET /feed/{room}`, in any event loop; the journal may be written in another
thread. Format: docs/protocol.md 2.4.
"""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from typing import ClassVar, Final

from hustings.base.errors import HustingsError
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import NO_HASH, Entry, Visibility
from hustings.journal.file import Attached, Journal
from hustings.journal.records import (
    FIRST_LINE,
    Position,
    checkpoint_record,
    entry_record,
    position_record,
)
from hustings.wire import kinds
from hustings.wire.names import SAMPLE_RATE

log = logging.getLogger(__name__)

LIMIT_BYTES: Final = 8 << 20
POSITION_S: Final = 1.0
_ALONE_S: Final = 0.5  # after so long it does not wait for records to travel with
_PIECE: Final = 1 << 16  # bytes joined into one chunk of the replay


class Fork(HustingsError):
    """The follower has entries that this journal does not: it must begin again with `tail`."""

    status: ClassVar[int] = 409


async def feed_records(
    journal: Journal,
    *,
    from_seq: int | None = None,
    after: bytes | None = None,
    tail_s: float | None = None,
    visibility: int = Visibility.PUBLIC,
    position: Callable[[], int] | None = None,
    limit_bytes: int = LIMIT_BYTES,
    enders: set[Callable[[], None]] | None = None,
) -> AsyncGenerator[bytes, None]:
    """The bytes of one feed, for ever; they begin with the journal's first line.

    from_seq, after: begin at this entry, if the one before it has this header hash (32 bytes).
    tail_s: or begin at the last public snapshot at least so old, or at entry 0.
    position: media time of now in samples, called about once a second in this loop.
    enders: holds, while the feed lasts, what ends it.
    Raises `Fork` before the first bytes. Ends when the journal is closed, or (logged) when the
    follower is `limit_bytes` behind.
    """
    live = _Live(asyncio.get_running_loop(), journal.shown, visibility, limit_bytes)
    attached = journal.attach(live.put, ended=live.end)
    open_feeds = set[Callable[[], None]]() if enders is None else enders
    open_feeds.add(live.end)
    try:
        replay = _Replay(journal, attached, visibility)
        if from_seq is not None:
            await asyncio.to_thread(replay.check, from_seq, after)
            first = from_seq
        else:
            now = attached.media_time if position is None else position()
            first = await asyncio.to_thread(replay.tail, now - int((tail_s or 0.0) * SAMPLE_RATE))
        yield FIRST_LINE
        pieces = replay.pieces(first)
        while piece := await asyncio.to_thread(next, pieces, b""):
            yield piece
        async with aclosing(_follow(journal, live, position)) as live_pieces:
            async for piece in live_pieces:
                yield piece
    finally:
        open_feeds.discard(live.end)
        attached.detach()
    if live.overflown:
        log.warning("feed %s: a follower fell too far behind and was cut off", journal.room)


async def _follow(
    journal: Journal, live: "_Live", position: Callable[[], int] | None
) -> AsyncGenerator[bytes, None]:
    """What comes, as it comes, with a position each second or so, until the queue ends.

    A position travels with records: each piece wakes every edge.
    """
    loop = asyncio.get_running_loop()
    due = loop.time() - _ALONE_S
    while not live.ended:
        try:
            async with asyncio.timeout_at(None if position is None else due + _ALONE_S):
                await live.ready.wait()
        except TimeoutError:
            pass
        piece = live.take()
        if position is not None and loop.time() >= due:
            due = loop.time() + POSITION_S
            piece += position_record(Position(position(), journal.clock.wall_ms(), journal.size))
        if piece:
            yield piece
    if piece := live.take():  # what came just before the end
        yield piece


class _Live:
    """The queue between the journal's thread and one follower's loop; bounded on the former's side."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        shown: Callable[[Entry], Entry],
        visibility: int,
        limit: int,
    ) -> None:
        self._loop, self._shown, self._visibility, self._limit = loop, shown, visibility, limit
        self._lock = threading.Lock()  # guards all below
        self._records: list[tuple[bytes, Entry | None]] = []  # parts also as entries
        self._size = 0
        self.overflown = False
        self.ended = False
        self.ready = asyncio.Event()  # touched in the loop only

    def put(self, record: bytes, item: Entry | Checkpoint) -> None:
        """From the appender's thread; a closed loop raises, which ends the subscription."""
        if isinstance(item, Entry) and item.visibility > self._visibility:
            record = entry_record(item, reader=self._visibility)
        with self._lock:
            if self.ended:
                return
            if isinstance(item, Entry) and item.kind == kinds.DUMP:
                self._withhold()
            first = not self._records
            part = item if isinstance(item, Entry) and item.kind == kinds.PART else None
            self._records.append((record, part))
            self._size += len(record)
            if self._size > self._limit:
                self.overflown = self.ended = True
                self._records.clear()
        if first or self.ended:
            self._loop.call_soon_threadsafe(self.ready.set)

    def _withhold(self) -> None:
        """Sound was taken back: what waits here of it goes out bare."""
        for place, (_, entry) in enumerate(self._records):
            if entry is not None and (shown := self._shown(entry)) is not entry:
                self._records[place] = (entry_record(shown), None)

    def end(self) -> None:
        """Nothing more will come; what is here is still sent. From any thread."""
        with self._lock:
            self.ended = True
        self._loop.call_soon_threadsafe(self.ready.set)

    def take(self) -> bytes:
        """Everything that came since the last time."""
        self.ready.clear()
        with self._lock:
            data = b"".join(record for record, _ in self._records)
            self._records.clear()
            self._size = 0
        return data


class _Replay:
    """What was written before the follower came; used in worker threads, one call at a time."""

    def __init__(self, journal: Journal, attached: Attached, visibility: int) -> None:
        self._journal, self._attached, self._visibility = journal, attached, visibility

    def check(self, seq: int, after: bytes | None) -> None:
        """Raise `Fork` unless entry `seq` - 1 is here with the hash `after`."""
        if not 0 <= seq <= self._attached.size or self._hash_before(seq) != (after or NO_HASH):
            raise Fork(
                "fork",
                "This journal does not go on from your entry: begin again with tail=30s.",
                size=self._attached.size,
                head=self._attached.head.hex(),
            )

    def tail(self, media_time: int) -> int:
        """The first entry for a follower who wants everything since then."""
        with self._journal.reader() as reader:
            return reader.snapshot_before(media_time)

    def pieces(self, first: int) -> Iterator[bytes]:
        """Records from entry `first` to the moment of attaching, about 64 KiB at a time."""
        held: list[bytes] = []
        size = 0
        for record in self._records(first):
            held.append(record)
            size += len(record)
            if size >= _PIECE:
                yield b"".join(held)
                held, size = [], 0
        if held:
            yield b"".join(held)

    def _records(self, first: int) -> Iterator[bytes]:
        with self._journal.reader() as reader:
            for _, item in reader.records(first, end=self._attached.end):
                if isinstance(item, Entry):
                    yield entry_record(self._journal.shown(item), reader=self._visibility)
                else:
                    yield checkpoint_record(item)
        behind = first >= self._attached.size - sum(
            waiting.entry is not None for waiting in self._attached.waiting
        )
        for waiting in self._attached.waiting:
            if waiting.entry is not None and waiting.entry.seq >= first:
                behind = False
                yield entry_record(self._journal.shown(waiting.entry), reader=self._visibility)
            elif waiting.entry is None and not behind:
                yield waiting.record

    def _hash_before(self, seq: int) -> bytes:
        if seq == 0:
            return NO_HASH
        if seq == self._attached.size:
            return self._attached.head
        for waiting in self._attached.waiting:
            if waiting.entry is not None and waiting.entry.seq == seq - 1:
                return waiting.entry.hash
        with self._journal.reader() as reader:
            return reader.find(seq - 1)[1].hash
