"""Uncompressed sound as every module passes it: mono, 48 kHz, float32 in [-1, 1]; pure.

Arrays that travel between modules are never changed in place: the same array may be on its way
to several listeners (see `stage.mix.mixer`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hustings.wire.names import TICK_SAMPLES

Pcm = NDArray[np.float32]
"""Mono 48 kHz samples, shape (n,), nominally in [-1, 1]."""

FLOOR_DBFS: Final = -100.0
"""What `dbfs` says of digital silence."""


def _silence() -> Pcm:
    pcm = np.zeros(TICK_SAMPLES, dtype=np.float32)
    pcm.flags.writeable = False
    return pcm


SILENCE: Final = _silence()
"""One tick of nothing; read-only, shared by all."""


def dbfs(pcm: Pcm) -> float:
    """RMS level in dB relative to full scale (a full-scale square wave is 0), at least -100."""
    if pcm.size == 0:
        return FLOOR_DBFS
    # dot: 1 µs for a tick, a tenth of np.mean(pcm**2)
    power = float(np.dot(pcm, pcm)) / pcm.size
    return max(FLOOR_DBFS, 10.0 * float(np.log10(power))) if power > 0 else FLOOR_DBFS
