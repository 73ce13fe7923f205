"""Loudness against the standard's own figures, and against its filter run sample by sample."""

import numpy as np
import pytest

from hustings.media.pcm import SILENCE, Pcm
from hustings.stage.mix.loudness import _HIGH_PASS, _SHELF, FLOOR_LUFS, ShortTerm, lufs, power
from tests.fakes.sounds import speech, tone


def filtered(pcm: Pcm) -> np.ndarray:
    """BS.1770's two filters as difference equations."""
    out = pcm.astype(np.float64)
    for b, a in (_SHELF, _HIGH_PASS):
        x1 = x2 = y1 = y2 = 0.0
        for n, x in enumerate(out):
            y = b[0] * x + b[1] * x1 + b[2] * x2 - a[1] * y1 - a[2] * y2
            x1, x2, y1, y2 = x, x1, y, y1
            out[n] = y
    return out


@pytest.mark.parametrize(("peak_db", "hertz"), [(-23, 1_000), (-33, 1_000), (0, 1_000)])
def test_the_standards_own_tones(peak_db: float, hertz: float) -> None:
    """BS.1770-4 Annex 1: a sine of about 1 kHz at 0 dBFS in one channel is -3.01 LUFS."""
    pcm = tone(960, hertz, 10 ** (peak_db / 20))
    assert lufs(power(pcm)) == pytest.approx(peak_db - 3.01, abs=0.1)


def test_speech_as_the_filter_itself_measures_it() -> None:
    spoken = speech(50)
    exact = float(np.mean(filtered(np.concatenate(spoken)) ** 2))
    assert lufs(sum(map(power, spoken)) / 50) == pytest.approx(lufs(exact), abs=0.2)


def test_hum_counts_little_and_silence_nothing() -> None:
    assert lufs(power(tone(960, 50, 0.1))) < lufs(power(tone(960, 1_000, 0.1))) - 4
    assert lufs(power(SILENCE)) == FLOOR_LUFS
    assert ShortTerm().lufs == FLOOR_LUFS


def test_short_term_forgets_after_three_seconds() -> None:
    meter = ShortTerm()
    for pcm in speech(100):
        meter.feed(pcm)
    assert meter.lufs > -35
    for _ in range(150):
        meter.feed(SILENCE)
    assert meter.lufs == FLOOR_LUFS
