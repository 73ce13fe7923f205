"""The thread that puts a journal's records on disk, so that nobody else ever waits for a disk.

Keeps true: records reach the file in the order they were put, and `snapshot()` is a consistent cut:
what is on file up to an offset, and everything after it. `put` costs a list append. The thread
writes every 0.1 s and syncs every `sync_s` (group commit): a kill -9 costs about the first, a
power cut about the second. A disk that is full or broken is tried again each second while records
wait in memory up to a bound; beyond it the bodies of the oldest waiting tracks go (`shed`), then
those of parts, never a header, so the chain stays whole (headers alone take about 3 MB an hour).
Called by `journal.file`; one thread for each open journal.
"""

import contextlib
import errno
import logging
import os
import threading
from collections import deque
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.journal.entry import Entry
from hustings.journal.index import Index, Mark, mark_for
from hustings.journal.records import entry_record
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

log = logging.getLogger(__name__)

GROUP_S: Final = 0.1  # records are written together; what a kill -9 may cost
RETRY_S: Final = 1.0
WARN_S: Final = 60.0
_BATCH: Final = 1 << 20  # bytes in one write
_SHED: Final = (kinds.TRACK, kinds.PART)  # whose bodies may go, the first first
_SHED_SHARE: Final = 32  # of the bound, dropped at once: about 1 ms of work


class Health(msgspec.Struct, frozen=True):
    """How the record is doing, for `/readyz` and the operator."""

    ok: bool
    problem: str = ""
    pending_bytes: int = 0
    since_ms: int = 0  # wall ms since which the disk refuses
    dropped_parts: int = 0  # whose sound was heard but is not recorded
    dropped_tracks: int = 0  # parts of somebody's own track that are not recorded


class Waiting:
    """One record that is not on file yet."""

    __slots__ = ("entry", "record")

    def __init__(self, record: bytes, entry: Entry | None) -> None:
        self.record = record
        self.entry = entry  # None for a checkpoint


