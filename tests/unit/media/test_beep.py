"""`media.beep`: the coded beep and its reader."""

from importlib.resources import as_file, files
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.media.beep import CODES, Beep, BeepReader, beep_block, delay_s, in_step
from hustings.media.files import read_audio
from hustings.media.opus import OpusDecoder, OpusEncoder
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

START_S = 1_800_000_003
MS = SAMPLE_RATE / 1_000


def blocks(seconds: int, start: int = START_S * SAMPLE_RATE - 4_800) -> list[np.ndarray]:
    return [beep_block(start + n * TICK_SAMPLES) for n in range(seconds * 50)]


def read(stream: list[np.ndarray]) -> list[Beep]:
    reader = BeepReader()
    return [beep for block in stream for beep in reader.feed(block)]


def check(found: list[Beep], seconds: int, *, delay_ms: float, within_ms: float) -> None:
    assert [beep.code for beep in found] == [(START_S + n) % CODES for n in range(seconds)]
    for n, beep in enumerate(found):
        truth = 4_800 + n * SAMPLE_RATE + delay_ms * MS
        assert abs(beep.onset - truth) < within_ms * MS


def test_every_code_is_read_at_its_place() -> None:
    check(read(blocks(16)), 16, delay_ms=0, within_ms=1)


def test_blocks_join_without_a_step() -> None:
    joined = np.concatenate(blocks(2))
    assert np.abs(np.diff(joined)).max() < 0.09  # 2,375 Hz at this level, no click


@given(st.integers(0, SAMPLE_RATE), st.floats(0.02, 2.0))
def test_loudness_and_block_boundaries_do_not_matter(offset: int, gain: float) -> None:
    stream = blocks(2, START_S * SAMPLE_RATE - 4_800 - offset)
    found = read([block * np.float32(gain) for block in stream])
    first = 4_800 + offset  # of START_S; the seconds around it may be in the stream, too
    assert START_S % CODES in {beep.code for beep in found}
    for beep in found:
        off = (beep.onset - first + SAMPLE_RATE / 2) % SAMPLE_RATE - SAMPLE_RATE / 2
        assert abs(off) < 1.5 * MS


def test_it_survives_opus_noise_and_a_lost_packet() -> None:
    noise = np.random.default_rng(1)
    encoder, decoder = OpusEncoder(32_000, application="voip"), OpusDecoder()
    heard = []
    for n, block in enumerate(blocks(8)):
        noisy = block + noise.normal(0, 0.003, TICK_SAMPLES).astype(np.float32)
        packet = encoder.encode(noisy)
        heard.append(decoder.conceal() if n % 50 == 8 else decoder.decode(packet))
    check(read(heard), 8, delay_ms=6.5, within_ms=3)


def test_speech_like_sound_holds_no_beep() -> None:
    rng = np.random.default_rng(2)
    t = np.arange(SAMPLE_RATE * 5) / SAMPLE_RATE
    voice = sum(np.sin(2 * np.pi * 140 * k * t) / k for k in range(1, 12))
    voice = 0.1 * voice * (1 + np.sin(2 * np.pi * 4 * t)) + rng.normal(0, 0.01, len(t))
    assert read([voice.astype(np.float32)]) == []


@pytest.mark.parametrize("seconds", [0.0, 0.65, 15.9])
def test_the_delay_is_what_has_passed_since_that_second(seconds: float) -> None:
    assert delay_s(START_S % CODES, START_S + seconds) == pytest.approx(seconds, abs=1e-6)


def test_beeps_in_step_believe_each_other() -> None:
    first = Beep(15, 1_000.0)
    assert in_step(first, Beep(0, 1_000.0 + SAMPLE_RATE))
    assert in_step(first, Beep(2, 1_000.0 + 3.15 * SAMPLE_RATE))
    assert not in_step(first, Beep(0, 1_000.0 + 1.3 * SAMPLE_RATE))
    assert not in_step(first, Beep(1, 1_000.0 + SAMPLE_RATE))


def test_a_voice_that_sings_a_pitch_keeps_no_step() -> None:
    voice = files("hustings.media") / "data" / "voice_b.opus"
    with as_file(voice) as path:
        found = read(list(read_audio(path)))
    assert found
    assert not any(in_step(*pair) for pair in pairwise(found))
