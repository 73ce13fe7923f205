"""Own tracks, without a room: on the program's ticks, and nothing for who is not heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hustings.media.opus import OpusDecoder
from hustings.stage.mix.delay import DelayLine, Held
from hustings.stage.mix.program import Program
from hustings.stage.mix.tracks import SILENT, Tracks
from hustings.wire.names import PART_SAMPLES, PART_TICKS, TICK_SAMPLES

DELAY = 312  # samples that libopus looks ahead


def tone(ticks: int, hertz: float = 600.0) -> list[np.ndarray]:
    at = np.arange(ticks * TICK_SAMPLES) / 48_000
    sound = (0.4 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
    return list(sound.reshape(-1, TICK_SAMPLES))


def decoded(frames: list[bytes]) -> np.ndarray:
    decoder = OpusDecoder()
    return np.concatenate([decoder.decode(frame) for frame in frames])


def made(tracks: Tracks, who: str, heard: list[np.ndarray | None]) -> dict[int, list[bytes]]:
    """Part number -> frames, of one who is heard in the ticks that are not None."""
    parts = {}
    for number, pcm in enumerate(heard):
        tracks.feed({} if pcm is None else {who: pcm})
        if number % PART_TICKS == PART_TICKS - 1:
            parts |= {each.n: each.frames for each in tracks.take_part(number // PART_TICKS)}
    return parts


def test_nobody_who_is_not_heard_has_a_track() -> None:
    assert made(Tracks(), "ada", [None] * PART_TICKS * 3) == {}


def test_sound_is_at_the_tick_where_it_was_heard() -> None:
    spoken = tone(20)
    parts = made(Tracks(), "ada", [*[None] * 21, *spoken, *[None] * (4 * PART_TICKS - 41)])
    assert sorted(parts) == [1, 2]
    assert all(len(frames) == PART_TICKS for frames in parts.values())
    assert parts[1][:5] == [SILENT] * 5
    sound = decoded(parts[1] + parts[2])[DELAY:]
    begin, length = 5 * TICK_SAMPLES, 20 * TICK_SAMPLES
    assert np.abs(sound[: begin - 480]).max() < 1e-2  # 10 ms: a codec rings
    assert np.abs(sound[begin + length + 480 :]).max() < 1e-2
    inside = sound[begin : begin + length]
    likeness = np.corrcoef(inside, np.concatenate(spoken))[0, 1]
    assert likeness > 0.97  # 0.1 ms apart: 0.93


def test_a_part_can_be_decoded_without_the_one_before() -> None:
    parts = made(Tracks(), "ada", [*tone(3 * PART_TICKS)])
    alone, whole = decoded(parts[1]), decoded(parts[0] + parts[1])[PART_SAMPLES:]
    assert np.abs(alone[960:] - whole[960:]).max() < 0.02


def test_what_is_half_made_is_forgotten_at_once() -> None:
    tracks = Tracks()
    for pcm in tone(10):
        tracks.feed({"ada": pcm, "ben": pcm})
    tracks.forget("ada")
    tracks.forget("nobody")
    for _ in range(6):
        tracks.feed({})
    assert [each.who for each in tracks.take_part(7)] == ["ben"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.booleans(), min_size=0, max_size=12 * PART_TICKS))
def test_a_part_has_a_track_if_and_only_if_something_was_heard_in_it(heard: list[bool]) -> None:
    heard = heard[: len(heard) // PART_TICKS * PART_TICKS]
    pcm = tone(1)[0]
    parts = made(Tracks(), "ada", [pcm if each else None for each in heard])
    for n in range(len(heard) // PART_TICKS):
        ticks = heard[n * PART_TICKS : (n + 1) * PART_TICKS]
        owed = n > 0 and heard[n * PART_TICKS - 1]  # the last 6.5 ms of the part before
        assert (n in parts) is (any(ticks) or owed)
        if n in parts:
            loud = [len(frame) > len(SILENT) for frame in parts[n]]
            assert all(a <= b for a, b in zip(ticks, loud, strict=True))


@pytest.mark.parametrize("delay", [0, 40])
def test_tracks_and_program_come_out_of_the_delay_together(delay: int) -> None:
    line: DelayLine[Held] = DelayLine()
    line.resize(delay)
    program, found = Program(0, radio=False), {}
    spoken = tone(PART_TICKS, 900.0)
    quiet = np.zeros(TICK_SAMPLES, np.float32)
    for number in range(PART_TICKS * 8):
        pcm = spoken[number - PART_TICKS] if PART_TICKS <= number < 2 * PART_TICKS else None
        held = Held(quiet if pcm is None else pcm, {} if pcm is None else {"ada": pcm})
        airs = line.tick(held)
        if airs is None:
            continue
        part = program.tick(airs.program, airs.voices)
        if part is not None:
            found[part.n] = (part, program.tracks)
    tracks = {n: tracks[0] for n, (_, tracks) in found.items() if tracks}
    assert set(tracks) <= {1, 2}  # the second only for what the encoder owes
    voice = decoded(tracks[1].frames)
    mix = decoded(found[1][0].renditions["opus"])
    assert np.corrcoef(voice[DELAY:], mix[DELAY:])[0, 1] > 0.9  # 0.1 ms apart: 0.84
