"""How loud sound is to people: loudness units by ITU-R BS.1770-4 and EBU R 128; pure.

The K-weighting filter is applied to the spectrum of each tick (12 µs) instead of sample by
sample: of a mean power only the sizes of the frequencies count. Against the filter itself that is within
0.2 LU on speech. Called by `stage.mix.levelling` for each voice and by `stage.sound` for the program.
"""

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

FLOOR_LUFS: Final = -70.0
"""R 128's absolute gate: below it is silence."""

_OFFSET_DB: Final = -0.691  # BS.1770: a 997 Hz sine at full scale in one channel is -3.01 LUFS
_SHORT_TICKS: Final = 150  # 3 s: R 128's short-term loudness
# BS.1770-4, tables 1 and 2, at 48 kHz: the head as a sphere, then the low frequencies away.
_SHELF: Final = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
_HIGH_PASS: Final = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


def _weights() -> NDArray[np.float32]:
    """What each frequency of a tick adds to its mean power."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(TICK_SAMPLES))
    response = np.ones_like(z)
    for above, below in (_SHELF, _HIGH_PASS):
        response *= np.polyval(above[::-1], z) / np.polyval(below[::-1], z)
    both_sides = np.full(len(z), 2.0)
    both_sides[[0, -1]] = 1.0
    return np.asarray(both_sides * np.abs(response) ** 2 / TICK_SAMPLES**2, dtype=np.float32)


_WEIGHTS: Final = _weights()
assert SAMPLE_RATE == 48_000, "the filters' numbers are for this rate"


def power(pcm: Pcm) -> float:
    """Mean K-weighted power of one tick, 960 samples."""
    spectrum = np.fft.rfft(pcm)
    return float(np.dot(_WEIGHTS, spectrum.real**2 + spectrum.imag**2))


def lufs(mean_power: float) -> float:
    """Loudness of a mean of `power`, at least -70."""
    if mean_power <= 0:
        return FLOOR_LUFS
    return max(FLOOR_LUFS, _OFFSET_DB + 10 * float(np.log10(mean_power)))


class ShortTerm:
    """Loudness of the last 3 s."""

    def __init__(self) -> None:
        self._powers: deque[float] = deque(maxlen=_SHORT_TICKS)

    def feed(self, pcm: Pcm) -> None:
        """One tick."""
        self._powers.append(power(pcm))

    @property
    def lufs(self) -> float:
        """Now; -70 is silence."""
        return lufs(sum(self._powers) / len(self._powers)) if self._powers else FLOOR_LUFS
