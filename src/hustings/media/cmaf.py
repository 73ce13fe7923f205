"""The CMAF muxer: encoded frames to init segments, parts and in-band events; pure, and back.

Parts are cut anywhere and made again anywhere: the same frames give the same bytes on every
edge. The decode time is the media time itself, so a stream may begin at any hour. No edit list:
the codec's delay (Opus 6.5 ms, AAC 42.7 ms, see `media.encoders`) stays in the sound.
Called by `edge.sound.program`, `edge.sound.playlists`, the replay writer, `listen` and tests.
Sources: ISO/IEC 14496-12 (boxes), 23000-19 (CMAF), 23009-1 5.10.3 (emsg),
Opus in ISOBMFF 0.8.1 (dOps).
"""

import struct
from collections.abc import Iterator, Sequence
from functools import cache
from struct import pack, unpack_from
from typing import Final, NamedTuple

from hustings.base.errors import PeerError
from hustings.wire.names import (
    AAC,
    AAC_FRAME,
    EVENT_SCHEME,
    OPUS,
    OPUS_LOW,
    PART_SAMPLES,
    SAMPLE_RATE,
    TICK_SAMPLES,
)

_FRAME_SAMPLES: Final = {OPUS: TICK_SAMPLES, OPUS_LOW: TICK_SAMPLES, AAC: AAC_FRAME}
_AAC_BITRATE: Final = 64_000
AAC_CONFIG: Final = b"\x11\x88\x56\xe5\x00"
"""AudioSpecificConfig: AAC-LC, 48 kHz, mono, explicitly without SBR; the encoder's extradata."""
_OPUS_DELAY: Final = 312  # samples; libopus' look-ahead at 48 kHz
_MATRIX: Final = pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_INDEPENDENT: Final = 0x0200_0000  # sample flags: depends on no other sample
_MAX_BOX: Final = 16 * 1024 * 1024  # a longer box is no stream of ours


# ---------------------------------------------------------------- writing


def init_segment(rendition: str) -> bytes:
    """`ftyp` and `moov` of a CMAF rendition; the same for every room and hour."""
    if rendition not in _FRAME_SAMPLES:
        raise ValueError(f"{rendition!r} is no CMAF rendition")
    return _init_segment(rendition)


def media_part(
    rendition: str, part_n: int, frames: Sequence[bytes], *, events: Sequence[bytes] = ()
) -> bytes:
    """Events (`emsg` boxes), `moof` and `mdat` of one part, or of several joined.

    part_n: number of the first part. frames: those of one part or of several consecutive ones.
    """
    count = len(frames)
    header = _full(b"mfhd", 0, 0, pack(">I", (part_n + 1) & 0xFFFFFFFF))
    duration = _FRAME_SAMPLES[rendition]
    track = _full(b"tfhd", 0, 0x20028, pack(">III", 1, duration, _INDEPENDENT))
    time = _full(b"tfdt", 1, 0, pack(">Q", part_n * PART_SAMPLES))
    run_size = 20 + 4 * count
    moof_size = 8 + len(header) + 8 + len(track) + len(time) + run_size
    sizes = pack(f">{count}I", *map(len, frames))
    run = _full(b"trun", 0, 0x201, pack(">Ii", count, moof_size + 8), sizes)
    moof = _box(b"moof", header, _box(b"traf", track, time, run))
    return b"".join((*events, moof, _box(b"mdat", *frames)))


def emsg(event_json: bytes, *, media_time: int, seq: int) -> bytes:
    """An event as an `emsg` box, version 1, to stand before the `moof` of a part.

    media_time: start of the part that carries it, in samples. seq: the entry's sequence.
    """
    return _full(
        b"emsg",
        1,
        0,
        pack(">IQII", SAMPLE_RATE, media_time, 0, seq & 0xFFFFFFFF),
        EVENT_SCHEME.encode() + b"\0",
        b"\0",
        event_json,
    )


