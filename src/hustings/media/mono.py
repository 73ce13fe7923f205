"""Decoded frames of any layout and rate as mono 48 kHz, no louder than they came.

Called by whatever reads outside sound: `media.files`, `media.recording`, `media.live`.
"""

from collections.abc import Iterator
from typing import Any

import av
import numpy as np

from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE


class Mono:
    """One stream's mix; its frames may change their kind on the way, as radio automation does."""

    def __init__(self) -> None:
        self._kind: object = None
        self._resampler: Any = None

    def feed(self, frame: Any) -> Iterator[Pcm]:
        """The sound of a frame, as far as the filter gives it; None: what it still holds."""
        kind = frame and (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._kind:
            if self._resampler is not None:
                yield from self._mixed(None)
            # By 16 bit: only then does FFmpeg scale a mix of channels so that it cannot clip (to
            # float it makes equal channels 3 dB louder).
            self._resampler = kind and av.AudioResampler("s16", "mono", SAMPLE_RATE)
            self._kind = kind
        if frame is not None:
            yield from self._mixed(frame)

    def _mixed(self, frame: Any) -> Iterator[Pcm]:
        for part in self._resampler.resample(frame):
            yield part.to_ndarray().reshape(-1).astype(np.float32) / 32_768
