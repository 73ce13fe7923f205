"""A beep at each whole second whose pitch says which second: how mouth to ear is measured.

`say --beep` speaks it by the wall clock; `listen` finds it in what it decodes and knows, from
the pitch, which second it heard (modulo 16). Pure. The pitches keep 125 Hz apart and the beep is
long enough to survive speech codecs, levelling and a lost packet.
"""

from typing import Final, NamedTuple

import numpy as np

from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

CODES: Final = 16
LENGTH: Final = SAMPLE_RATE * 120 // 1_000  # samples of one beep
_EDGE: Final = SAMPLE_RATE * 5 // 1_000  # raised cosine at both ends: no click
_LOUD: Final = 0.25
_THIN: Final = 4  # the reader works at 12 kHz: a quarter of the work, no BLAS threads
_HOP: Final = SAMPLE_RATE * 5 // 1_000
_WINDOW: Final = TICK_SAMPLES // _THIN  # 20 ms: bins 50 Hz wide
_HEARD: Final = 0.004  # amplitude, -48 dBFS
_PURE: Final = 0.6  # share of the window's energy that is in the one pitch
_SURE: Final = 8  # hops (40 ms) of one pitch
_STEP_S: Final = 0.2  # by which two beeps may be out of step: more than a jitter buffer moves
_REST: Final = SAMPLE_RATE // 2  # samples after an onset in which no other one is looked for


class Beep(NamedTuple):
    """A beep that was found."""

    code: int  # whole second of its onset, modulo 16
    onset: float  # sample


def pitch_hz(code: int) -> int:
    """500 to 2,375 Hz."""
    return 500 + 125 * (code % CODES)


def _beep(code: int) -> Pcm:
    rising = 0.5 - 0.5 * np.cos(np.pi * np.arange(_EDGE) / _EDGE)
    shape = np.concatenate((rising, np.ones(LENGTH - 2 * _EDGE), rising[::-1]))
    wave = np.sin(2 * np.pi * pitch_hz(code) * np.arange(LENGTH) / SAMPLE_RATE)
    return (_LOUD * shape * wave).astype(np.float32)


_BEEPS: Final = [_beep(code) for code in range(CODES)]


def beep_block(wall_samples: int) -> Pcm:
    """960 samples of the endless beeping; the first one is spoken `wall_samples` after 1970."""
    block = np.zeros(TICK_SAMPLES, dtype=np.float32)
    first = wall_samples // SAMPLE_RATE
    for second in (first, first + 1):
        at = second * SAMPLE_RATE - wall_samples  # where its beep begins in this block
        start, end = max(at, 0), min(at + LENGTH, TICK_SAMPLES)
        if start < end:
            block[start:end] = _BEEPS[second % CODES][start - at : end - at]
    return block


class BeepReader:
    """Finds beeps in a stream of samples; within 2 ms of the truth through Opus and AAC."""

    def __init__(self) -> None:
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
        turns = np.outer(np.arange(_WINDOW), [pitch_hz(code) for code in range(CODES)])
        self._filters = hann[:, None] * np.exp(-2j * np.pi * turns * _THIN / SAMPLE_RATE)
        self._hann = hann
        self._gain = 2.0 / hann.sum()
        self._next = 0  # sample of the first one that waits
        self.reset(0)

    def reset(self, sample: int) -> None:
        """The stream goes on at `sample` after a gap."""
        self._waiting = np.zeros(0, dtype=np.float32)
        self._next = sample
        self._levels: list[float] = []  # of the candidate pitch, one for each hop
        self._code = -1
        self._quiet_until = sample
        self._recent: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []

    def feed(self, pcm: Pcm) -> list[Beep]:
        """Beeps whose 40th millisecond is in these samples, which follow the last ones."""
        self._waiting = np.concatenate((self._waiting, pcm))
        found = []
        while len(self._waiting) >= TICK_SAMPLES:
            window = self._waiting[:TICK_SAMPLES].reshape(-1, _THIN).mean(axis=1)
            beep = self._look(window, self._next + TICK_SAMPLES / 2)
            found += [beep] if beep else []
            self._waiting = self._waiting[_HOP:]
            self._next += _HOP
        return found

    def _look(self, window: Pcm, centre: float) -> Beep | None:
        amplitudes = np.abs(window @ self._filters) * self._gain
        self._recent = [*self._recent[-(_SURE + 8) :], amplitudes]
        code = int(amplitudes.argmax())
        energy = float((window * window * self._hann).sum() * self._gain)  # a sine's amplitude²
        pure = energy > 0 and float(amplitudes[code]) ** 2 > _PURE * energy
        if not pure or amplitudes[code] < _HEARD or centre < self._quiet_until:
            self._levels.clear()
            return None
        if code != self._code:
            self._levels.clear()
            self._code = code
        self._levels.append(float(amplitudes[code]))
        if len(self._levels) != _SURE:
            return None
        self._quiet_until = int(centre) + _REST
        onset = self._onset(centre)
        return None if onset is None else Beep(code, onset - _EDGE / 2)

    def _onset(self, centre: float) -> float | None:
        """Where the pitch rose past half of its level: there half of the window was in the beep."""
        levels = [float(each[self._code]) for each in self._recent]
        half = max(levels) / 2
        for i in range(len(levels) - 2, -1, -1):
            low, high = levels[i], levels[i + 1]
            if low < half <= high:
                return centre - (len(levels) - 1 - i - (half - low) / (high - low)) * _HOP
        return None  # it began before we listened


def in_step(before: Beep, beep: Beep) -> bool:
    """Whether two beeps agree about the time between them.

    A vowel may hold one beep's pitch for 40 ms: `listen` took a voice for a beep each few seconds,
    and said "mouth to ear 8239 ms". Two in step are rare.
    """
    passed_s = (beep.onset - before.onset) / SAMPLE_RATE
    off_s = (passed_s - (beep.code - before.code) + CODES / 2) % CODES - CODES / 2
    return abs(off_s) < _STEP_S


def delay_s(beep_code: int, heard_wall_s: float) -> float:
    """How long ago the last whole second with this code was: 0 <= delay < 16."""
    return (heard_wall_s - beep_code) % CODES
