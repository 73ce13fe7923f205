import numpy as np
import pytest

from hustings.media.pcm import SILENCE, Pcm, dbfs
from hustings.stage.mix.levelling import TARGET_DBFS, Leveller, SpeechDetector
from tests.fakes.sounds import speech, tone


class Chain:
    """Detector and leveller as a voice has them."""

    def __init__(self) -> None:
        self.detector, self.leveller = SpeechDetector(), Leveller()

    def feed(self, pcm: Pcm) -> Pcm | None:
        level = dbfs(pcm)
        self.detector.feed(level)
        return self.leveller.apply(pcm, level, self.detector)


def hiss(dbfs_wanted: float, count: int, seed: int = 3) -> list[Pcm]:
    noise = np.random.default_rng(seed).standard_normal((count, 960)).astype(np.float32)
    return list(noise * np.float32(10 ** (dbfs_wanted / 20)))


def loudness(heard: list[Pcm | None]) -> float:
    """Power mean of the ticks that sound."""
    loud = [p for p in heard if p is not None and dbfs(p) > TARGET_DBFS - 20]
    return dbfs(np.concatenate(loud))


@pytest.mark.parametrize("shift_db", [-14, -6, 0, 6])
def test_every_speaker_comes_to_one_level(shift_db: float) -> None:
    spoken = [pcm * np.float32(10 ** (shift_db / 20)) for pcm in speech(1_000)]
    chain = Chain()
    heard = [chain.feed(pcm) for pcm in spoken]
    assert loudness(heard[250:]) == pytest.approx(TARGET_DBFS, abs=2)


def test_the_gain_has_limits() -> None:
    for peak, gain in ((0.9, -15), (0.006, 15)):
        chain = Chain()
        for _ in range(1_000):
            chain.feed(tone(960, 400, peak))
        assert chain.leveller.gain_db == pytest.approx(gain, abs=2.1)
    assert -15 <= chain.leveller.gain_db <= 15


def test_no_pumping_in_pauses() -> None:
    """The gain stands still while only the room is heard, and noise is never lifted."""
    chain = Chain()
    quiet_speech = [pcm * np.float32(0.25) for pcm in speech(400)]
    for pcm in quiet_speech:
        chain.feed(pcm)
    before = chain.leveller.gain_db
    noise = [chain.feed(pcm) for pcm in hiss(-62, 500)]
    assert chain.leveller.gain_db == before
    open_ticks = [p for p in noise if p is not None]
    assert len(open_ticks) <= 60
    levels = [dbfs(p) for p in open_ticks]
    assert max(levels) - levels[0] < 1


def test_the_gain_moves_slowly_once_it_is_found() -> None:
    chain = Chain()
    gains = []
    for n, pcm in enumerate(speech(1_000)):
        chain.feed(pcm * np.float32(0.3 if n // 250 % 2 else 1.0))
        gains.append(chain.leveller.gain_db)
    assert np.abs(np.diff(gains[150:])).max() <= 0.0401  # 2 dB a second


def test_no_step_in_the_sound_between_ticks() -> None:
    """A steady tone through a moving gain has no click at the seams."""
    chain = Chain()
    sound = tone(960 * 200, 200, 0.02)
    heard = [chain.feed(sound[at : at + 960]) for at in range(0, len(sound), 960)]
    joined = np.concatenate([p for p in heard if p is not None])
    curve = np.abs(np.diff(joined, 2))[1_000:]
    assert curve.max() <= 1.5 * np.percentile(curve, 99)  # a click would stand out


def test_the_gate_closes_after_the_last_word_and_opens_at_the_next() -> None:
    chain = Chain()
    word = speech(50)
    pause = hiss(-70, 100)
    heard = [chain.feed(pcm) for pcm in [*word, *pause, *word]]
    assert all(p is not None for p in heard[2:50])
    closed = [n for n, p in enumerate(heard) if p is None and n >= 50]
    assert 50 + 55 <= closed[0] <= 50 + 65
    assert heard[149] is None
    assert heard[151] is not None
    assert dbfs(heard[closed[0] - 1]) < -75  # faded, not cut


def test_a_steady_tone_is_a_signal_and_a_hum_is_not() -> None:
    loud, hum = Chain(), Chain()
    for _ in range(2_000):
        loud.feed(tone(960, 440, 0.3))
        hum.feed(tone(960, 50, 0.002))
    assert loud.detector.speaking
    assert not hum.detector.speaking


def test_speaking_has_hysteresis() -> None:
    detector = SpeechDetector()
    for level in [-60] * 100 + [-20]:
        detector.feed(level)
    assert detector.loud
    assert not detector.speaking  # one click
    for level in (-20, -20):
        detector.feed(level)
    assert detector.speaking
    for level in [-60] * 29:
        detector.feed(level)
    assert detector.speaking
    detector.feed(-60)
    assert not detector.speaking


def test_speech_in_noise_is_found() -> None:
    detector = SpeechDetector()
    for pcm in hiss(-45, 300):
        detector.feed(dbfs(pcm))
    assert not detector.speaking
    for pcm, noise in zip(speech(60), hiss(-45, 60, 4), strict=True):
        detector.feed(dbfs(pcm + noise))
    assert detector.speaking


def test_digital_silence_is_nothing() -> None:
    chain = Chain()
    assert all(chain.feed(SILENCE) is None for _ in range(10))
    assert not chain.detector.loud
