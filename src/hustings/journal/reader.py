"""Reading a journal file that somebody else may be writing: ranges by entry or by part.

Keeps true: entries come in order and without a hole; the index is only a hint, so a lost or wrong
one costs time, never truth. Called by the feed's replay (`journal.stream`), by archive readers and
by `Journal.erase`. Reads with pread: safe in any thread, and while the writer goes on.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import msgspec

from hustings.base.errors import NotFound, OperatorError, PeerError
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import Entry
from hustings.journal.index import PUBLIC_SNAPSHOT, Index, Mark
from hustings.journal.records import Damaged, Incomplete, read_first_line, read_record
from hustings.journal.recovery import INDEX_FILE, JOURNAL_FILE
from hustings.journal.scan import Found, Scanner
from hustings.journal.taken import SOUND
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES


class _Whose(msgspec.Struct, frozen=True):
    """Of a track's body what tells whose it is."""

    who: str


class JournalReader:
    """One journal file, open for reading. Close it, or use it as a context manager."""

    def __init__(self, folder: Path) -> None:
        """folder: the room's. Raises NotFound `journal_missing`, PeerError `journal_version`."""
        self.path = folder / JOURNAL_FILE
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound("journal_missing", f"There is no journal in {folder}.") from None
        self._index = Index(folder / INDEX_FILE, writable=False)
        try:
            self._first = read_first_line(os.pread(self._fd, 64, 0))[1]
        except Incomplete:
            self._first = 0
        except PeerError:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the files."""
        os.close(self._fd)
        self._index.close()

    def fileno(self) -> int:
        """The journal file's descriptor, open for reading."""
        return self._fd

    def size_bytes(self) -> int:
        """Length of the file now."""
        return os.fstat(self._fd).st_size

    def records(
        self, seq: int = 0, *, end: int | None = None
    ) -> Iterator[tuple[Found, Entry | Checkpoint]]:
        """Entries from `seq` on and the checkpoints among them, up to file offset `end`.

        A damaged body comes as a bare entry. Raises OperatorError `journal_damaged` where an
        entry cannot be read at all. A record that is only half written yet ends the walk.
        """
        end = self.size_bytes() if end is None else end
        scanner = Scanner(self._pread, self._start(self._index.before_seq(seq), end), end)
        expected: int | None = None
        while True:
            begin = scanner.at
            try:
                found = scanner.next()
                record = found and read_record(found.type, found.payload)
            except (Incomplete, Damaged):
                try:
                    record = scanner.salvage()
                except Incomplete:
                    return
                found = Found(begin, 0, b"", scanner.at)
            if found is None:
                return
            if isinstance(record, Entry):
                if expected is not None and record.seq != expected:
                    raise OperatorError(
                        "journal_damaged",
                        f"{self.path} is damaged at offset {begin}: entry {expected} cannot be "
                        "read. Run `hustings verify` on it.",
                    )
                expected = record.seq + 1
            if isinstance(record, Entry | Checkpoint) and (expected or 0) > seq:
                yield found, record

    def entries(self, first: int = 0, last: int | None = None) -> Iterator[Entry]:
        """Entries first..last, both included; fewer if the journal ends before."""
        for _, record in self.records(first):
            if isinstance(record, Entry):
                if last is not None and record.seq > last:
                    return
                yield record

    def parts(self, first: int, last: int, kind: str = kinds.PART) -> Iterator[Entry]:
        """The `part` entries with numbers first..last, both included, that were made.

        An erased or lost one comes bare. kind: or `track`, where each part has some, or none.
        """
        mark = self._index.before_part(first)
        for entry in self.entries(mark.seq if mark else 0):
            number = entry.media_time // PART_SAMPLES
            if entry.kind != kind or number < first:
                continue
            if number > last:
                return
            yield entry

    def part_records(self, first: int, last: int) -> Iterator[tuple[Found, Entry]]:
        """The records of parts first..last and of tracks in them whose bodies are on file."""
        mark = self._index.before_part(first)
        for found, entry in self.records(mark.seq if mark else 0):
            if not isinstance(entry, Entry) or entry.kind not in SOUND or not found.type:
                continue
            number = entry.media_time // PART_SAMPLES
            if number > last:
                return
            if number >= first and entry.body is not None:
                yield found, entry

    def track_records(self, who: str, before: int, since: int = 0) -> Iterator[tuple[Found, Entry]]:
        """The records of somebody's track whose bodies are on file, of entries since … before - 1."""
        for found, entry in self.records(since):
            if not isinstance(entry, Entry) or entry.kind != kinds.TRACK or not found.type:
                continue
            if entry.seq >= before:
                return
            if entry.body is not None and _is_of(entry, who):
                yield found, entry

    def snapshot_before(self, media_time: int) -> int:
        """Sequence of the last public snapshot at or before a media time; 0 if there is none."""
        for _, mark in self._index.backwards():
            if mark.kind == PUBLIC_SNAPSHOT and mark.media_time <= media_time:
                return mark.seq
        return 0

    def find(self, seq: int) -> tuple[Found, Entry]:
        """The record of one entry; NotFound `entry_missing` if it is not on file."""
        for found, record in self.records(seq):
            if isinstance(record, Entry) and found.type:
                return found, record
            if isinstance(record, Entry):
                raise OperatorError(
                    "journal_damaged", f"Entry {seq} in {self.path} is damaged on disk."
                )
        raise NotFound("entry_missing", f"There is no entry {seq} in {self.path}.")

    def _pread(self, length: int, offset: int) -> bytes:
        return os.pread(self._fd, length, offset)

    def _start(self, mark: Mark | None, end: int) -> int:
        """The offset a mark names, if its entry is there, or the first record's."""
        if mark is None or mark.offset >= end:
            return self._first
        try:
            found = Scanner(self._pread, mark.offset, end).next()
            entry = found and read_record(found.type, found.payload)
        except (Incomplete, Damaged, PeerError):
            return self._first
        if isinstance(entry, Entry) and entry.seq == mark.seq:
            return mark.offset
        return self._first


def _is_of(entry: Entry, who: str) -> bool:
    try:
        return entry.decode(_Whose).who == who
    except PeerError:
        return False
