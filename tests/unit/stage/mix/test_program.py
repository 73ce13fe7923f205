import pytest

from hustings.media.opus import OpusDecoder
from hustings.media.pcm import SILENCE, dbfs
from hustings.stage.mix.program import Program
from hustings.wire.names import mp3_frames_before
from tests.fakes.sounds import ticks, tone

TONE = ticks(tone(15_360))


def test_a_part_comes_at_every_sixteenth_tick() -> None:
    program = Program(1_000, radio=False)
    parts = [program.tick(pcm) for pcm in TONE * 3]
    assert [n for n, part in enumerate(parts) if part] == [15, 31, 47]
    assert [part.n for part in parts if part] == [1_000, 1_001, 1_002]
    assert all(set(part.renditions) == {"opus", "opus-low", "aac"} for part in parts if part)
    assert program.next_part == 1_003


def test_the_sound_is_in_it() -> None:
    program, decoder = Program(0, radio=False), OpusDecoder()
    parts = [part for pcm in TONE * 2 if (part := program.tick(pcm))]
    sound = [decoder.decode(frame) for frame in parts[1].renditions["opus"]]
    assert dbfs(sound[8]) == pytest.approx(dbfs(TONE[0]), abs=1)


def test_radio_begins_and_ends_with_a_part() -> None:
    program = Program(7, radio=False)
    program.tick(SILENCE)
    program.radio = True
    parts = [part for _ in range(15 + 32) if (part := program.tick(SILENCE))]
    assert ["mp3" in part.renditions for part in parts] == [False, True, True]
    for part in parts[1:]:
        count = mp3_frames_before(part.n + 1) - mp3_frames_before(part.n)
        assert len(part.renditions["mp3"]) == count
    program.radio = False
    part = next(part for _ in range(16) if (part := program.tick(SILENCE)))
    assert "mp3" not in part.renditions