@cache
def _init_segment(rendition: str) -> bytes:
    entry = _box(
        b"mp4a" if rendition == AAC else b"Opus",
        bytes(6),
        pack(">H", 1),
        bytes(8),
        pack(">HHHHI", 1, 16, 0, 0, SAMPLE_RATE << 16),
        _aac_config() if rendition == AAC else _opus_config(),
    )
    table = _box(
        b"stbl",
        _full(b"stsd", 0, 0, pack(">I", 1), entry),
        _full(b"stts", 0, 0, pack(">I", 0)),
        _full(b"stsc", 0, 0, pack(">I", 0)),
        _full(b"stsz", 0, 0, pack(">II", 0, 0)),
        _full(b"stco", 0, 0, pack(">I", 0)),
    )
    where = _box(b"dinf", _full(b"dref", 0, 0, pack(">I", 1), _full(b"url ", 0, 1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", 0, 0, pack(">IIIIHH", 0, 0, SAMPLE_RATE, 0, 0x55C4, 0)),  # language "und"
        _full(b"hdlr", 0, 0, bytes(4), b"soun", bytes(12), b"audio\0"),
        _box(b"minf", _full(b"smhd", 0, 0, bytes(4)), where, table),
    )
    track = _box(
        b"trak",
        _full(
            b"tkhd",
            0,
            7,
            pack(">IIIII", 0, 0, 1, 0, 0),
            bytes(8),
            pack(">HHHH", 0, 0, 0x100, 0),
            _MATRIX,
            pack(">II", 0, 0),
        ),
        media,
    )
    movie = _full(
        b"mvhd",
        0,
        0,
        pack(">IIII", 0, 0, SAMPLE_RATE, 0),
        pack(">IH", 0x10000, 0x100),
        bytes(10),
        _MATRIX,
        bytes(24),
        pack(">I", 2),
    )
    extends = _box(b"mvex", _full(b"trex", 0, 0, pack(">IIIII", 1, 1, 0, 0, 0)))
    kind = _box(b"ftyp", b"iso6", pack(">I", 0), b"iso6cmfcmp41")
    return kind + _box(b"moov", movie, track, extends)


def _opus_config() -> bytes:
    return _box(b"dOps", pack(">BBHIhB", 0, 1, _OPUS_DELAY, SAMPLE_RATE, 0, 0))


def _aac_config() -> bytes:
    decoder = pack(">BB3xII", 0x40, 0x15, _AAC_BITRATE, _AAC_BITRATE)  # MPEG-4 audio stream
    config = _descriptor(4, decoder, _descriptor(5, AAC_CONFIG))
    return _full(b"esds", 0, 0, _descriptor(3, pack(">HB", 1, 0), config, _descriptor(6, b"\x02")))


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return pack(">I4s", 8 + len(body), kind) + body


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, pack(">I", version << 24 | flags), *parts)


def _descriptor(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return bytes((tag, 0x80, 0x80, 0x80, len(body))) + body


# ---------------------------------------------------------------- reading


class Box(NamedTuple):
    """A top-level or inner box: its four letters and what is inside."""

    kind: bytes
    body: bytes


class Fragment(NamedTuple):
    """One `moof` with its `mdat`."""

    media_time: int  # samples, of the first frame
    sequence: int
    frames: list[bytes]


class Event(NamedTuple):
    """One `emsg` of our scheme."""

    media_time: int  # samples, of the part that carried it
    seq: int
    data: bytes  # JSON


class BoxReader:
    """Boxes from a stream of bytes that is cut anywhere.

    Raises PeerError("cmaf_broken") for what cannot be a box.
    """

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[Box]:
        """All boxes that are complete now, in order."""
        rest = self._rest
        rest += data
        found: list[Box] = []
        at = 0
        while len(rest) - at >= 8:
            size, kind = unpack_from(">I4s", rest, at)
            if not 8 <= size <= _MAX_BOX:
                raise PeerError("cmaf_broken", f"A box of {size} bytes: this is no CMAF stream.")
            if len(rest) - at < size:
                break
            found.append(Box(kind, bytes(rest[at + 8 : at + size])))
            at += size
        del rest[:at]
        return found

    @property
    def pending(self) -> int:
        """Bytes of a box that is not complete yet."""
        return len(self._rest)


def boxes(data: bytes) -> Iterator[Box]:
    """The boxes of a whole file or of a box's body; PeerError("cmaf_broken") if one is cut."""
    reader = BoxReader()
    yield from reader.feed(data)
    if reader.pending:
        raise PeerError("cmaf_broken", f"{reader.pending} bytes of a cut box at the end.")


def fragments(found: Sequence[Box]) -> list[Fragment]:
    """Each `moof` with the `mdat` after it, from top-level boxes; other boxes are skipped."""
    result: list[Fragment] = []
    moof: bytes | None = None
    for box in found:
        if box.kind == b"moof":
            moof = box.body
        elif box.kind == b"mdat" and moof is not None:
            result.append(_fragment(moof, box.body))
            moof = None
    return result


def frames_of(data: bytes) -> list[bytes]:
    """All encoded frames of an init segment, parts or segments in a row."""
    return [frame for part in fragments(list(boxes(data))) for frame in part.frames]


def event_of(box: Box) -> Event | None:
    """The event in a box; None if the box is anything but an `emsg` of our scheme."""
    if box.kind != b"emsg" or len(box.body) < 24 or box.body[0] != 1:
        return None
    _, media_time, _, seq = unpack_from(">IQII", box.body, 4)
    scheme, _, rest = box.body[24:].partition(b"\0")
    _, ended, data = rest.partition(b"\0")
    if scheme != EVENT_SCHEME.encode() or not ended:
        return None
    return Event(media_time, seq, data)


def _fragment(moof: bytes, mdat: bytes) -> Fragment:
    inner = {box.kind: box.body for box in boxes(moof)}
    track = {box.kind: box.body for box in boxes(inner.get(b"traf", b""))}
    try:
        (sequence,) = unpack_from(">I", inner[b"mfhd"], 4)
        (media_time,) = unpack_from(">Q", track[b"tfdt"], 4)
        (count,) = unpack_from(">I", track[b"trun"], 4)
        count = min(count, len(track[b"trun"]))  # a lie fails below, without a huge format
        sizes = unpack_from(f">{count}I", track[b"trun"], 12)
    except (KeyError, struct.error) as error:
        raise PeerError("cmaf_broken", "A fragment with a missing or wrong header.") from error
    if sum(sizes) != len(mdat):
        raise PeerError("cmaf_broken", "A fragment whose sizes and bytes do not agree.")
    frames: list[bytes] = []
    at = 0
    for size in sizes:
        frames.append(mdat[at : at + size])
        at += size
    return Fragment(media_time, sequence, frames)
