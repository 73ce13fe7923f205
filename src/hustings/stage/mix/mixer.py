"""All voices into one program, and for each speaker the program without themselves; pure.

Who is silent hears exactly the program: the same array object, so that one encode serves them
all (`stage.studio` compares by `is`). A limiter with one gain for the program and every
mix-minus keeps loud moments down; a soft knee behind it makes full scale impossible to pass.
Called by `stage.studio` each 20 ms.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from hustings.base.ids import ParticipantId
from hustings.media.pcm import SILENCE, Pcm
from hustings.wire.names import TICK_SAMPLES

_CEILING: Final = 0.9  # where the gain holds peaks
_KNEE: Final = 0.8  # up to here the sound is untouched
_ROOM: Final = 0.19  # the rest up to 0.99, which tanh never leaves
_RELEASE: Final = 10 ** (6.0 * 0.02 / 20)  # the gain recovers by 6 dB a second
_ATTACK: Final[Pcm] = np.clip(
    np.linspace(0.0, 20.0, TICK_SAMPLES, dtype=np.float32), 0.0, 1.0
).astype(np.float32)  # 1 ms


class Mixed(NamedTuple):
    """One tick: the program, and what each participant is to hear."""

    program: Pcm
    minus: dict[ParticipantId, Pcm]


class Mixer:
    """Mixes one room. Keeps nothing but the limiter's gain."""

    def __init__(self) -> None:
        self._gain = 1.0

    def mix(self, voices: Mapping[ParticipantId, Pcm | None]) -> Mixed:
        """One tick of 960 samples from everybody who may hear; the inputs are not changed.

        None, or an array of zeros: silent; they share the program's own array.
        """
        heard = {who: pcm for who, pcm in voices.items() if pcm is not None and pcm.any()}
        if not heard:
            self._gain = min(1.0, self._gain * _RELEASE)
            return Mixed(SILENCE, dict.fromkeys(voices, SILENCE))
        total: Pcm = np.sum(list(heard.values()), axis=0, dtype=np.float32)
        gain = self._next_gain(total)
        program = limited(total, gain)
        minus = dict.fromkeys(voices, program)
        for who, pcm in heard.items():
            minus[who] = limited(total - pcm, gain) if len(heard) > 1 else SILENCE
        return Mixed(program, minus)

    def _next_gain(self, total: Pcm) -> Pcm | None:
        """The gain over this tick; None while it is 1."""
        peak = float(max(total.max(), -total.min()))
        allowed = min(1.0, _CEILING / peak) if peak > 0 else 1.0
        before, self._gain = self._gain, min(allowed, self._gain * _RELEASE)
        if before == self._gain == 1.0:
            return None
        return np.float32(before) + _ATTACK * np.float32(self._gain - before)


def limited(pcm: Pcm, gain: Pcm | None = None) -> Pcm:
    """At most full scale: `gain` if given, then a soft knee; below it the sound is untouched."""
    if gain is not None:
        pcm = pcm * gain
    if pcm.max() <= _KNEE and pcm.min() >= -_KNEE:
        return pcm
    size = np.abs(pcm)
    bent = np.float32(_KNEE) + np.float32(_ROOM) * np.tanh((size - _KNEE) / np.float32(_ROOM))
    return np.where(size <= _KNEE, pcm, np.copysign(bent, pcm)).astype(np.float32)
