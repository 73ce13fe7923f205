"""Frames of any rendition back to sound, one at a time: for `listen` and tests."""

from typing import Any, Final

import av
import numpy as np

from hustings.base.errors import PeerError
from hustings.media.cmaf import AAC_CONFIG
from hustings.media.opus import OpusDecoder
from hustings.media.pcm import Pcm
from hustings.wire.names import AAC, AAC_FRAME, MP3, MP3_FRAME, OPUS, OPUS_LOW, TICK_SAMPLES

FRAME_SAMPLES: Final = {OPUS: TICK_SAMPLES, OPUS_LOW: TICK_SAMPLES, AAC: AAC_FRAME, MP3: MP3_FRAME}


class FrameDecoder:
    """Decodes a rendition; every frame gives the same number of samples."""

    def __init__(self, rendition: str) -> None:
        self.samples = FRAME_SAMPLES[rendition]
        self.damaged = 0
        self._rendition = rendition
        self.reset()

    def reset(self) -> None:
        """The next frame does not follow the last one."""
        self._opus = OpusDecoder() if self._rendition in {OPUS, OPUS_LOW} else None
        self._codec: Any = None
        if self._opus is None:
            self._codec = av.CodecContext.create(
                "aac" if self._rendition == AAC else "mp3float", "r"
            )
            if self._rendition == AAC:
                self._codec.extradata = AAC_CONFIG

    def decode(self, frame: bytes) -> Pcm:
        """The frame's sound; silence, counted in `damaged`, if it cannot be decoded."""
        try:
            if self._opus is not None:
                pcm = self._opus.decode(frame)
            else:
                found = [each.to_ndarray()[0] for each in self._codec.decode(av.Packet(frame))]
                pcm = np.concatenate(found).astype(np.float32, copy=False)
        except (av.FFmpegError, ValueError, PeerError):
            pcm = np.zeros(0, dtype=np.float32)
        if len(pcm) != self.samples:
            self.damaged += 1
            pcm = np.resize(pcm, self.samples) if len(pcm) else np.zeros(self.samples, np.float32)
        return pcm


class Mp3Splitter:
    """MP3 frames from a stream of bytes that is cut anywhere, and may begin anywhere."""

    def __init__(self) -> None:
        self._codec: Any = av.CodecContext.create("mp3", "r")

    def feed(self, data: bytes) -> list[bytes]:
        """Frames that are complete; the last one waits for the next one's head."""
        return [bytes(packet) for packet in self._codec.parse(data)]
