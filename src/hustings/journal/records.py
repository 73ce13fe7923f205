"""Records: how entries, checkpoints and positions are framed in a file and on the feed.

Keeps true: the same bytes on disk and on the wire, each record with its own CRC, so that a reader
knows damage from an honest end. Format: docs/protocol.md 2.1; version 1, the only one so far:
`READERS` keeps every version's reader for ever (tests/data/journal-v1). Pure.
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint, read_checkpoint
from hustings.journal.entry import (
    MAX_PAYLOAD,
    NONCE_BYTES,
    Entry,
    Visibility,
    read_header,
)

VERSION: Final = 1
_FIRST_WORD: Final = b"HUSTINGS-JOURNAL "
FIRST_LINE: Final = _FIRST_WORD + b"%d\n" % VERSION
_MAX_FIRST_LINE: Final = 32

ENTRY: Final = 1
CHECKPOINT: Final = 2
POSITION: Final = 3
BARE: Final = 4

Buffer = bytes | bytearray | memoryview
_FRAME: Final = struct.Struct(">IIB")  # length of payload, CRC-32 of type and payload, type
FRAME_BYTES: Final = _FRAME.size


class Position(msgspec.Struct, frozen=True):
    """Feed only, once a second: where the stage is now."""

    media_time: int  # samples at 48 kHz
    wall_ms: int
    size: int  # entries in the journal


Record = Entry | Checkpoint | Position


class Incomplete(Exception):
    """The bytes end before the record does: wait for more, or a torn end."""


class Damaged(Exception):
    """These bytes are no record: a wrong CRC or an impossible length."""


class Frame(NamedTuple):
    """Where one whole record lies in a buffer: payload is buffer[start:end]."""

    type: int
    start: int
    end: int


def frame(type_: int, payload: bytes) -> bytes:
    """Put a record around a payload."""
    return _FRAME.pack(len(payload), crc32(payload, crc32(bytes((type_,)))), type_) + payload


def frame_at(buffer: Buffer, offset: int) -> Frame:
    """The record that begins at `offset`; raises Incomplete or Damaged.

    buffer: a memoryview is best, since nothing is copied.
    """
    start = offset + FRAME_BYTES
    if start > len(buffer):
        raise Incomplete
    length, crc, type_ = _FRAME.unpack_from(buffer, offset)
    if length > MAX_PAYLOAD:
        raise Damaged
    end = start + length
    if end > len(buffer):
        raise Incomplete
    if crc32(buffer[start - 1 : end]) != crc:
        raise Damaged
    return Frame(type_, start, end)


def entry_record(entry: Entry, *, reader: int = Visibility.PRIVATE) -> bytes:
    """The record of an entry for a reader of this visibility; withheld bodies make it bare."""
    head = len(entry.raw).to_bytes(2, "big") + entry.raw
    if entry.body is None or entry.header.visibility > reader:
        return frame(BARE, head)
    return frame(ENTRY, head + entry.nonce + entry.body)


def checkpoint_record(checkpoint: Checkpoint) -> bytes:
    """The record of a checkpoint."""
    return frame(CHECKPOINT, checkpoint.note.encode())


def position_record(position: Position) -> bytes:
    """The record of a position."""
    return frame(POSITION, msgspec.msgpack.encode(position))


def read_record(type_: int, payload: Buffer) -> Record | None:
    """What a whole record says; None for types we do not know.

    Raises PeerError `record_bad`, `header_bad` or `checkpoint_bad`.
    """
    if type_ in (ENTRY, BARE):
        return _read_entry(type_, bytes(payload))
    if type_ == CHECKPOINT:
        return read_checkpoint(bytes(payload))
    if type_ == POSITION:
        try:
            return msgspec.msgpack.decode(payload, type=Position)
        except msgspec.MsgspecError as error:
            raise PeerError("record_bad", f"This is no position record: {error}") from None
    return None


def _read_entry(type_: int, payload: bytes) -> Entry:
    body_at = 2 + int.from_bytes(payload[:2], "big")
    nonce_end = body_at + NONCE_BYTES
    if len(payload) < (nonce_end if type_ == ENTRY else max(body_at, 3)):
        raise PeerError("record_bad", "This entry record is shorter than its header says.")
    raw = payload[2:body_at]
    header = read_header(raw)
    if type_ == BARE:
        return Entry(header, raw)
    return Entry(header, raw, payload[body_at:nonce_end], payload[nonce_end:])


READERS: Final[dict[int, Callable[[int, Buffer], Record | None]]] = {1: read_record}


def read_first_line(data: Buffer) -> tuple[int, int]:
    """(format version, length of the line) of a journal's beginning.

    Raises Incomplete if the line is not whole yet, PeerError `journal_version` if this is no
    journal or one of a version that we do not have.
    """
    line = bytes(data[:_MAX_FIRST_LINE])
    end = line.find(b"\n")
    if end < 0 and _could_begin(line):
        raise Incomplete
    digits = line[len(_FIRST_WORD) : end]
    if not line.startswith(_FIRST_WORD) or not digits.isdigit():
        raise PeerError("journal_version", "This is not a journal: its first line is another.")
    if int(digits) not in READERS:
        raise PeerError(
            "journal_version",
            f"This journal has format {int(digits)}; this program reads {sorted(READERS)}. "
            "Use a newer Hustings.",
        )
    return int(digits), end + 1


def _could_begin(line: bytes) -> bool:
    rest = line[len(_FIRST_WORD) :]
    return (
        len(line) < _MAX_FIRST_LINE
        and _FIRST_WORD.startswith(line[: len(_FIRST_WORD)])
        and (not rest or rest.isdigit())
    )


class RecordReader:
    """Takes a feed's bytes as they come, however they are cut, and gives whole records.

    Holds at most one record and one piece of input. Damage raises PeerError `record_bad`: the
    connection is of no more use. With `first_line` False the bytes begin at a record.
    """

    def __init__(self, *, first_line: bool = True) -> None:
        self._held = bytearray()
        self._version = 0 if first_line else VERSION

    def feed(self, data: bytes) -> list[Record]:
        """All records that are whole now, in order; unknown types are skipped."""
        self._held += data
        at = 0
        if not self._version:
            try:
                self._version, at = read_first_line(self._held)
            except Incomplete:
                return []
        read = READERS[self._version]
        found: list[Record] = []
        with memoryview(self._held) as view:
            try:
                while True:
                    here = frame_at(view, at)
                    record = read(here.type, view[here.start : here.end])
                    if record is not None:
                        found.append(record)
                    at = here.end
            except Incomplete:
                pass
            except Damaged:
                raise PeerError("record_bad", "A record arrived damaged.") from None
        del self._held[:at]
        return found
