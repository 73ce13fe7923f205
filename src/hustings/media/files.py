"""Audio files of any kind as mono 48 kHz blocks, for `say`, the demo and benches."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np

from hustings.base.errors import UserError
from hustings.media.mono import Mono
from hustings.media.pcm import Pcm
from hustings.wire.names import TICK_SAMPLES

FORMATS = "WAV, FLAC, MP3, M4A/AAC, Ogg Vorbis, Opus, WebM or the sound track of an MP4"


def read_audio(path: str | Path) -> Iterator[Pcm]:
    """The file as blocks of 960 samples, decoded as they are asked for; the last is padded.

    Raises UserError at the call, not at the first block: `audio_missing` if there is no such
    file, `audio_format` (naming what can be read) if it holds no sound. Sound that breaks off
    in the middle of a damaged file ends there.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError("audio_missing", f"There is no file {path}.", path=str(path))
    blocks = _blocks(path)
    try:
        first = next(blocks, None)
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise _unreadable(path) from error
    if first is None:
        raise _unreadable(path)
    return _rest(first, blocks)


def _unreadable(path: Path) -> UserError:
    return UserError("audio_format", f"{path} holds no sound we can read. Use {FORMATS}.")


def _rest(first: Pcm, blocks: Iterator[Pcm]) -> Iterator[Pcm]:
    yield first
    with contextlib.suppress(av.FFmpegError):
        yield from blocks


def _blocks(path: Path) -> Iterator[Pcm]:
    with av.open(str(path)) as container:
        stream: Any = container.streams.audio[0]
        waiting = np.zeros(0, dtype=np.float32)
        for samples in _samples(container, stream):
            waiting = np.concatenate((waiting, samples))
            whole = len(waiting) - len(waiting) % TICK_SAMPLES
            for at in range(0, whole, TICK_SAMPLES):
                yield waiting[at : at + TICK_SAMPLES]
            waiting = waiting[whole:]
        if len(waiting):
            yield np.pad(waiting, (0, TICK_SAMPLES - len(waiting)))


def _samples(container: Any, stream: Any) -> Iterator[Pcm]:
    mono = Mono()
    for frame in container.decode(stream):
        yield from mono.feed(frame)
    yield from mono.feed(None)
