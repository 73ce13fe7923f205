"""Opening a journal that may have seen a kill, a power cut or a bad disk.

Keeps true: one writer only; what is read is bounded by the distance of snapshots (a start at hour
4 reads as little as one at minute 4); nothing is destroyed: bytes that cannot stay are copied to
`journal.torn-<wall ms>` beside the file first.

What cannot be read *behind the last good snapshot* is dealt with here:
- an end in the middle of a record (torn): cut off;
- a damaged record whose header still fits the chain: its body is given up, the chain goes on;
- any other damage: the file is cut there, loudly, and edges that saw more meet a fork.
Damage before that snapshot is not read at a start; `hustings verify` finds it.
Called by `Journal.open` only.
"""

import contextlib
import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError, PeerError
from hustings.journal.chain import Chain
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import Entry
from hustings.journal.index import STAGE_SNAPSHOT, Index, mark_for
from hustings.journal.records import (
    FIRST_LINE,
    Damaged,
    Incomplete,
    read_first_line,
    read_record,
)
from hustings.journal.scan import Found, Scanner, is_entry
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

log = logging.getLogger(__name__)

JOURNAL_FILE: Final = "journal"
INDEX_FILE: Final = "journal.index"
LOCK_FILE: Final = "journal.lock"
HOUSE_LOCK_FILE: Final = "stage.lock"  # in the data folder
ERASE_FILE: Final = "journal.erase"
_COPY: Final = 1 << 20
_LOCK_TRIES: Final = 4


class Recovered(msgspec.Struct, frozen=True):
    """What a journal knew when it was opened."""

    snapshot: kinds.Snapshot | None  # the last one for the stage
    entries: list[Entry]  # all after that one; a body can be None: erased or lost
    next_part: int  # 0 if there was none yet
    term: int  # of the last `term` entry; 0: a new journal
    bytes_read: int
    cut_bytes: int = 0  # moved aside because they could not be read
    lost_bodies: int = 0  # damaged on disk, headers whole


def lock_house(data: Path) -> int:
    """Take the place of the one who puts rooms into a data folder: a stage, for as long as it runs.

    The descriptor holds it. Raises OperatorError `journal_locked`.
    """
    return lock(data, HOUSE_LOCK_FILE)


