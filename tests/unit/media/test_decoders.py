"""`media.decoders`: every rendition back to the sound it was made of."""

import numpy as np
import pytest

from hustings.media.decoders import FRAME_SAMPLES, FrameDecoder, Mp3Splitter
from hustings.media.encoders import ProgramEncoder
from hustings.wire.names import MP3, PART_TICKS, TICK_SAMPLES


def program(parts: int = 3) -> dict[str, list[bytes]]:
    encoder = ProgramEncoder(radio=True)
    frames: dict[str, list[bytes]] = {}
    time = np.arange(parts * PART_TICKS * TICK_SAMPLES) / 48_000
    sound = (0.3 * np.sin(2 * np.pi * 500 * time)).astype(np.float32).reshape(-1, TICK_SAMPLES)
    for n in range(parts):
        for tick in sound[n * PART_TICKS : (n + 1) * PART_TICKS]:
            encoder.feed(tick)
        for rendition, made in encoder.take_part(n).items():
            frames.setdefault(rendition, []).extend(made)
    return frames


PROGRAM = program()


@pytest.mark.parametrize("rendition", FRAME_SAMPLES)
def test_loudness_and_pitch_come_back(rendition: str) -> None:
    decoder = FrameDecoder(rendition)
    blocks = [decoder.decode(frame) for frame in PROGRAM[rendition]]
    assert {len(block) for block in blocks} == {FRAME_SAMPLES[rendition]}
    assert decoder.damaged == 0
    heard = np.concatenate(blocks)[-16_384:]
    assert heard.dtype == np.float32
    assert 0.27 < np.abs(heard).max() < 0.45
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(spectrum.argmax() * 48_000 / len(heard) - 500) < 3


@pytest.mark.parametrize("rendition", FRAME_SAMPLES)
def test_damage_is_silence_of_the_right_length_and_is_counted(rendition: str) -> None:
    decoder = FrameDecoder(rendition)
    good = PROGRAM[rendition][10]
    for damaged in (b"", b"\xff", b"\xff\xff\xff\xff" * 40):
        assert len(decoder.decode(damaged)) == FRAME_SAMPLES[rendition]
    assert decoder.damaged >= 2
    decoder.reset()
    counted = decoder.damaged
    assert len(decoder.decode(good)) == FRAME_SAMPLES[rendition]
    assert decoder.damaged <= counted + 1


def test_mp3_is_split_wherever_it_is_cut() -> None:
    stream = b"".join(PROGRAM[MP3])
    for size in (1, 100, 777, len(stream)):
        splitter = Mp3Splitter()
        cuts = range(0, len(stream), size)
        found = [frame for at in cuts for frame in splitter.feed(stream[at : at + size])]
        assert found == PROGRAM[MP3][: len(found)]
        assert len(found) >= len(PROGRAM[MP3]) - 1
