"""Echo of a doubled device, a loudspeaker or an open listeners' page is found; speech alone is not."""

from collections.abc import Sequence

import numpy as np
import pytest

from hustings.media.files import read_audio
from hustings.media.make_data import DATA
from hustings.media.opus import OpusDecoder, OpusEncoder
from hustings.media.pcm import Pcm
from hustings.stage.mix.echo import EchoFinder
from tests.fakes.sounds import tone

SECONDS = 16


def voice(name: str) -> Pcm:
    return np.concatenate(list(read_audio(DATA / f"voice_{name}.opus")))[: SECONDS * 48_000]


def sent(pcm: Pcm) -> Pcm:
    """Through a browser's Opus, as the stage decodes it."""
    encoder, decoder = OpusEncoder(24_000, application="voip", fec=True), OpusDecoder()
    ticks = (pcm[at : at + 960] for at in range(0, len(pcm) - 959, 960))
    return np.concatenate([decoder.decode(encoder.encode(tick)) for tick in ticks])


def in_a_room(pcm: Pcm, delay_s: float, gain: float) -> Pcm:
    """Out of a loudspeaker, round a room of 250 ms, and late."""
    size = 12_000
    tail = np.random.default_rng(1).standard_normal(size) * np.exp(-6.9 * np.arange(size) / size)
    tail *= 0.5 / np.sqrt((tail**2).sum())
    tail[0] += 1
    late = np.zeros(int(delay_s * 48_000))
    wet = np.fft.irfft(np.fft.rfft(pcm, 2**21) * np.fft.rfft(tail, 2**21))[: len(pcm)]
    return np.concatenate((late, gain * wet))[: len(pcm)].astype(np.float32)


def run(finder: EchoFinder, sounds: dict[str, Pcm], start: int = 0) -> list[dict[str, str]]:
    """What is found after each second."""
    found = []
    for n in range(min(map(len, sounds.values())) // 960):
        finder.hear({w: p[n * 960 : n * 960 + 960] for w, p in sounds.items()}, start + n * 0.02)
        if n % 50 == 49:
            found.append(finder.found)
    return found


@pytest.fixture(scope="module")
def amina() -> Pcm:
    return sent(voice("a"))


@pytest.fixture(scope="module")
def otto() -> Pcm:
    return sent(voice("b"))


def test_two_who_speak_by_turns_and_at_once_are_no_echo(amina: Pcm, otto: Pcm) -> None:
    assert not any(run(EchoFinder(), {"amina": amina, "otto": otto}))


@pytest.mark.parametrize(("delay_s", "gain"), [(0.25, 0.3), (0.25, 0.03), (0.9, 0.3)])
def test_a_loudspeaker_beside_a_microphone_is_found(
    amina: Pcm, otto: Pcm, delay_s: float, gain: float
) -> None:
    hears_amina = sent(in_a_room(amina, delay_s, gain))
    found = run(EchoFinder(), {"kim": hears_amina, "amina": amina, "otto": otto})
    assert found[-1].get("kim") == "amina"
    assert "amina" not in found[-1]


def test_it_is_found_under_the_words_of_whose_microphone_it_is(amina: Pcm, otto: Pcm) -> None:
    found = run(EchoFinder(), {"otto": sent(otto + in_a_room(amina, 0.3, 0.1)), "amina": amina})
    assert {"otto": "amina"} in found
    assert not any("amina" in each for each in found)


def test_of_two_devices_of_one_person_the_quieter_one_is_named(amina: Pcm) -> None:
    found = run(EchoFinder(), {"phone": amina, "laptop": sent(in_a_room(amina, 0.005, 0.4))})
    assert found[-1] == {"laptop": "phone"}


def test_the_program_that_comes_back_is_found(amina: Pcm) -> None:
    """The listeners' page plays beside the microphone, 0.8 s late."""
    found = run(EchoFinder(), {"amina": sent(amina + in_a_room(amina, 0.8, 0.3))})
    assert {"amina": "amina"} in found


@pytest.mark.parametrize(("a", "b"), [(440, 700), (440, 440)])
def test_tones_are_no_voices(a: int, b: int) -> None:
    length = 8 * 48_000
    assert not any(run(EchoFinder(), {"a": tone(length, a), "b": tone(length, b)}))


def test_pauses_and_silence_are_nothing() -> None:
    finder = EchoFinder()
    for n in range(500):
        finder.hear({"a": None, "b": np.zeros(960, np.float32)}, n * 0.02)
    assert finder.found == {}


def test_it_is_over_when_the_copy_is_muted_and_at_once_when_it_leaves(amina: Pcm) -> None:
    finder = EchoFinder()
    copy = in_a_room(amina, 0.25, 0.3)
    assert run(finder, {"kim": copy, "amina": amina})[-1] == {"kim": "amina"}
    last = run(finder, {"kim": copy * 0, "amina": amina}, SECONDS)
    assert last[0] == {"kim": "amina"}
    assert last[-1] == {}

    assert run(finder, {"kim": copy, "amina": amina}, 2 * SECONDS)[-1] == {"kim": "amina"}
    finder.hear({"amina": amina[:960]}, 3 * SECONDS)
    assert finder.found == {}


def steps(finder: EchoFinder, people: Sequence[str], ticks: int) -> int:
    """The most transforms and comparisons of one tick."""
    noise = np.random.default_rng(2).standard_normal((len(people), 960)).astype(np.float32) * 0.01
    most = 0
    for n in range(ticks):
        before = finder.work_done
        finder.hear(dict(zip(people, noise, strict=True)), n * 0.02)
        most = max(most, finder.work_done - before)
    return most


def test_one_step_a_tick_however_many_there_are() -> None:
    finder = EchoFinder()
    assert steps(finder, [str(n) for n in range(13)], 320) == 1
    assert finder.work_done >= 2 * (13 + 13 * 12 // 2 + 13)  # twice through all
