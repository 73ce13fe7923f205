"""A recording that somebody hands in: what it says of itself, and its sound in step with its clock.

Keeps true: a moment of the file is the same moment of the sound (what is missing between two frames
is silence); nothing but the file itself is read, whatever it refers to; whatever a file holds, it
costs a bounded memory and ends in sound or in a UserError. Levels stay as they are. By PyAV; called
by `hustings import`, in a process of its own.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import av
import msgspec
import numpy as np

from hustings.base.errors import UserError
from hustings.media.files import FORMATS
from hustings.media.mono import Mono
from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

LONGEST_S: Final = 24 * 3_600
_GAP: Final = SAMPLE_RATE // 10  # less is jitter of the file's clock
_SHORT_S: Final = 2.0  # a file may be so much shorter than it says, or a hundredth
_BAD_PACKETS: Final = 20  # ... and have so many that cannot be decoded, or a hundredth
# Containers that hold their sound themselves: playlists (HLS, concat, DASH ...) name other files.
_CONTAINERS: Final = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,gsm,matroska,mov,mp3,mpeg,mpegts,ogg,rm,"
    "tta,w64,wav,webm,wv"
)
_OPTIONS: Final = {"protocol_whitelist": "file", "format_whitelist": _CONTAINERS}


class About(msgspec.Struct, frozen=True):
    """What a file says of itself."""

    tracks: int  # with sound
    seconds: float  # 0: it does not say
    created_ms: int  # wall; 0: it does not say
    title: str


def examine(path: Path) -> About:
    """Look at a file. Raises UserError `audio_missing`, `audio_format`, `recording_long`, `_damaged`."""
    if not path.is_file():
        raise UserError("audio_missing", f"There is no file {path}.", path=str(path))
    try:
        with av.open(str(path), options=_OPTIONS) as container:
            tracks = len(container.streams.audio)
            seconds = (container.duration or 0) / av.time_base
            tags = {key.lower(): value for key, value in container.metadata.items()}
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _unreadable(path) from error
    if not tracks:
        raise _unreadable(path)
    if _cut_riff(path):
        raise UserError("recording_damaged", f"{path} is shorter than it says. Get a whole copy.")
    if seconds > LONGEST_S:
        raise _long(path)
    created_ms = _wall_ms(tags.get("creation_time", ""))
    return About(tracks, max(0.0, seconds), created_ms, tags.get("title", ""))


def sound_of(path: Path, about: About, *, track: int = 0) -> Iterator[Pcm]:
    """Its sound as mono blocks of 960 samples at 48 kHz; the last one is padded.

    track: which of its sound tracks, from 0. Raises UserError `recording_damaged` (at its end, if
    it breaks off before the length that it tells), `recording_long`.
    """
    waiting, made = np.zeros(0, dtype=np.float32), 0
    for samples in _Reader(path, track).samples():
        made += len(samples)
        if made > LONGEST_S * SAMPLE_RATE:
            raise _long(path)
        waiting = np.concatenate((waiting, samples)) if len(waiting) else samples
        whole = len(waiting) - len(waiting) % TICK_SAMPLES
        for at in range(0, whole, TICK_SAMPLES):
            yield waiting[at : at + TICK_SAMPLES]
        waiting = waiting[whole:]
    if not made:
        raise _unreadable(path)
    if made / SAMPLE_RATE < about.seconds - max(_SHORT_S, about.seconds / 100):
        raise UserError(
            "recording_damaged",
            f"{path} breaks off after {_clock(made / SAMPLE_RATE)} of {_clock(about.seconds)}. Get a "
            "whole copy, or cut it there: ffmpeg -i FILE -c copy NEW.",
        )
    if len(waiting):
        yield np.pad(waiting, (0, TICK_SAMPLES - len(waiting)))


class _Reader:
    """Decodes one track of one file."""

    def __init__(self, path: Path, track: int) -> None:
        self._path = path
        self._track = track
        self._mono = Mono()
        self._made = 0  # samples at 48 kHz
        self._began_s: float | None = None
        self._packets = self._bad = 0

    def samples(self) -> Iterator[Pcm]:
        """All of it, in pieces of any length."""
        try:
            with av.open(str(self._path), options=_OPTIONS) as container:
                stream: Any = container.streams.audio[self._track]
                for frame in self._frames(container, stream):
                    yield from self._counted(self._frame(frame))
                yield from self._counted(self._mono.feed(None))
        except (av.FFmpegError, ValueError, OSError) as error:
            raise self._broken() from error

    def _frames(self, container: Any, stream: Any) -> Iterator[Any]:
        for packet in container.demux(stream):
            self._packets += 1
            try:
                frames = packet.decode()
            except av.FFmpegError as error:  # as players do: over it, unless there are many
                self._bad += 1
                if self._bad > max(_BAD_PACKETS, self._packets // 100):
                    raise self._broken() from error
                continue
            yield from frames

    def _frame(self, frame: Any) -> Iterator[Pcm]:
        if frame.time is not None:
            self._began_s = (
                frame.time - self._made / SAMPLE_RATE if self._began_s is None else self._began_s
            )
            lacks = round((frame.time - self._began_s) * SAMPLE_RATE) - self._made
            if lacks > LONGEST_S * SAMPLE_RATE:
                raise _long(self._path)
            while lacks > _GAP:
                piece = min(lacks, SAMPLE_RATE)
                yield np.zeros(piece, dtype=np.float32)
                lacks -= piece
        yield from self._mono.feed(frame)

    def _counted(self, pieces: Iterator[Pcm]) -> Iterator[Pcm]:
        for piece in pieces:
            self._made += len(piece)
            yield piece

    def _broken(self) -> UserError:
        at = _clock(self._made / SAMPLE_RATE)
        return UserError(
            "recording_damaged", f"{self._path} cannot be decoded any more after {at}."
        )


def _cut_riff(path: Path) -> bool:
    """Whether a WAV tells of more bytes than it has; FFmpeg would believe the file's length."""
    with path.open("rb") as file:
        head = file.read(8)
    told = int.from_bytes(head[4:], "little")
    streamed = told in {0, 0xFFFF_FFFF}  # written without knowing its end
    return head[:4] == b"RIFF" and not streamed and told + 8 > path.stat().st_size + 1


def _wall_ms(text: str) -> int:
    """A creation time as MP4, Matroska and others write it; 0 if it is none, or has no zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return max(0, round(at.timestamp() * 1_000)) if at.tzinfo is not None and at > _EARLIEST else 0


_EARLIEST: Final = datetime(
    1971, 1, 1, tzinfo=UTC
)  # a device that does not know writes 1904 or 1970


def _unreadable(path: Path) -> UserError:
    return UserError("audio_format", f"{path} holds no sound we can read. Use {FORMATS}.")


def _long(path: Path) -> UserError:
    return UserError("recording_long", f"{path} is longer than {LONGEST_S // 3_600} hours. Cut it.")


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3_600}:{whole // 60 % 60:02}:{whole % 60:02}"
