"""The sidecar that finds a place in a long journal without reading it: a cache, never the truth.

Keeps true: a row names an entry that was on disk when the row was written; rows are in order of
sequence. A row may be missing or wrong (a lost cache, a restored backup): whoever uses one checks
the entry it points to, and recovery writes anew what follows the last good snapshot.

Rows of 40 bytes: seq, offset, media time, next part number, kind of mark, CRC-32. One for each
snapshot and every 64th entry: 4 hours take about 50 kB. Called by the writer's thread, recovery
and readers; a lookup costs log2(rows) reads.
"""

import contextlib
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from hustings.journal.entry import Entry
from hustings.wire import kinds

_ROW: Final = struct.Struct(">QQqQB3x")
_CRC: Final = struct.Struct(">I")
ROW_BYTES: Final = _ROW.size + _CRC.size

PLAIN: Final = 0
STAGE_SNAPSHOT: Final = 1
PUBLIC_SNAPSHOT: Final = 2
EVERY: Final = 64  # entries between plain marks


class Mark(NamedTuple):
    """One place in the journal."""

    seq: int
    offset: int  # of the entry's record in the file
    media_time: int
    part: int  # the next part number before this entry
    kind: int = PLAIN


def mark_for(entry: Entry, offset: int, part: int) -> Mark | None:
    """The mark that an entry deserves, if any; part: the next part number before it."""
    kind = PLAIN
    if entry.kind == kinds.SNAPSHOT and entry.body is not None:  # an erased one is no beginning
        kind = STAGE_SNAPSHOT if entry.visibility else PUBLIC_SNAPSHOT
    elif entry.seq % EVERY:
        return None
    return Mark(entry.seq, offset, entry.media_time, part, kind)


class Index:
    """The rows of one journal's sidecar file."""

    def __init__(self, path: Path, *, writable: bool) -> None:
        """Open it, empty if it is not there; OSError if it cannot be made."""
        flags = os.O_RDWR | os.O_CREAT if writable else os.O_RDONLY
        try:
            self._fd = os.open(path, flags | os.O_CLOEXEC, 0o640)
        except FileNotFoundError:
            self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        self._rows = os.fstat(self._fd).st_size // ROW_BYTES
        self._writable = writable
        self.bytes_read = 0

    def __len__(self) -> int:
        if not self._writable:  # somebody else may have added rows
            self._rows = os.fstat(self._fd).st_size // ROW_BYTES
        return self._rows

    def row(self, number: int) -> Mark | None:
        """Row `number` from 0, or None if it is damaged."""
        data = os.pread(self._fd, ROW_BYTES, number * ROW_BYTES)
        self.bytes_read += len(data)
        if len(data) < ROW_BYTES or _CRC.unpack_from(data, _ROW.size)[0] != crc32(
            data[: _ROW.size]
        ):
            return None
        return Mark(*_ROW.unpack_from(data))

    def add(self, mark: Mark) -> None:
        """Append a row; OSError if the disk is full, and then nothing has changed."""
        data = _ROW.pack(*mark)
        data += _CRC.pack(crc32(data))
        if os.pwrite(self._fd, data, self._rows * ROW_BYTES) == ROW_BYTES:
            self._rows += 1

    def cut(self, rows: int) -> None:
        """Forget all rows from number `rows` on."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, rows * ROW_BYTES)
        self._rows = rows

    def backwards(self) -> Iterator[tuple[int, Mark]]:
        """(number, mark) of the good rows from the last to the first."""
        for number in range(len(self) - 1, -1, -1):
            mark = self.row(number)
            if mark is not None:
                yield number, mark

    def before_seq(self, seq: int) -> Mark | None:
        """The last mark at or before entry `seq`."""
        return self._last(lambda mark: mark.seq <= seq)

    def before_part(self, part: int) -> Mark | None:
        """The last mark from which part `part` is still to come."""
        return self._last(lambda mark: mark.part <= part)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _last(self, fits: Callable[[Mark], bool]) -> Mark | None:
        low, high, best = 0, len(self), None
        while low < high:
            middle = (low + high) // 2
            mark = self.row(middle)
            if mark is not None and fits(mark):
                low, best = middle + 1, mark
            else:
                high = middle
        return best
