"""RTMP's chunk stream: messages to chunks and back; pure.

Source: RTMP 1.0 (Adobe 2012), 5.3 and 5.4. What we send is one message after the other, each with its
whole header (type 0): a dozen bytes more, and nothing to get wrong. What a server sends may be cut
and interleaved; a message is at most `MESSAGE_BYTES`, chunk streams at most `STREAMS`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import pack, unpack
from typing import Final, NamedTuple

from hustings.base.errors import PeerError

MESSAGE_BYTES: Final = 64 * 1024
STREAMS: Final = 64
OUR_CHUNK: Final = 4_096
_EXTENDED: Final = 0xFFFFFF


class Message(NamedTuple):
    """One RTMP message."""

    kind: int
    stream: int
    time_ms: int
    body: bytes


SET_CHUNK: Final = 1
ACKNOWLEDGEMENT: Final = 3
USER_CONTROL: Final = 4
WINDOW: Final = 5
BANDWIDTH: Final = 6
AUDIO: Final = 8
VIDEO: Final = 9
DATA: Final = 18
COMMAND: Final = 20

_CHUNK_STREAM: Final = {AUDIO: 4, VIDEO: 6, DATA: 5, COMMAND: 3}


def chunked(message: Message) -> bytes:
    """A message as it goes over the wire, in chunks of `OUR_CHUNK` bytes."""
    number = _CHUNK_STREAM.get(message.kind, 2)
    time_ms = message.time_ms & 0xFFFFFFFF
    late = pack(">I", time_ms) if time_ms >= _EXTENDED else b""  # after 4.7 h
    body = message.body
    first = bytes((number,)) + pack(">I", min(time_ms, _EXTENDED))[1:] + pack(">I", len(body))[1:]
    first += bytes((message.kind,)) + pack("<I", message.stream) + late
    more = bytes((0xC0 | number,)) + late
    pieces = [body[at : at + OUR_CHUNK] for at in range(0, len(body), OUR_CHUNK)] or [b""]
    return first + more.join(pieces)


@dataclass
class _Stream:
    """What the next chunk of a chunk stream goes on from."""

    kind: int = 0
    stream: int = 0
    time_ms: int = 0
    delta_ms: int = 0
    length: int = 0
    extended: bool = False
    body: bytearray = field(default_factory=bytearray)


class ChunkReader:
    """Messages from a stream of bytes that is cut anywhere. Raises PeerError `push_protocol`."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._streams: dict[int, _Stream] = {}
        self.chunk_bytes = 128

    def feed(self, data: bytes) -> Iterator[Message]:
        """All messages that are whole now; `chunk_bytes` may be changed between two of them."""
        self._rest += data
        while True:
            try:
                used, message = self._chunk(self._rest)
            except IndexError:  # not whole yet
                return
            del self._rest[:used]
            if message is not None:
                yield message

    def _chunk(self, data: bytearray) -> tuple[int, Message | None]:
        form, number, at = data[0] >> 6, data[0] & 0x3F, 1
        if number == 0:
            number, at = 64 + data[1], 2
        elif number == 1:
            number, at = 64 + data[1] + 256 * data[2], 3
        known = self._streams.get(number)
        if known is None and (form not in {0, 1} or len(self._streams) >= STREAMS):
            raise _broken("a chunk goes on from nothing")
        now = known or _Stream()
        head = (11, 7, 3, 0)[form]
        _need(data, at + head)
        fields = bytes(data[at : at + head])
        at += head
        time = int.from_bytes(fields[:3], "big") if head else 0
        extended = time == _EXTENDED if head else now.extended
        if extended:
            _need(data, at + 4)
            (time,) = unpack(">I", data[at : at + 4])
            at += 4
        length = int.from_bytes(fields[3:6], "big") if head >= 7 else now.length
        if length > MESSAGE_BYTES:
            raise _broken("a message is too long")
        size = min(self.chunk_bytes, length - len(now.body))
        _need(data, at + size)
        # Whole: only now may anything change.
        self._streams[number] = now
        now.length, now.extended = length, extended
        if head >= 7:
            now.kind = fields[6]
        if head == 11:
            (now.stream,) = unpack("<I", fields[7:11])
        if not now.body:
            now.delta_ms = time if head else now.delta_ms
            now.time_ms = time if form == 0 else now.time_ms + now.delta_ms
        now.body += data[at : at + size]
        if len(now.body) < length:
            return at + size, None
        message = Message(now.kind, now.stream, now.time_ms, bytes(now.body))
        now.body.clear()
        return at + size, message


def _need(data: bytearray, size: int) -> None:
    if len(data) < size:
        raise IndexError(size)


def _broken(why: str) -> PeerError:
    return PeerError("push_protocol", f"This is not RTMP: {why}.")
