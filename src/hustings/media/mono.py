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
    """One stream's mix; frames must keep their format, layout and rate."""

    def __init__(self) -> None:
        # By 16 bit: only then does FFmpeg scale a mix of channels so that it cannot clip (to float
        # it makes equal channels 3 dB louder).
        self._resampler: Any = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)

    def feed(self, frame: Any) -> Iterator[Pcm]:
        """The sound of a frame, as far as the filter gives it; None: what it still holds."""
        for part in self._resampler.resample(frame):
            yield part.to_ndarray().reshape(-1).astype(np.float32) / 32_768
