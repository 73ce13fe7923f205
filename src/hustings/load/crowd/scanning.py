"""An HTTP answer and the numbers of the parts in it, read as cheaply as Python can. Pure.

Thousands of listeners share a core with whoever rehearses them, so nothing here touches single
bytes or keeps sound: boxes are skipped by their size, and of a fragment only its `moof` is read
(where it begins, how long it is). Checked against `media.cmaf` in tests. Called by `load.crowd.process`.
"""

import contextlib
import struct
from typing import Final, NamedTuple

import msgspec

from hustings.base.errors import PeerError
from hustings.media.cmaf import Box, event_of
from hustings.wire.names import PART_SAMPLES

_BOX: Final = struct.Struct(">I4s")
_HEAD_BYTES: Final = 16 * 1024
_MAX_BOX: Final = 16 * 1024 * 1024
_MAX_WHOLE: Final = 64 * 1024
_WHOLE: Final = frozenset({b"moof", b"emsg"})  # boxes that are looked into
_SPREADS: Final = (b'"spread_s"', b'"reconnect_s"')


class Span(NamedTuple):
    """Parts `first` … `first + parts - 1`, as one fragment."""

    first: int
    parts: int


class Spread(msgspec.Struct, frozen=True):
    """Over how many seconds a crowd returns."""

    spread_s: float = 1.0
    reconnect_s: float = 1.0


class Word(msgspec.Struct, frozen=True):
    """An event of the edge's own: how to come back (`state`, `reconnect`), or to go (`drain`)."""

    kind: str
    body: Spread


class AnswerReader:
    """One HTTP/1.1 answer from bytes that are cut anywhere."""

    __slots__ = ("_buffer", "_chunked", "_left", "complete", "headers", "status")

    def __init__(self) -> None:
        self.status = 0  # 0: the head is not complete yet
        self.headers: dict[str, str] = {}
        self.complete = False  # the whole body came; a stream without its last chunk never is
        self._buffer = b""  # the head, then a chunk's size, as far as they came
        self._chunked = False
        self._left = 0  # bytes of the body or of the chunk; -1: until the connection closes

    def feed(self, data: bytes) -> list[bytes]:
        """The body's bytes in `data`. Raises PeerError `http_malformed`."""
        if not self.status:
            self._buffer += data
            head, ended, data = self._buffer.partition(b"\r\n\r\n")
            if not ended:
                if len(self._buffer) > _HEAD_BYTES:
                    raise PeerError("http_malformed", "This is no HTTP answer.")
                return []
            self._buffer = b""
            self._read_head(head)
        if self._chunked:
            return self._chunks(data)
        if self._left < 0:
            return [data] if data else []
        data = data[: self._left]
        self._left -= len(data)
        self.complete = not self._left
        return [data] if data else []

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        version, _, rest = first.partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise PeerError("http_malformed", "This is no HTTP answer.")
        self.status = int(rest[:3])
        for line in lines:
            name, _, value = line.partition(":")
            self.headers[name.strip().lower()] = value.strip()
        self._chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length", "")
        self._left = int(length) if length.isascii() and length.isdigit() else -1
        if self._chunked or self.status in {204, 304}:
            self._left = 0
        self.complete = not self._chunked and not self._left

    def _chunks(self, data: bytes) -> list[bytes]:
        pieces: list[bytes] = []
        at = 0
        while at < len(data) and not self.complete:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            end = data.find(b"\n", at)
            line = self._buffer + data[at : end if end >= 0 else len(data)]
            if len(line) > 100:
                raise PeerError("http_malformed", "A chunk without its size.")
            if end < 0:
                self._buffer = line
                break
            self._buffer, at = b"", end + 1
            if text := line.strip():  # else the end of the chunk before
                try:
                    self._left = int(text.partition(b";")[0], 16)
                except ValueError:
                    raise PeerError("http_malformed", "A chunk without its size.") from None
                self.complete = not self._left
        return pieces


class PartScanner:
    """The parts in an endless CMAF stream; each is told when its last byte is here.

    Of events only those are read that may be `Word`s: a search for two names in bytes.
    """

    __slots__ = ("_head", "_rest", "_skip", "_sound", "_words")

    def __init__(self) -> None:
        self._rest = b""  # of a box's first bytes, or of a `moof`
        self._skip = 0  # bytes of a box that nobody looks at
        self._sound = False  # ... and they are an `mdat`
        self._head: Span | None = None  # of the sound that follows
        self._words: list[bytes] = []

    def feed(self, data: bytes) -> list[Span]:
        """Parts that are whole now. Raises PeerError `cmaf_broken`."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        found: list[Span] = []
        at, end = 0, len(data)
        while at < end:
            if not self._skip:
                if end - at < 8:
                    self._rest = data[at:]
                    break
                size, kind = _BOX.unpack_from(data, at)
                whole = kind in _WHOLE
                if not 8 <= size <= (_MAX_WHOLE if whole else _MAX_BOX):
                    raise PeerError("cmaf_broken", "A box of impossible size.")
                if whole and end - at < size:
                    self._rest = data[at:]
                    break
                if kind == b"moof":
                    self._head = span_of(data, at, at + size)
                elif whole and any(data.find(name, at, at + size) > 0 for name in _SPREADS):
                    self._words.append(data[at:][8:size])
                self._skip, self._sound = size, kind == b"mdat"
            step = min(self._skip, end - at)
            at += step
            self._skip -= step
            if self._sound and not self._skip:
                if self._head is None:
                    raise PeerError("cmaf_broken", "Sound without its head.")
                found.append(self._head)
                self._head, self._sound = None, False
        return found

    def words(self) -> list[Word]:
        """What the edge said of itself since the last call."""
        if not self._words:
            return []
        said, self._words = self._words, []
        found = []
        for body in said:
            if (event := event_of(Box(b"emsg", body))) is not None:
                with contextlib.suppress(msgspec.DecodeError):
                    found.append(msgspec.json.decode(event.data, type=Word))
        return found


def span_of(data: bytes, at: int, end: int) -> Span:
    """The parts of the `moof` that fills `data[at:end]`. Raises PeerError `cmaf_broken`."""
    start = duration = count = -1
    at += 8
    try:
        while at < end:
            size, kind = _BOX.unpack_from(data, at)
            if size < 8:
                break
            if kind == b"traf":
                size = 8  # look inside
            elif kind == b"tfdt":
                start = int.from_bytes(data[at + 12 : at + (20 if data[at + 8] else 16)])
            elif kind == b"tfhd":
                duration = int.from_bytes(data[at + 16 : at + 20])
            elif kind == b"trun":
                count = int.from_bytes(data[at + 12 : at + 16])
            at += size
    except (IndexError, struct.error) as error:
        raise PeerError("cmaf_broken", "A fragment with a broken head.") from error
    samples = duration * count
    if start < 0 or samples <= 0 or start % PART_SAMPLES or samples % PART_SAMPLES:
        raise PeerError("cmaf_broken", "A fragment that is no whole part.")
    return Span(start // PART_SAMPLES, samples // PART_SAMPLES)
