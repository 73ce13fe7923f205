"""Sound to a FLAC file: exact to the sample, and silence costs next to nothing. By PyAV.

Why FLAC for a person's own track: an editor lays several files on one timeline, and AAC or MP3
begin with some 40 ms of the encoder's own, which each program treats in its own way; WAV of two
hours is 690 MB, most of it silence. Audacity, Audition, Reaper, Resolve and Logic open it.
Blocks: called by the replay's job.
"""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE

_FULL_SCALE: Final = 32_767


def write_flac(blocks: Iterable[Pcm], target: Path, *, tags: dict[str, str]) -> None:
    """Make `target` of blocks of any length, one after the other: 16 bit, mono.

    Raises OSError for a full disk.
    """
    with av.open(str(target), "w", format="flac") as file:
        stream: Any = file.add_stream("flac", rate=SAMPLE_RATE, layout="mono")
        stream.codec_context.format = "s16"
        file.metadata.update(tags)
        made = 0
        for block in blocks:
            whole = np.rint(np.clip(block, -1.0, 1.0) * _FULL_SCALE).astype(np.int16)
            frame: Any = av.AudioFrame.from_ndarray(
                whole.reshape(1, -1), format="s16", layout="mono"
            )
            frame.sample_rate = SAMPLE_RATE
            frame.pts, frame.time_base = made, Fraction(1, SAMPLE_RATE)
            made += len(block)
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
