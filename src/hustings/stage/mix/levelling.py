"""Who speaks, and how loud they are to be: speech detection, a gate and loudness levelling; pure.

Levelling must not pump: the gain follows only what was measured while somebody spoke, and
stands still in the pauses, so room noise never swells up between two words. The gate is gentle: it
takes 12 dB off between sentences, opens within 2.5 ms, and shuts only for who says nothing at all.
Called by `stage.mix.voice`, once for each tick of 20 ms.
"""

from typing import Final

import numpy as np

from hustings.media.pcm import FLOOR_DBFS, Pcm
from hustings.stage.mix.loudness import lufs, power
from hustings.wire.names import TICK_SAMPLES

TARGET_LUFS: Final = -18.0
"""Where speech is brought to; leaves some 12 dB for its peaks, and for two who speak at once."""

RANGE_DB: Final = 9.0
"""What levelling adds or takes at most; more would lift the room along."""

_MEMORY: Final = 250  # ticks of speech that the loudness is averaged over: 5 s
_QUICK: Final = 100  # ticks of speech in which a newcomer is brought to level: 2 s
_QUICK_DB: Final = 0.24  # a tick: 12 dB/s
_SLOW_DB: Final = 0.04  # a tick: 2 dB/s, below what one hears as a change

_ABOVE_NOISE_DB: Final = 9.0
_LOUD_RANGE: Final = (-50.0, -40.0)  # dBFS; the threshold stays in it whatever the noise
_NOISE_RISE_DB: Final = 0.03  # a tick: 1.5 dB/s, slower than any word
_ON_TICKS: Final = 3  # of the last 5
_OFF_TICKS: Final = 30  # 600 ms: the pauses inside a sentence
_GATE_BELOW_DB: Final = 5.0  # the gate opens before speech is sure
_HOLD_TICKS: Final = 60  # 1.2 s fully open after the last sound
_EASE_DB: Final = 0.6  # a tick, down to REST_DB: 0.4 s
REST_DB: Final = -12.0
"""What the gate takes off in a pause."""
_SHUT_TICKS: Final = 500  # 10 s without a sound: they listen, and their line is shut
_FADE_TICKS: Final = 10

_RAMP: Final[Pcm] = np.linspace(0.0, 1.0, TICK_SAMPLES, dtype=np.float32)
_ATTACK: Final[Pcm] = np.clip(_RAMP * 8, 0.0, 1.0).astype(np.float32)  # 2.5 ms: no click


class SpeechDetector:
    """Speaking or not, with hysteresis, from the level of each tick.

    loud: this tick is above the noise. speaking: for people; on after 60 ms, off after 600 ms.
    """

    def __init__(self) -> None:
        self.loud = False
        self.speaking = False
        self.threshold_dbfs = _LOUD_RANGE[0]
        self._noise_dbfs = -60.0
        self._recent = 0  # the last 5 ticks, a bit each
        self._silent_ticks = 0

    def feed(self, level_dbfs: float) -> None:
        """One tick. Digital silence says nothing about the room's noise."""
        if level_dbfs > FLOOR_DBFS:
            risen = self._noise_dbfs + _NOISE_RISE_DB
            self._noise_dbfs = min(risen, level_dbfs, _LOUD_RANGE[1])
        low, high = _LOUD_RANGE
        self.threshold_dbfs = min(high, max(low, self._noise_dbfs + _ABOVE_NOISE_DB))
        self.loud = level_dbfs > self.threshold_dbfs
        self._recent = (self._recent << 1 | self.loud) & 0b11111
        self._silent_ticks = 0 if self.loud else self._silent_ticks + 1
        if self._recent.bit_count() >= _ON_TICKS:
            self.speaking = True
        elif self._silent_ticks >= _OFF_TICKS:
            self.speaking = False


class Leveller:
    """Brings one speaker to `TARGET_LUFS`, and down while they pause.

    A line that is shut for good saves a mix-minus encode and keeps the hum of 13 rooms out of
    the program. trim_db: by the host, on top of what levelling does.
    """

    def __init__(self) -> None:
        self.trim_db = 0.0
        self._power = 0.0  # K-weighted mean over speech
        self._spoken = 0  # ticks of speech measured
        self._gain_db = 0.0
        self._gain = 0.0  # as applied at the end of the last tick
        self._silent = _SHUT_TICKS  # ticks since the last sound

    @property
    def gain_db(self) -> float:
        """What levelling does now."""
        return self._gain_db

    def apply(self, pcm: Pcm, level_dbfs: float, speech: SpeechDetector) -> Pcm | None:
        """The tick at its level, as a new array; None while the line is shut."""
        if speech.loud:
            self._measure(pcm)
        was_open = self._silent < _HOLD_TICKS
        heard = level_dbfs > speech.threshold_dbfs - _GATE_BELOW_DB
        self._silent = 0 if heard else min(self._silent + 1, _SHUT_TICKS)
        if self._silent == _SHUT_TICKS:
            self._gain = 0.0
            return None
        wanted = 10 ** ((self._gain_db + self.trim_db) / 20) * self._gate()
        ramp = _RAMP if was_open or not heard else _ATTACK
        start, self._gain = self._gain, wanted
        if start == wanted:
            return pcm * np.float32(wanted)
        return pcm * (np.float32(start) + ramp * np.float32(wanted - start))

    def close(self) -> None:
        """The stream paused: the next sound opens the gate anew. Level and gain stay."""
        self._silent = _SHUT_TICKS
        self._gain = 0.0

    def _gate(self) -> float:
        """1 in a sentence, less in a pause, 0 where the line is about to be shut."""
        eased_db = max(REST_DB, -_EASE_DB * max(0, self._silent - _HOLD_TICKS))
        fade = min(1.0, (_SHUT_TICKS - 1 - self._silent) / _FADE_TICKS)
        return float(10 ** (eased_db / 20) * fade)

    def _measure(self, pcm: Pcm) -> None:
        self._spoken += 1
        self._power += (power(pcm) - self._power) / min(self._spoken, _MEMORY)
        wanted = min(RANGE_DB, max(-RANGE_DB, TARGET_LUFS - lufs(self._power)))
        step = _QUICK_DB if self._spoken <= _QUICK else _SLOW_DB
        self._gain_db += min(step, max(-step, wanted - self._gain_db))
