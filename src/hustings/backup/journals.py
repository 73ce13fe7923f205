"""A journal copied while it grows, and what was taken back of it blanked in the copy.

Keeps true: a copy ends with a whole record; it has no body that the journal it came from has not
any more, or says is taken back (`dump` entries, tracks withdrawn, a deleted recording), also where
the stage has not overwritten it yet. Blanking changes no length. Called by `backup.taking` for a
place in the archive, by `backup.restoring` for a file.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from hustings.base.errors import PeerError
from hustings.journal.compaction import readable
from hustings.journal.entry import Entry
from hustings.journal.erasure import Intent, blanked, intents
from hustings.journal.records import (
    Damaged,
    Incomplete,
    read_first_line,
    read_record,
)
from hustings.journal.scan import Scanner
from hustings.journal.taken import SOUND, dump_of
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

_COPY: Final = 1 << 20


class Region(NamedTuple):
    """A journal's bytes: `size` of them from `start` in an open file."""

    fd: int
    start: int
    size: int

    def read(self, length: int, offset: int) -> bytes:
        """As os.pread, within the region."""
        length = min(length, self.size - offset)
        return os.pread(self.fd, length, self.start + offset) if length > 0 else b""

    def scanner(self) -> Scanner:
        """From its first record. PeerError `journal_version`."""
        try:
            first = read_first_line(self.read(64, 0))[1]
        except Incomplete:
            first = self.size
        return Scanner(self.read, first, self.size)


class Gone:
    """What of a journal is to have no body, as the journal itself tells."""

    def __init__(self, *, deleted: bool) -> None:
        """deleted: the whole recording is, or is being deleted."""
        self.deleted = deleted
        self._bare: set[int] = set()
        self._dumps: list[kinds.Dump] = []
        self._withdrawn: list[tuple[str, int]] = []  # whose track, before which entry
        self._tracks: list[str] = []
        self._guests: dict[str, int] = {}  # guest -> the newest entry of them

    def learn(self, region: Region) -> None:
        """Read it all."""
        for record in readable(region.scanner()):
            if isinstance(record, Entry):
                self._take(record)

    def covers(self, entry: Entry) -> bool:
        """Whether this entry's body is gone."""
        if self.deleted:
            return entry.kind != kinds.TOMBSTONE
        if entry.seq in self._bare:
            return True
        if entry.kind == kinds.GUEST:
            return entry.seq < self._guests.get(_guest(entry), entry.seq)
        if entry.kind not in SOUND:
            return False
        number = entry.media_time // PART_SAMPLES
        if any(dump.first <= number <= dump.last for dump in self._dumps):
            return True
        before = [seq for who, seq in self._withdrawn if entry.seq < seq and _is_of(entry, who)]
        return bool(before)

    def _take(self, entry: Entry) -> None:
        if entry.body is None:
            self._bare.add(entry.seq)
        elif (dump := dump_of(entry)) is not None:
            self._dumps.append(dump)
        elif entry.kind == kinds.TOMBSTONE:
            self.deleted = True
        elif entry.kind == kinds.GUEST:
            who = _guest(entry)
            self._guests[who] = max(entry.seq, self._guests.get(who, 0))
        elif entry.kind == kinds.ROOM:
            tracks = _tracks(entry, self._tracks)
            self._withdrawn += [(who, entry.seq) for who in self._tracks if who not in tracks]
            self._tracks = tracks


def whole_end(region: Region) -> int:
    """Where the last whole record of it ends: what comes behind is being written."""
    scanner = region.scanner()
    while True:
        begin = scanner.at
        try:
            if scanner.next() is None:
                return begin
        except Damaged:
            try:
                scanner.salvage()
            except Incomplete:
                return begin
        except Incomplete:
            try:  # a length that is damaged points beyond the end
                scanner.salvage()
            except Incomplete:
                return begin


def copy(source: Region, target: Region) -> Iterator[int]:
    """Copy as much as the target holds; yields the number of bytes done. OSError."""
    at = 0
    while at < target.size:
        data = source.read(min(_COPY, target.size - at), at)
        if not data:  # rewritten meanwhile: who calls looks at the folder anyway
            return
        _write(target, at, data)
        at += len(data)
        yield len(data)


def blank(region: Region, gone: Gone) -> int:
    """Take the bodies that are gone out of a copy; returns how many there were."""
    scanner, count = region.scanner(), 0
    while True:
        begin = scanner.at
        try:
            found = scanner.next()
            if found is None:
                return count
            record = read_record(found.type, found.payload)
        except (Incomplete, Damaged):
            end = _behind(scanner)
            if gone.deleted:  # whatever it was
                _write(region, begin, bytes(end - begin))
            if end == region.size:
                return count
            continue
        except PeerError:  # whole, and yet no record of ours
            continue
        if isinstance(record, Entry) and record.body is not None and gone.covers(record):
            intent = blanked(found, record)
            _write(region, intent.offset, intent.record)
            count += 1


def noted(folder: Path) -> list[Intent]:
    """What the stage has begun to overwrite in the journal of this folder."""
    try:
        return intents(folder)
    except (OSError, msgspec.MsgspecError):
        return []


def overwrite(region: Region, records: list[Intent]) -> None:
    """Do the same in the copy."""
    for intent in records:
        if intent.offset + len(intent.record) <= region.size:
            _write(region, intent.offset, intent.record)


def _behind(scanner: Scanner) -> int:
    """Where the next whole record begins, or the end."""
    try:
        scanner.salvage()
    except Incomplete:
        return scanner.end
    return scanner.at


def _tracks(entry: Entry, before: list[str]) -> list[str]:
    try:
        return entry.decode(kinds.Room).tracks
    except PeerError:
        return before


def _guest(entry: Entry) -> str:
    try:
        return entry.decode(kinds.Booking).guest.id
    except PeerError:
        return ""


def _is_of(entry: Entry, who: str) -> bool:
    if entry.kind != kinds.TRACK or entry.body is None:
        return False
    try:
        return entry.decode(kinds.Track).who == who
    except PeerError:
        return True  # of whom nobody can tell: rather not


def _write(region: Region, offset: int, data: bytes) -> None:
    view, at = memoryview(data), region.start + offset
    while view:
        done = os.pwrite(region.fd, view, at)
        view, at = view[done:], at + done