def lock(folder: Path, file: str = LOCK_FILE) -> int:
    """Take the room's only writer's place; the descriptor holds it. OperatorError `journal_locked`."""
    descriptor = os.open(folder / file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    for attempt in range(_LOCK_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError as error:
            if attempt < _LOCK_TRIES - 1:  # `verify` looks at the lock for a moment
                threading.Event().wait(0.05)
                continue
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise OperatorError(
                "journal_locked",
                f"Another process{f' ({owner})' if owner else ''} writes the journal in {folder}. "
                "Stop that one first: a journal has one writer.",
            ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def prepare(fd: int, path: Path) -> int:
    """Make sure the file begins as a journal; returns the offset of the first record.

    A file that ends inside its first line was cut by a crash and begins anew. Raises OperatorError
    `journal_foreign` for anything else.
    """
    data = os.pread(fd, 64, 0)
    try:
        return read_first_line(data)[1]
    except Incomplete:
        os.ftruncate(fd, 0)
        os.pwrite(fd, FIRST_LINE, 0)
        return len(FIRST_LINE)
    except PeerError as error:
        raise OperatorError("journal_foreign", f"{path}: {error.title}") from error


class Recovery:
    """One opening: from the last good snapshot to the end of the file."""

    def __init__(self, fd: int, path: Path, index: Index, clock: Clock, first: int) -> None:
        """first: offset of the first record (`prepare`)."""
        self._fd, self._path, self._index, self._clock = fd, path, index, clock
        self._first = first
        self._read_before = 0
        self.chain = Chain()
        self.checkpoint: Checkpoint | None = None
        self.end = first  # offset behind the last record that stays
        self.media_time = 0  # of the last entry
        self._next_part = 0
        self._term = 0
        self._snapshot: kinds.Snapshot | None = None
        self._entries: list[Entry] = []  # after it
        self._doubt: tuple[int, Chain] | None = None  # a salvaged entry that nothing confirms yet
        self._lost = 0

    def run(self) -> Recovered:
        """Read, cut what must be cut, renew the index; afterwards `chain` and `end` are right."""
        size = os.fstat(self._fd).st_size
        start, snapshot = self._last_snapshot(size)
        scanner = Scanner(self._pread, start, size)
        if snapshot is not None:
            self.chain = Chain(snapshot.size, self._prev_of(scanner), snapshot.frontier)
            self._next_part, self._term = snapshot.part, snapshot.term
        self._scan(scanner)
        cut = size - self.end
        if cut:
            self._set_aside(size)
        return Recovered(
            snapshot=self._snapshot,
            entries=self._entries,
            next_part=self._next_part,
            term=self._term,
            bytes_read=self._read_before + scanner.bytes_read + self._index.bytes_read,
            cut_bytes=cut,
            lost_bodies=self._lost,
        )

    def _pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def _last_snapshot(self, size: int) -> tuple[int, kinds.Snapshot | None]:
        """Offset and body of the last whole stage snapshot, or the first record; cuts the index."""
        for number, mark in self._index.backwards():
            if mark.kind != STAGE_SNAPSHOT or mark.offset >= size:
                continue
            scanner = Scanner(self._pread, mark.offset, size)
            try:
                snapshot = _snapshot_of(scanner.next(), mark.seq)
            except (Incomplete, Damaged, PeerError) as error:
                log.warning("%s: snapshot %d is of no use: %r", self._path, mark.seq, error)
                continue
            finally:
                self._read_before += scanner.bytes_read
            self._index.cut(number)
            return mark.offset, snapshot
        self._index.cut(0)
        return self._first, None

    def _prev_of(self, scanner: Scanner) -> bytes:
        """`prev` of the entry at the scanner's place, which stays where it is."""
        at = scanner.at
        found = scanner.next()
        scanner.at = at
        entry = found and read_record(found.type, found.payload)
        return entry.header.prev if isinstance(entry, Entry) else b""

    def _scan(self, scanner: Scanner) -> None:
        while True:
            begin = scanner.at
            try:
                found = scanner.next()
                if found is None:
                    break
                self._take(found)
            except (Incomplete, Damaged):
                if not self._salvage(scanner, begin):
                    break
            except PeerError as error:  # whole records that do not fit: not our writing
                log.error("%s: offset %d: %s", self._path, begin, error.title)
                break
            self.end = scanner.at
        if self._doubt is not None:
            self.end, self.chain = self._doubt
            self._entries = [e for e in self._entries if e.seq < self.chain.size]

    def _take(self, found: Found) -> None:
        if is_entry(found):
            entry = read_record(found.type, found.payload)
            assert isinstance(entry, Entry)
            self._accept(entry, found.offset)
            return
        record = read_record(found.type, found.payload)
        if not isinstance(record, Checkpoint):
            return
        if record.size > self.chain.size:
            raise PeerError("chain_broken", f"Entries before {record.size} are missing.")
        if record.head == self.chain.head:
            self._doubt = None
        if not self.chain.agrees(record):
            log.error(
                "%s: the checkpoint at offset %d does not fit the entries: somebody changed this "
                "file. Run `hustings verify` on it.",
                self._path,
                found.offset,
            )
        self.checkpoint = record

    def _accept(self, entry: Entry, offset: int) -> None:
        self.chain.take(entry)
        self._doubt = None
        self._entries.append(entry)
        self.media_time = entry.media_time
        mark = mark_for(entry, offset, self._next_part)
        if mark is not None:
            with contextlib.suppress(OSError):  # a cache: a missing row costs a longer scan
                self._index.add(mark)
        if mark is not None and mark.kind == STAGE_SNAPSHOT:
            with contextlib.suppress(PeerError):  # erased: the one before it serves
                self._snapshot = entry.decode(kinds.Snapshot)
                self._entries.clear()
        elif entry.kind == kinds.PART:
            self._next_part = max(self._next_part, entry.media_time // PART_SAMPLES + 1)
        elif entry.kind == kinds.TERM and entry.body is not None:
            self._term = max(self._term, entry.decode(kinds.Term).term)

    def _salvage(self, scanner: Scanner, begin: int) -> bool:
        """Step over damage if whole records follow; the next entry tells whether that was right."""
        try:
            entry = scanner.salvage()
        except Incomplete:
            return False
        if self._doubt is None:
            self._doubt = (begin, self.chain.copy())
        if entry is not None:
            with contextlib.suppress(PeerError):  # then the next one will not fit either
                self.chain.take(entry)
                self._entries.append(entry)
                self._lost += 1
        log.error("%s: the record at offset %d is damaged", self._path, begin)
        return True

    def _set_aside(self, size: int) -> None:
        """Copy what cannot stay to a side file, then cut it off."""
        aside = self._path.with_name(f"{self._path.name}.torn-{self._clock.wall_ms()}")
        offset = self.end
        try:
            with aside.open("xb") as file:
                while data := os.pread(self._fd, _COPY, offset):
                    file.write(data)
                    offset += len(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            log.error("%s: its torn end could not be kept (%s)", self._path, error.strerror)
        log.warning(
            "%s: %d bytes at its end could not be read and were moved to %s; the journal goes on "
            "after entry %d",
            self._path,
            size - self.end,
            aside.name,
            self.chain.size - 1,
        )
        os.ftruncate(self._fd, self.end)
        os.fsync(self._fd)


def _snapshot_of(found: Found | None, seq: int) -> kinds.Snapshot:
    """The snapshot in a record; PeerError if it is not entry `seq` with its own whole body."""
    entry = found and read_record(found.type, found.payload)
    if not isinstance(entry, Entry) or entry.seq != seq or not entry.body_matches():
        raise PeerError("record_bad", "The index points to something else.")
    snapshot = entry.decode(kinds.Snapshot)
    if snapshot.size != seq:
        raise PeerError("record_bad", "This snapshot is of another place.")
    return snapshot


def held(lock: Path) -> bool:
    """Whether a stage has this lock file now: a journal's, or that of a house."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False
