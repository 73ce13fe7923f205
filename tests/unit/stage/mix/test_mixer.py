import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.base.ids import ParticipantId
from hustings.media.pcm import SILENCE, Pcm
from hustings.stage.mix.mixer import Mixer
from tests.fakes.sounds import babble, ticks, tone

A, B, C, D = (ParticipantId(name) for name in "abcd")


@st.composite
def rooms(draw: st.DrawFn) -> dict[ParticipantId, Pcm | None]:
    """Up to 13 people at any level, some silent, some at both rails."""
    peaks = draw(st.lists(st.sampled_from([None, 0.0, 0.01, 0.3, 1.0, 4.0]), max_size=13))
    seed = draw(st.integers(0, 1_000))
    rng = np.random.default_rng(seed)
    return {
        ParticipantId(str(n)): None
        if peak is None
        else (rng.uniform(-1, 1, 960) * peak).astype(np.float32)
        for n, peak in enumerate(peaks)
    }


@settings(max_examples=80)
@given(st.lists(rooms(), min_size=1, max_size=4))
def test_never_beyond_full_scale_and_everybody_is_served(
    room_ticks: list[dict[ParticipantId, Pcm | None]],
) -> None:
    mixer = Mixer()
    for voices in room_ticks:
        copies = {who: None if pcm is None else pcm.copy() for who, pcm in voices.items()}
        mixed = mixer.mix(voices)
        assert set(mixed.minus) == set(voices)
        for pcm in (mixed.program, *mixed.minus.values()):
            assert pcm.shape == (960,)
            assert pcm.dtype == np.float32
            assert np.isfinite(pcm).all()
            assert np.abs(pcm).max() < 1.0
        for who, pcm in voices.items():
            if pcm is None or not pcm.any():
                assert mixed.minus[who] is mixed.program
            else:
                assert mixed.minus[who] is not mixed.program
                np.testing.assert_array_equal(pcm, copies[who])  # untouched


def test_quiet_sound_is_a_plain_sum() -> None:
    voices = {A: tone(960, 300, 0.1), B: tone(960, 500, 0.2), C: None, D: tone(960, 700, 0.05)}
    mixed = Mixer().mix(voices)
    a, b, d = (voices[who] for who in (A, B, D))
    np.testing.assert_allclose(mixed.program, a + b + d, atol=1e-6)
    np.testing.assert_allclose(mixed.minus[A], b + d, atol=1e-6)
    np.testing.assert_allclose(mixed.minus[B], a + d, atol=1e-6)
    np.testing.assert_allclose(mixed.minus[D], a + b, atol=1e-6)


@given(st.floats(0.001, 3.0), st.floats(0.001, 3.0))
def test_nobody_hears_themselves(loud: float, other: float) -> None:
    """Own tone at least 60 dB down in the own mix, whatever the limiter does."""
    mixer = Mixer()
    own, foreign = tone(48_000, 1_000, loud), tone(48_000, 400, other)
    heard = []
    for mine, theirs in zip(ticks(own), ticks(foreign), strict=True):
        heard.append(mixer.mix({A: mine, B: theirs}).minus[A])
    spectrum = np.abs(np.fft.rfft(np.concatenate(heard[25:]) * np.hanning(24_000)))
    assert spectrum[500] <= 1e-3 * spectrum[200]  # bins of 2 Hz


def test_who_speaks_alone_hears_silence() -> None:
    mixed = Mixer().mix({A: tone(960, 300, 3.0), B: None})
    assert mixed.minus[A] is SILENCE
    assert mixed.minus[B] is mixed.program


def test_an_empty_room_is_silent() -> None:
    mixed = Mixer().mix({})
    assert mixed.program is SILENCE
    assert mixed.minus == {}


def test_the_limiter_is_soft_and_lets_go() -> None:
    mixer = Mixer()
    shouting = [mixer.mix({A: pcm, B: pcm}).program for pcm in ticks(tone(48_000, 300, 0.9))]
    assert 0.85 < np.abs(shouting[-1]).max() < 0.95
    # held by gain, not by clipping: what is left is a sine again
    spectrum = np.abs(np.fft.rfft(np.concatenate(shouting[-10:]) * np.hanning(9_600)))
    assert spectrum[180] < 0.02 * spectrum[60]
    for _ in range(75):
        mixed = mixer.mix({A: tone(960, 300, 0.1)})
    np.testing.assert_allclose(mixed.program, tone(960, 300, 0.1), atol=1e-6)


def test_no_step_between_ticks_while_the_gain_moves() -> None:
    mixer = Mixer()
    sound = babble(96_000, peak=1.6)
    out = np.concatenate([mixer.mix({A: pcm, B: None}).program for pcm in ticks(sound)])
    steps, own = np.abs(np.diff(out)), np.abs(np.diff(sound[: len(out)]))
    assert (steps[959::960] <= own[959::960] + 0.02).all()
