"""Walking the records of a journal file, around damage where there is some.

Keeps true: `at` is always the offset of the record that comes next, also when that one is torn or
damaged; reads are counted. Called by recovery, by the reader and by `verify`.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from hustings.base.errors import PeerError
from hustings.journal.entry import MAX_HEADER, MAX_PAYLOAD, Entry, read_header
from hustings.journal.records import (
    BARE,
    ENTRY,
    FRAME_BYTES,
    Damaged,
    Incomplete,
    frame_at,
)

_BLOCK: Final = 1 << 18  # bytes read at once: 11 s of a room
_WINDOW: Final = 1 << 21  # bytes searched at once for the next whole record
# What a record of a known type can begin with: a length up to 1 MiB, any CRC, the type.
_START: Final = re.compile(rb"(?=\x00[\x00-\x10].{6}[\x01\x02\x04])", re.DOTALL)

Read = Callable[[int, int], bytes]  # (length, offset) -> bytes, fewer only at the end: os.pread


class Found(NamedTuple):
    """One whole record; its bytes are [offset, end) of the file."""

    offset: int
    type: int
    payload: bytes
    end: int


class Scanner:
    """Reads records from `start` up to `end`; offsets are those of the file."""

    def __init__(self, read: Read, start: int, end: int) -> None:
        self._read = read
        self.at = start
        self.end = end
        self.bytes_read = 0
        self._base = start
        self._view = memoryview(b"")

    def next(self) -> Found | None:
        """The next whole record, or None at the end.

        Raises Incomplete if the file ends inside it, Damaged if its bytes are no record.
        """
        if self.at >= self.end:
            return None
        while True:
            inside = self.at - self._base
            try:
                type_, start, end = frame_at(self._view, inside)
            except Incomplete:
                self._fill(inside)
                continue
            found = Found(self.at, type_, bytes(self._view[start:end]), self._base + end)
            self.at = found.end
            return found

    def salvage(self) -> Entry | None:
        """Go on behind damage: move to the next whole record that can be found.

        Returns the entry whose record was damaged, bare, if its header can still be read; whether
        it is the right one only the chain can tell. Raises Incomplete if no whole record follows.
        """
        begin = self.at
        following = self._following(begin + 1)
        if following is None:
            raise Incomplete
        self.at = following
        payload = self._take(begin + FRAME_BYTES, min(following, begin + FRAME_BYTES + MAX_HEADER))
        length = int.from_bytes(payload[:2], "big")
        try:
            return Entry(read_header(payload[2 : 2 + length]), payload[2 : 2 + length])
        except PeerError:
            return None

    def _fill(self, inside: int) -> None:
        """Read so that the record at `at` is whole in the view; Incomplete if it cannot be."""
        have = len(self._view) - inside
        need = FRAME_BYTES
        if have >= FRAME_BYTES:
            need += int.from_bytes(self._view[inside : inside + 4], "big")
        if self.at + need > self.end:
            raise Incomplete
        data = self._take(self.at, min(self.at + max(need, _BLOCK), self.end))
        if len(data) < need:  # the file is shorter than we were told
            raise Incomplete
        self._base = self.at
        self._view = memoryview(data)

    def _take(self, start: int, end: int) -> bytes:
        parts = []
        while start < end and (data := self._read(end - start, start)):
            parts.append(data)
            start += len(data)
            self.bytes_read += len(data)
        return b"".join(parts)

    def _following(self, start: int) -> int | None:
        while start < self.end:
            window = self._take(start, min(start + _WINDOW + FRAME_BYTES, self.end))
            for match in _START.finditer(window):
                if match.start() < _WINDOW and self._whole(start + match.start()):
                    return start + match.start()
            start += _WINDOW
        return None

    def _whole(self, offset: int) -> bool:
        probe = self._take(offset, min(offset + FRAME_BYTES, self.end))
        length = int.from_bytes(probe[:4], "big")
        if length > MAX_PAYLOAD or offset + FRAME_BYTES + length > self.end:
            return False
        try:
            frame_at(self._take(offset, offset + FRAME_BYTES + length), 0)
        except (Incomplete, Damaged):
            return False
        return True


def is_entry(found: Found) -> bool:
    """Whether a record is an entry, with or without its body."""
    return found.type in (ENTRY, BARE)
