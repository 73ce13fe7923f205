"""Whose microphone carries a sound that another one carries too; pure.

One person on two devices, a loudspeaker next to a microphone, the listeners' page open in the
background: each time the same waveform comes in twice, up to 1.8 s apart. Two people who merely
speak at once share none. So microphones are compared pair by pair, by generalised
cross-correlation with phase transform (Knapp and Carter 1976): the last 2 s, 300 to 1,800 Hz, every
frequency weighted alike, so that neither loudness nor the colour of a loudspeaker matters. Each is
also compared with itself a second ago, for the program that comes back from a loudspeaker.
Measured on two voices through Opus and a reverberant room: strangers reach 0.14, an echo 30 dB
down in a line of its own 0.4 to 0.8, under the other's own words 0.15 to 0.6; somebody's own
sound of a second ago 0.18 without, 0.2 to 0.6 in two looks of five with an echo.

Called by `stage.sound` once a tick. Bounded: one transform or one comparison a tick (0.6 ms at
most), 1.0 to 1.9 % of a core for 13 microphones, which are gone through in some 2 s. It mutes nobody.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

Spectrum = NDArray[np.complex64]

_THIN: Final = 4  # to 12 kHz; what folds into the band comes from above 10 kHz
_RATE: Final = SAMPLE_RATE // _THIN
_TICKS: Final = 100  # 2 s
_LENGTH: Final = 2 * _TICKS * TICK_SAMPLES // _THIN  # twice the sound: no lag wraps round
_BAND: Final = slice(300 * _LENGTH // _RATE, 1_800 * _LENGTH // _RATE)
_BINS: Final = _BAND.stop - _BAND.start
_LAGS: Final = 8_192  # of 1 / (_LAGS * _RATE / _LENGTH) s = 0.49 ms
_LAG_S: Final = _LENGTH / _RATE / _LAGS
_FAINT: Final = 0.003  # of the strongest frequency: a pure tone's leakage is no sound of its own
_AUDIBLE: Final = 1e-3  # RMS, -60 dBFS
_ALIKE: Final = 0.16
_ALIKE_SELF: Final = 0.2
_SELF_S: Final = 0.3  # nearer than that it is the room
_SAME_LAG_S: Final = 0.05  # jitter buffers move
_TOGETHER_S: Final = 0.02  # nearer than that the louder one is the source
_SURE: Final = 3  # finds
_WITHIN_S: Final = 15.0
_FORGET_S: Final = 15.0
_ROUND_TICKS: Final = 50  # between two beginnings at least


class EchoFinder:
    """Listens to all microphones of a room. `found` says who sends a copy of whose sound."""

    def __init__(self) -> None:
        self._heard: dict[str, deque[Pcm | None]] = {}  # thinned ticks
        self._finds: dict[tuple[str, str], deque[tuple[float, float]]] = {}  # (when, lag)
        self._copies: dict[tuple[str, str], str] = {}  # pair -> which one is the copy
        self._work: Iterator[None] = iter(())
        self._since_round = 0
        self._now_s = 0.0
        self.work_done = 0  # transforms and comparisons so far; for tests of the bound

    @property
    def found(self) -> dict[str, str]:
        """Copy -> source; a microphone that carries its own sound again is its own source."""
        echoes: dict[str, str] = {}
        for pair, finds in self._finds.items():
            if self._sure(finds):
                copy = self._copies[pair]
                echoes[copy] = pair[0] if copy == pair[1] else pair[1]
        return echoes

    def hear(self, sounds: Mapping[str, Pcm | None], now_s: float) -> None:
        """One tick of every microphone as it came in; None: a pause."""
        for gone in self._heard.keys() - sounds.keys():
            del self._heard[gone]
            self._finds = {pair: it for pair, it in self._finds.items() if gone not in pair}
        for who, pcm in sounds.items():
            ticks = self._heard.setdefault(who, deque(maxlen=_TICKS))
            ticks.append(None if pcm is None else pcm.reshape(-1, _THIN).mean(axis=1))
        self._now_s = now_s
        self._since_round += 1
        if next(self._work, self) is not self:
            self.work_done += 1
        elif self._since_round >= _ROUND_TICKS:
            self._since_round = 0
            self._work = self._round({who: list(ticks) for who, ticks in self._heard.items()})

    def _round(self, heard: Mapping[str, list[Pcm | None]]) -> Iterator[None]:
        """Everybody with everybody, a little at each step."""
        spectra: dict[str, Spectrum] = {}
        powers: dict[str, float] = {}
        for who, ticks in heard.items():
            if sum(tick is not None for tick in ticks) > _TICKS // 2:
                sound = _joined(ticks)
                powers[who] = float(np.dot(sound, sound)) / len(sound)
                if powers[who] > _AUDIBLE**2:
                    spectra[who] = _whitened(sound)
                yield
        for a, b in combinations(spectra, 2):
            alike, lag_s = _compare(spectra[a], spectra[b])
            if alike >= _ALIKE:
                self._note((a, b), lag_s, quieter=a if powers[a] < powers[b] else b)
            yield
        for who in spectra:
            alike, lag_s = _returning(_joined(heard[who]))
            if alike >= _ALIKE_SELF:
                self._note((who, who), lag_s, quieter=who)
            yield
        self._forget()

    def _note(self, pair: tuple[str, str], lag_s: float, *, quieter: str) -> None:
        if not self._heard.keys() >= set(pair):
            return  # somebody left within this round
        self._finds.setdefault(pair, deque(maxlen=2 * _SURE)).append((self._now_s, lag_s))
        late = pair[1] if lag_s > 0 else pair[0]
        self._copies[pair] = quieter if abs(lag_s) < _TOGETHER_S else late

    def _sure(self, finds: deque[tuple[float, float]]) -> bool:
        """Several lately, all with one lag; once sure, the last one keeps it for a while."""
        last_s, lag_s = finds[-1]
        same = [
            at_s
            for at_s, other_s in finds
            if abs(other_s - lag_s) < _SAME_LAG_S and last_s - at_s <= _WITHIN_S
        ]
        return len(same) >= _SURE

    def _forget(self) -> None:
        self._finds = {
            pair: finds
            for pair, finds in self._finds.items()
            if self._now_s - finds[-1][0] < _FORGET_S
        }
        self._copies = {pair: self._copies[pair] for pair in self._finds}


def _joined(ticks: list[Pcm | None]) -> Pcm:
    """The last ticks as one array of full length, silence where there is nothing."""
    size = TICK_SAMPLES // _THIN
    sound = np.zeros(_TICKS * size, dtype=np.float32)
    for n, tick in enumerate(ticks, start=_TICKS - len(ticks)):
        if tick is not None:
            sound[n * size : (n + 1) * size] = tick
    return sound


def _whitened(sound: Pcm) -> Spectrum:
    """The band's frequencies, all of size 1, but for those with hardly anything in them."""
    window = np.hanning(len(sound)).astype(np.float32)
    band = np.fft.rfft(sound * window, _LENGTH)[_BAND].astype(np.complex64)
    size = np.abs(band)
    some = size > _FAINT * size.max()
    return np.where(some, band / np.maximum(size, 1e-12), 0).astype(np.complex64)


def _likeness(a: Spectrum, b: Spectrum) -> Pcm:
    """How alike, 0 to 1, for each lag of b behind a: 0, 1 ..., and the negative ones at the end."""
    return np.asarray(np.abs(np.fft.ifft(b * a.conj(), _LAGS)) * (_LAGS / _BINS), np.float32)


def _compare(a: Spectrum, b: Spectrum) -> tuple[float, float]:
    """How alike at the lag at which they are most; positive: b is the later one."""
    likeness = _likeness(a, b)
    at = int(likeness.argmax())
    return float(likeness[at]), (at if at < _LAGS // 2 else at - _LAGS) * _LAG_S


def _returning(sound: Pcm) -> tuple[float, float]:
    """How much of the first half comes again in the second, which shares no sample with it."""
    half = len(sound) // 2
    apart = round(half / _RATE / _LAG_S)
    likeness = np.roll(_likeness(_whitened(sound[:half]), _whitened(sound[half:])), apart)
    first, last = round(_SELF_S / _LAG_S), 2 * apart - round(0.2 / _LAG_S)
    at = first + int(likeness[first:last].argmax())
    return float(likeness[at]), at * _LAG_S
