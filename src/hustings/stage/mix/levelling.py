"""Who speaks, and how loud they are to be: speech detection, a gate and loudness levelling; pure.

Levelling must not pump: the gain follows only what was measured while somebody spoke, and
stands still in the pauses, so room noise never swells up between two words.
Called by `stage.mix.voice`, once for each tick of 20 ms.
"""

from typing import Final

import numpy as np

from hustings.media.pcm import FLOOR_DBFS, Pcm
from hustings.wire.names import TICK_SAMPLES

TARGET_DBFS: Final = -20.0
"""Where speech is brought to; leaves some 15 dB for its peaks, and for two who speak at once."""

_LEAST_DB: Final = -15.0
_MOST_DB: Final = 15.0
_MEMORY: Final = 500  # ticks of speech that the loudness is averaged over: 10 s
_QUICK: Final = 100  # ticks of speech in which a newcomer is brought to level: 2 s
_QUICK_DB: Final = 0.24  # a tick: 12 dB/s
_SLOW_DB: Final = 0.04  # a tick: 2 dB/s, below what one hears as a change

_ABOVE_NOISE_DB: Final = 9.0
_LOUD_RANGE: Final = (-50.0, -40.0)  # dBFS; the threshold stays in it whatever the noise
_NOISE_RISE_DB: Final = 0.03  # a tick: 1.5 dB/s, slower than any word
_ON_TICKS: Final = 3  # of the last 5
_OFF_TICKS: Final = 30  # 600 ms: the pauses inside a sentence
_GATE_BELOW_DB: Final = 5.0  # the gate opens before speech is sure
_GATE_TICKS: Final = 60  # 1.2 s open after the last sound
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
    """Brings one speaker to `TARGET_DBFS` and closes the line while they are silent.

    The gain is within 15 dB of nothing; a closed line saves a mix-minus encode and keeps the
    hum of 13 rooms out of the program.
    """

    def __init__(self) -> None:
        self._power = 0.0  # mean over speech
        self._spoken = 0  # ticks of speech measured
        self._gain_db = 0.0
        self._gain = 1.0  # as applied at the end of the last tick
        self._open = 0  # ticks the gate stays open

    @property
    def gain_db(self) -> float:
        """The gain now."""
        return self._gain_db

    def apply(self, pcm: Pcm, level_dbfs: float, speech: SpeechDetector) -> Pcm | None:
        """The tick at its level, as a new array; None while the gate is closed."""
        if speech.loud:
            self._measure(level_dbfs)
        was_open = self._open > 0
        if level_dbfs > speech.threshold_dbfs - _GATE_BELOW_DB:
            self._open = _GATE_TICKS
        elif was_open:
            self._open -= 1
        if self._open == 0:
            self._gain = 0.0
            return None
        # The last ticks before it closes fade out; opening takes 2.5 ms.
        wanted = 10 ** (self._gain_db / 20) * min(1.0, (self._open - 1) / _FADE_TICKS)
        ramp = _RAMP if was_open else _ATTACK
        start, self._gain = self._gain, wanted
        if start == wanted:
            return pcm * np.float32(wanted)
        return pcm * (np.float32(start) + ramp * np.float32(wanted - start))

    def close(self) -> None:
        """The stream paused: the next sound opens the gate anew. Level and gain stay."""
        self._open = 0
        self._gain = 0.0

    def _measure(self, level_dbfs: float) -> None:
        self._spoken += 1
        self._power += (10 ** (level_dbfs / 10) - self._power) / min(self._spoken, _MEMORY)
        wanted = min(_MOST_DB, max(_LEAST_DB, TARGET_DBFS - 10 * float(np.log10(self._power))))
        step = _QUICK_DB if self._spoken <= _QUICK else _SLOW_DB
        self._gain_db += min(step, max(-step, wanted - self._gain_db))