class Disk:
    """The write side of one journal file."""

    def __init__(
        self,
        fd: int,
        end: int,
        index: Index,
        clock: Clock,
        settings: JournalSettings,
        *,
        folder: Path,
    ) -> None:
        """fd: open for writing; end: offset behind the last whole record; folder: the file's."""
        self._fd, self._end, self._index = fd, end, index
        self._clock, self._settings, self._name = clock, settings, folder.name
        self._folder: Path | None = folder  # None: a power cut cannot lose the file any more
        self._changed = threading.Condition()  # guards all below
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._in_flight = 0  # records that the thread is writing now
        # Kind -> waiting records before this one have nothing of it left to drop.
        self._shed_to = dict.fromkeys(_SHED, 0)
        self._dropped = dict.fromkeys(_SHED, 0)
        self._flushing = 0
        self._closing = False
        self._part = 0  # next part number, as of what is on file
        self._synced_s = clock.monotonic()
        self._unsynced = False
        self._problem, self._since_ms, self._warned_s = "", 0, 0.0
        self._thread = threading.Thread(target=self._run, name=f"journal {self._name}", daemon=True)

    def start(self, part: int) -> None:
        """Begin; part: the next part number so far."""
        self._part = part
        self._thread.start()

    def put(self, record: bytes, entry: Entry | None) -> tuple[int, int] | None:
        """Queue a record; never blocks on the disk.

        Returns the first and last part whose bodies had to be dropped for it, if any.
        """
        with self._changed:
            self._waiting.append(Waiting(record, entry))
            self._bytes += len(record)
            if len(self._waiting) == 1 or self._bytes > _BATCH:
                self._changed.notify_all()
            if self._bytes > self._settings.pending_bytes:
                return self._shed()
            return None

    def cut(self) -> tuple[int, list[Waiting]]:
        """(offset up to which the file holds everything, the records behind it) at one moment."""
        with self._changed:
            return self._end, list(self._waiting)

    @property
    def health(self) -> Health:
        """How it goes; any thread."""
        with self._changed:
            return Health(
                not self._problem,
                self._problem,
                self._bytes,
                self._since_ms,
                dropped_parts=self._dropped[kinds.PART],
                dropped_tracks=self._dropped[kinds.TRACK],
            )

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was put is written and synced; False if it is not within the time."""
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(
                    lambda: not self._waiting and not self._unsynced, timeout_s
                )
            finally:
                self._flushing -= 1

    def close(self, timeout_s: float) -> bool:
        """Write and sync what waits, if the disk lets us, and end the thread; False if it hangs."""
        if not self.flush(timeout_s):
            log.error(
                "journal %s: closed with %d bytes that the disk refused: %s",
                self._name,
                self.health.pending_bytes,
                self.health.problem or "too slow",
            )
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _shed(self) -> tuple[int, int] | None:
        """Drop the oldest waiting bodies, tracks' first; the thread's own records stay as they are."""
        self._shed_kind(kinds.TRACK)
        return self._shed_kind(kinds.PART)

    def _shed_kind(self, kind: str) -> tuple[int, int] | None:
        """First and last part of which bodies of this kind were dropped."""
        goal = self._settings.pending_bytes - self._settings.pending_bytes // _SHED_SHARE
        begin = max(self._in_flight, self._shed_to[kind])
        first = last = -1
        for number, waiting in enumerate(islice(self._waiting, begin, None), begin):
            if self._bytes <= goal:
                break
            self._shed_to[kind] = number + 1
            entry = waiting.entry
            if entry is None and kind == kinds.PART:
                record = b""  # an older checkpoint says nothing that a later one does not
            elif entry is not None and entry.kind == kind and entry.body is not None:
                last = entry.media_time // PART_SAMPLES
                first = last if first < 0 else first
                self._dropped[kind] += 1
                waiting.entry = entry.bare()
                record = entry_record(waiting.entry)
            else:
                continue
            self._bytes -= len(waiting.record) - len(record)
            waiting.record = record
        return (first, last) if first >= 0 else None

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._unsynced or self._closing)
                if self._closing:
                    return
                self._changed.wait_for(
                    lambda: self._flushing or self._closing or self._bytes > _BATCH, GROUP_S
                )
                batch = self._take()
            try:
                self._write(batch)
                self._sync()
            except OSError as error:
                self._refused(error)
            except Exception:
                log.exception("journal %s: the writer stumbled; trying again", self._name)
                self._pause()
            else:
                self._well()

    def _take(self) -> list[Waiting]:
        size, batch = 0, []
        for waiting in self._waiting:
            batch.append(waiting)
            size += len(waiting.record)
            if size >= _BATCH:
                break
        self._in_flight = len(batch)
        return batch

    def _write(self, batch: list[Waiting]) -> None:
        """Write and take off the queue what is wholly on file; OSError leaves the rest waiting."""
        if not batch:
            return
        data = b"".join(waiting.record for waiting in batch)
        try:
            written = os.pwrite(self._fd, data, self._end)
        except OSError:
            with self._changed:
                self._in_flight = 0
            raise
        done, offset, marks = 0, self._end, []
        for waiting in batch:
            if offset + len(waiting.record) > self._end + written:
                break
            if waiting.entry is not None and (mark := self._mark(waiting.entry, offset)):
                marks.append(mark)
            offset += len(waiting.record)
            done += 1
        with self._changed:
            for _ in range(done):
                self._bytes -= len(self._waiting.popleft().record)
            self._end = offset
            self._in_flight = 0
            self._shed_to = {kind: max(0, to - done) for kind, to in self._shed_to.items()}
            self._unsynced = True
        with contextlib.suppress(OSError):  # a missing row costs a longer scan, nothing else
            for mark in marks:
                self._index.add(mark)
        if written < len(data):  # the last free bytes: a disk says "full" at the next write only
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _mark(self, entry: Entry, offset: int) -> Mark | None:
        part = self._part
        if entry.kind == kinds.PART:
            self._part = max(part, entry.media_time // PART_SAMPLES + 1)
        return mark_for(entry, offset, part)

    def _sync(self) -> None:
        now = self._clock.monotonic()
        with self._changed:
            hurry = (self._flushing or self._closing) and not self._waiting
        due = now - self._synced_s > self._settings.sync_s - GROUP_S
        if not self._unsynced or not (hurry or due):
            return
        os.fdatasync(self._fd)
        if self._folder is not None:
            sync_folder(self._folder)
            self._folder = None
        with self._changed:
            self._synced_s = now
            self._unsynced = False
            self._changed.notify_all()

    def _refused(self, error: OSError) -> None:
        reason = error.strerror or str(error)
        now = self._clock.monotonic()
        with self._changed:
            first = not self._problem
            self._problem = reason
            if first:
                self._since_ms = self._clock.wall_ms()
        if first or now - self._warned_s >= WARN_S:
            self._warned_s = now
            health = self.health
            log.error(
                "journal %s: the disk refuses (%s). The room goes on; %d bytes wait in memory, the "
                "sound of %d parts (and %d of people's own tracks) is lost to the record. Make room "
                "on the disk.",
                self._name,
                reason,
                health.pending_bytes,
                health.dropped_parts,
                health.dropped_tracks,
            )
        self._pause()

    def _pause(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closing, RETRY_S)

    def _well(self) -> None:
        with self._changed:
            if not self._problem or self._waiting:
                return
            self._problem, self._since_ms = "", 0
        log.warning("journal %s: the disk takes records again", self._name)


def sync_folder(folder: Path) -> None:
    """Make the names of new files in a folder survive a power cut; OSError if the disk fails."""
    for place in (folder, folder.parent):  # the room's folder may be new itself
        descriptor = os.open(place, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
