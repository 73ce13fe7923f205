import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.base.ids import ParticipantId
from hustings.media.pcm import SILENCE, Pcm, dbfs
from hustings.stage.mix.levelling import (
    RANGE_DB,
    REST_DB,
    TARGET_LUFS,
    Leveller,
    SpeechDetector,
)
from hustings.stage.mix.loudness import lufs, power
from hustings.stage.mix.mixer import Mixer
from hustings.stage.room import GAIN_DB
from tests.fakes.sounds import babble, speech, tone

FLOOR = -100.0


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
    """LUFS of the ticks that sound."""
    powers = [power(p) for p in heard if p is not None and dbfs(p) > TARGET_LUFS - 20]
    return lufs(sum(powers) / len(powers))


@pytest.mark.parametrize("shift_db", [-8, -4, 0, 4, 8])
def test_every_speaker_comes_to_one_level(shift_db: float) -> None:
    spoken = [pcm * np.float32(10 ** (shift_db / 20)) for pcm in speech(1_000)]
    chain = Chain()
    heard = [chain.feed(pcm) for pcm in spoken]
    assert loudness(heard[250:]) == pytest.approx(TARGET_LUFS, abs=2)


@pytest.mark.parametrize("step_db", [-8, 8])
def test_a_step_in_level_settles_within_ten_seconds(step_db: float) -> None:
    """Somebody turns away from the microphone, or comes near."""
    chain = Chain()
    before, after = speech(500), speech(800)
    for pcm in before:
        chain.feed(pcm * np.float32(10 ** (-step_db / 40)))
    heard = [chain.feed(pcm * np.float32(10 ** (step_db / 40))) for pcm in after]
    assert loudness(heard[500:]) == pytest.approx(TARGET_LUFS, abs=2)


def test_the_gain_has_limits() -> None:
    for peak, gain in ((0.9, -RANGE_DB), (0.01, RANGE_DB)):
        chain = Chain()
        for _ in range(1_000):
            chain.feed(tone(960, 400, peak))
        assert chain.leveller.gain_db == pytest.approx(gain, abs=0.1)


def test_a_hosts_hand_comes_on_top() -> None:
    by_itself, by_hand = Chain(), Chain()
    by_hand.leveller.trim_db = -6.0
    for pcm in speech(200):
        plain, turned = by_itself.feed(pcm), by_hand.feed(pcm)
        if plain is not None and turned is not None:
            assert np.allclose(turned, plain * 10 ** (-6 / 20), atol=1e-5)
    assert by_itself.leveller.gain_db == by_hand.leveller.gain_db  # not levelled away


@settings(max_examples=60, deadline=None)
@given(
    levels=st.lists(st.floats(-90, 0), min_size=1, max_size=40),
    trims=st.lists(st.integers(-GAIN_DB, GAIN_DB), min_size=1, max_size=4),
)
def test_whatever_comes_in_nothing_leaves_above_full_scale(
    levels: list[float], trims: list[int]
) -> None:
    chains, mixer = [Chain() for _ in trims], Mixer()
    for chain, trim in zip(chains, trims, strict=True):
        chain.leveller.trim_db = trim
    for n, level in enumerate(levels):
        pcm = tone(960, 300, 10 ** (level / 20), start=960 * n)
        heard = {ParticipantId(str(at)): chain.feed(pcm) for at, chain in enumerate(chains)}
        mixed = mixer.mix(heard)
        for each in (mixed.program, *mixed.minus.values()):
            assert np.abs(each).max() < 1


@settings(max_examples=30, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_silence_stays_silence(spoken: list[bool]) -> None:
    chain = Chain()
    for n, speaks in enumerate(spoken):
        heard = chain.feed(babble(960, seed=n) if speaks else SILENCE)
        assert speaks or heard is None or not heard.any()


def test_no_pumping_in_pauses() -> None:
    """The gain stands still while only the room is heard, and noise is never lifted."""
    chain = Chain()
    for pcm in speech(400):
        chain.feed(pcm * np.float32(0.25))
    before = chain.leveller.gain_db
    levels = [FLOOR if p is None else dbfs(p) for p in map(chain.feed, hiss(-62, 600))]
    assert chain.leveller.gain_db == before
    assert max(np.diff(levels)) < 1
    assert levels[100] == pytest.approx(-62 + before + REST_DB, abs=0.5)
    assert levels[-1] == FLOOR  # says nothing for ten seconds


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


def test_the_gate_eases_between_sentences_and_shuts_for_who_only_listens() -> None:
    chain = Chain()
    word, pause = speech(50), hiss(-70, 600)
    heard = [chain.feed(pcm) for pcm in [*word, *pause, *word]]
    assert all(p is not None for p in heard[2:540])
    levels = [dbfs(p) for p in heard[50:] if p is not None]
    assert levels[55] > levels[100] + 11  # held for 1.2 s, eased half a second later
    shut = [n for n, p in enumerate(heard) if p is None and n >= 50]
    assert 50 + 495 <= shut[0] <= 50 + 505
    assert dbfs(heard[shut[0] - 1]) < -95  # faded, not cut
    assert heard[649] is None
    assert heard[651] is not None


@pytest.mark.parametrize("pause", [30, 200, 700])
def test_first_syllables_are_whole(pause: int) -> None:
    """However long somebody was silent: of the first loud tick only 2.5 ms fade in."""
    chain = Chain()
    for pcm in [*speech(100), *hiss(-70, pause)]:
        chain.feed(pcm)
    syllable = tone(960, 300, 0.2)
    heard = chain.feed(syllable)
    assert heard is not None
    assert dbfs(heard) >= dbfs(syllable) + chain.leveller.gain_db - 0.8
    assert np.allclose(heard[120:], syllable[120:] * 10 ** (chain.leveller.gain_db / 20), atol=1e-3)


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
