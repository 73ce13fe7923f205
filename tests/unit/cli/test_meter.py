"""`cli.meter`: from frames and their times to the numbers of a report."""

import numpy as np
import pytest

from hustings.cli.meter import Meter, Report
from hustings.media.beep import beep_block
from hustings.media.encoders import ProgramEncoder
from hustings.media.hold import hold_frames
from hustings.wire.names import (
    AAC,
    MP3,
    OPUS,
    PART_SAMPLES,
    PART_SECONDS,
    PART_TICKS,
    SAMPLE_RATE,
    TICK_SAMPLES,
)

WALL_S = 1_800_000_000  # of the first sample that is spoken
PARTS = 20
FIRST = 77_000  # number of the first part
CHAIN_S = 0.15  # from the mouth until a part's last sample is encoded


def program() -> dict[str, list[list[bytes]]]:
    """Rendition -> parts -> frames of 6.4 s of beeps."""
    encoder = ProgramEncoder(radio=True)
    made: dict[str, list[list[bytes]]] = {}
    for n in range(PARTS):
        for tick in range(PART_TICKS):
            at = WALL_S * SAMPLE_RATE + (n * PART_TICKS + tick) * TICK_SAMPLES
            encoder.feed(beep_block(at))
        for rendition, frames in encoder.take_part(n).items():
            made.setdefault(rendition, []).append(frames)
    return made


PROGRAM = program()
NOTHING = {"bytes": 0, "events": 0, "faults": 0, "refusals": 0, "ended": 0}


def hear(rendition: str, *, target_s: float | None = None, joined: int = 1) -> Report:
    meter = Meter(rendition, target_s, began_s=0.0)
    start, now = FIRST * PART_SAMPLES, 0.0
    for n in range(0, PARTS, joined):
        frames = [f for part in PROGRAM[rendition][n : n + joined] for f in part]
        now = (n + joined) * PART_SECONDS + CHAIN_S
        meter.take(start, frames, now, WALL_S + now)
        start += len(frames) * meter._frame
    return meter.report(url="u", now_s=now, first_byte_s=0.1, **NOTHING)


@pytest.mark.parametrize(("rendition", "codec_ms"), [(OPUS, 6.5), (AAC, 42.7), (MP3, 47.0)])
def test_mouth_to_ear_is_chain_and_buffer_and_codec(rendition: str, codec_ms: float) -> None:
    report = hear(rendition)
    buffered_ms = (PART_SECONDS + 0.15) * 1_000
    expected = CHAIN_S * 1_000 + buffered_ms + codec_ms
    assert report.beeps >= 4  # the first has none before it to be in step with
    assert report.mouth_to_ear_ms == pytest.approx(expected, abs=25)  # MP3 frames end off parts
    assert (report.lost_s, report.silence_s, report.damaged_frames) == (0.0, 0.0, 0)
    assert report.first_byte_ms == 100.0
    assert report.first_sound_ms == pytest.approx((2 * PART_SECONDS + CHAIN_S) * 1_000, abs=20)


def test_parts_that_come_joined_are_taken_apart() -> None:
    joined = hear(OPUS, joined=4)
    assert joined.parts == PARTS
    assert joined.lost_s == 0.0
    assert joined.damaged_frames == 0


def test_hold_is_known_by_its_bytes() -> None:
    meter = Meter(OPUS, None, 0.0)
    for n in range(10):
        frames = hold_frames(OPUS, FIRST + n) if n in {4, 5} else PROGRAM[OPUS][n]
        meter.take((FIRST + n) * PART_SAMPLES, frames, n * PART_SECONDS, float(n))
    meter.pass_time(20.0)
    report = meter.report(url="u", now_s=20.0, first_byte_s=None, **NOTHING)
    assert report.hold_s == pytest.approx(2 * PART_SECONDS)
    assert report.silence_s == pytest.approx(report.hold_s + report.absent_s)
    assert report.first_byte_ms is None


def test_what_comes_twice_is_heard_once() -> None:
    meter = Meter(OPUS, None, 0.0)
    for n, at in enumerate((0, 1, 2, 1, 2, 3, 4)):
        meter.take((FIRST + at) * PART_SAMPLES, PROGRAM[OPUS][at], n * PART_SECONDS, float(n))
    report = meter.report(url="u", now_s=9.0, first_byte_s=None, **NOTHING)
    assert report.out_of_order == 2
    assert report.parts == 5


def test_damaged_frames_are_counted() -> None:
    meter = Meter(AAC, None, 0.0)
    meter.take(0, [b"\xff" * 50] * 15, 0.0, 0.0)
    report = meter.report(url="u", now_s=1.0, first_byte_s=None, **NOTHING)
    assert report.damaged_frames > 10


def test_silence_in_the_room_is_not_audible() -> None:
    encoder = ProgramEncoder(radio=False)
    for _ in range(PART_TICKS):
        encoder.feed(np.zeros(TICK_SAMPLES, dtype=np.float32))
    meter = Meter(OPUS, None, 0.0)
    meter.take(0, encoder.take_part(0)[OPUS], 0.0, 0.0)
    assert meter.report(url="u", now_s=1.0, first_byte_s=None, **NOTHING).audible_share == 0.0
    assert hear(OPUS).audible_share == pytest.approx(0.12, abs=0.08)  # the beeps
