"""The program's renditions, each encoded once and a little at every tick.

`stage.mix.program` feeds 16 ticks and takes a part. The work is spread: no tick does more than one
frame of each codec, so a part's end is as cheap as its middle. Which frames belong to part N
follows from N alone (opus 16, opus-low 16, aac 15, mp3 by `wire.names.mp3_frames_before`).

Delays, from the first sample fed to where the decoder plays it: Opus 6.5 ms (look-ahead), AAC
42.7 ms (one frame of MDCT, one of look-ahead, because the last of the 15 frames must be out at
the last tick), MP3 47.0 ms (one frame, and LAME's and the decoder's 1,105 samples).
"""

from collections.abc import Container
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np

from hustings.media.opus import OpusEncoder
from hustings.media.pcm import Pcm
from hustings.wire.names import (
    AAC,
    AAC_FRAME,
    MP3,
    MP3_FRAME,
    OPUS,
    OPUS_LOW,
    PART_SAMPLES,
    PART_TICKS,
    SAMPLE_RATE,
    TICK_SAMPLES,
    mp3_frames_before,
)


class _FrameEncoder:
    """PyAV encoder that returns exactly one packet for each frame of `size` samples.

    FFmpeg's AAC and LAME keep one frame back; one frame of silence at the start takes that up.
    """

    def __init__(self, codec: str, size: int, *, skipped: int = 0, **options: str) -> None:
        context: Any = av.CodecContext.create(codec, "w")
        context.sample_rate = SAMPLE_RATE
        context.layout = "mono"
        context.format = "fltp"
        context.bit_rate = 64_000
        context.time_base = Fraction(1, SAMPLE_RATE)
        context.options = options
        context.thread_count = 1
        context.flags |= av.codec.context.Flags.global_header  # extradata now, not in-band
        context.open()
        self._context = context
        self._size = size
        self._fed = 0
        # Room for a frame and a tick; the first `skipped` samples of the first frame are silence.
        self._waiting = np.zeros(size + TICK_SAMPLES, dtype=np.float32)
        self._filled = skipped
        if self._encode(np.zeros(size, dtype=np.float32)):
            raise RuntimeError(f"{codec} no longer keeps one frame back; see _FrameEncoder")

    def feed(self, pcm: Pcm) -> list[bytes]:
        """The frames that this tick completes, none or one."""
        self._waiting[self._filled : self._filled + TICK_SAMPLES] = pcm
        self._filled += TICK_SAMPLES
        if self._filled < self._size:
            return []
        packets = self._encode(self._waiting[: self._size])
        rest = self._filled - self._size
        self._waiting[:rest] = self._waiting[self._size : self._filled].copy()
        self._filled = rest
        return packets

    def _encode(self, samples: Pcm) -> list[bytes]:
        frame: Any = av.AudioFrame.from_ndarray(
            samples.reshape(1, -1), format="fltp", layout="mono"
        )
        frame.sample_rate = SAMPLE_RATE
        frame.pts = self._fed
        frame.time_base = Fraction(1, SAMPLE_RATE)
        self._fed += self._size
        return [bytes(packet) for packet in self._context.encode(frame)]


# Coder `fast`, not the default `twoloop`: half its CPU (0.36 against 0.66 % of a core) and nearer
# to the original at this rate (SNR of speech 31 against 24 dB; FFmpeg 8.1).
def _aac() -> _FrameEncoder:
    return _FrameEncoder("aac", AAC_FRAME, aac_coder="fast")


def _mp3(part: int) -> _FrameEncoder:
    """No bit reservoir: a listener may join at any frame. Its frames run across parts."""
    skipped = part * PART_SAMPLES - mp3_frames_before(part) * MP3_FRAME
    return _FrameEncoder("libmp3lame", MP3_FRAME, skipped=skipped, reservoir="0")


class ProgramEncoder:
    """All renditions of one room's program.

    radio: also make MP3. part: the number of the first part; needed to place MP3 frames.
    only: make just these; whoever is in a hurry gives each rendition a thread of its own.
    """

    radio: Final[bool]

    def __init__(self, radio: bool, *, part: int = 0, only: Container[str] | None = None) -> None:
        self.radio = radio
        self._only = only
        self.reset(part)

    def reset(self, part: int = 0) -> None:
        """Begin anew at `part`; what was fed of an unfinished part is dropped."""
        self._opus = {}
        if self._makes(OPUS):
            self._opus[OPUS] = OpusEncoder(32_000, application="audio", complexity=9)
        if self._makes(OPUS_LOW):
            self._opus[OPUS_LOW] = OpusEncoder(12_000, application="audio", complexity=5)
        self._framed = {}
        if self._makes(AAC):
            self._framed[AAC] = _aac()
        if self.radio and self._makes(MP3):
            self._framed[MP3] = _mp3(part)
        self._part = part
        self._ticks = 0
        self._frames: dict[str, list[bytes]] = {}

    def _makes(self, rendition: str) -> bool:
        return self._only is None or rendition in self._only

    def feed(self, pcm: Pcm) -> None:
        """Encode one tick of 960 samples. Raises ValueError if a whole part waits to be taken."""
        if self._ticks == PART_TICKS:
            raise ValueError("take the part before feeding the next one")
        # A part's first frame refers to nothing before it: at the seams between program and
        # hold audio, and for who joins there, the decoder is right at once. Not in opus-low:
        # that is SILK, which recovers by itself and would dip by 9 dB in music (measured).
        first = self._ticks == 0
        for name, opus in self._opus.items():
            self._frames.setdefault(name, []).append(
                opus.encode(pcm, independent=first and name == OPUS)
            )
        for name, encoder in self._framed.items():
            self._frames.setdefault(name, []).extend(encoder.feed(pcm))
        self._ticks += 1

    def take_part(self, n: int) -> dict[str, list[bytes]]:
        """The frames of part `n` by rendition, once 16 ticks were fed; ValueError otherwise."""
        if self._ticks != PART_TICKS or n != self._part:
            raise ValueError(f"part {self._part} has {self._ticks} ticks; part {n} was asked for")
        taken, self._frames = self._frames, {}
        self._part += 1
        self._ticks = 0
        return taken
