"""From CMAF or MP3 frames to the files that people download: m4a, opus, mp3, wav.

Nothing is encoded again where the codec is there already (m4a, opus, mp3 of a room with radio).
Blocks for seconds to minutes: called by the replay's job, never by a service. By PyAV.
"""

import io
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import msgspec

from hustings.wire.names import AAC_FRAME, SAMPLE_RATE

# FFmpeg's muxer and its options. `faststart`: a player knows the length from the first bytes.
_MUXERS: Final = {
    "m4a": ("ipod", {"movflags": "+faststart"}),
    "opus": ("ogg", {}),
    "mp3": ("mp3", {"id3v2_version": "3"}),
    "wav": ("wav", {"rf64": "auto"}),
}
_ENCODERS: Final = {"mp3": "libmp3lame", "wav": "pcm_s16le"}
_MP3_BITRATE: Final = 64_000
_AAC_DELAY: Final = 2 * AAC_FRAME  # samples that the program's encoder begins with; 43 ms


class Mark(msgspec.Struct, frozen=True):
    """A chapter for players: begin and end in samples since the file's start."""

    start: int
    end: int
    title: str


class Pieces(io.RawIOBase):
    """Bytes that come in pieces, as one file that is read once from the beginning."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is for reading only."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer from the next piece; 0 at the end."""
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def write_file(
    source: Iterator[bytes],
    target: Path,
    kind: str,
    *,
    source_kind: str = "mp4",
    tags: dict[str, str],
    marks: Sequence[Mark] = (),
) -> None:
    """Make `target` of the sound in `source`.

    source: init segment and segments (`source_kind` mp4), or MP3 frames (mp3). kind: m4a, opus,
    mp3 or wav. Raises OSError for a full disk, av.FFmpegError for what is no sound.
    """
    muxer, options = _MUXERS[kind]
    with (
        av.open(io.BufferedReader(Pieces(source)), "r", format=source_kind) as come,
        av.open(str(target), "w", format=muxer, options=options) as gone,
    ):
        stream: Any = come.streams.audio[0]
        gone.metadata.update(tags)
        if kind != "wav" and marks:
            gone.set_chapters([_chapter(number, mark) for number, mark in enumerate(marks)])
        if _same(stream.codec_context.name, kind):
            _copy(come, stream, gone)
        else:
            _encode(come, stream, gone, kind)


def _same(codec: str, kind: str) -> bool:
    return {"m4a": codec == "aac", "opus": codec == "opus", "mp3": codec.startswith("mp3")}.get(
        kind, False
    )


def _copy(come: Any, stream: Any, gone: Any) -> None:
    out = gone.add_stream_from_template(stream)
    began: int | None = None
    for packet in come.demux(stream):
        if packet.dts is None:  # the end
            continue
        began = packet.dts if began is None else began
        packet.pts -= began
        packet.dts -= began
        packet.stream = out
        gone.mux(packet)


def _encode(come: Any, stream: Any, gone: Any, kind: str) -> None:
    out = gone.add_stream(_ENCODERS[kind], rate=SAMPLE_RATE, layout="mono")
    if kind == "mp3":
        out.bit_rate = _MP3_BITRATE
    made, late = 0, _AAC_DELAY  # WAV is for editors: on the timeline to the sample
    resampler: Any = av.AudioResampler(
        format=out.codec_context.format or "s16", layout="mono", rate=SAMPLE_RATE
    )
    for frame in come.decode(stream):
        for part in resampler.resample(frame):
            if kind == "wav" and late >= part.samples:
                late -= part.samples
                continue
            part.pts, part.time_base = made, Fraction(1, SAMPLE_RATE)
            made += part.samples
            gone.mux(out.encode(part))
    if kind == "wav":
        gone.mux(out.encode(_silence(_AAC_DELAY, made)))
    gone.mux(out.encode(None))


def _silence(samples: int, at: int) -> Any:
    frame: Any = av.AudioFrame(format="s16", layout="mono", samples=samples)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.sample_rate = SAMPLE_RATE
    frame.pts, frame.time_base = at, Fraction(1, SAMPLE_RATE)
    return frame


def _chapter(number: int, mark: Mark) -> Any:
    return {
        "id": number,
        "start": mark.start,
        "end": mark.end,
        "time_base": Fraction(1, SAMPLE_RATE),
        "metadata": {"title": mark.title},
    }
