import io

import av
import numpy as np
import pytest

from hustings.media.cmaf import AAC_CONFIG
from hustings.media.encoders import ProgramEncoder, _aac, _mp3
from hustings.media.opus import OpusDecoder
from hustings.media.pcm import SILENCE, Pcm, dbfs
from hustings.wire.names import mp3_frames_before
from tests.fakes.sounds import babble, ticks, tone

SPEECH = ticks(babble(15_360))


def part(encoder: ProgramEncoder, n: int, pcm: list[Pcm] = SPEECH) -> dict[str, list[bytes]]:
    for tick in pcm:
        encoder.feed(tick)
    return encoder.take_part(n)


@pytest.mark.slow
def test_exact_frames_in_each_of_a_thousand_parts() -> None:
    """Opus makes one packet a tick by its nature; these two have frames of their own length."""
    aac, mp3 = _aac(), _mp3(0)
    for n in range(1_000):
        made = [(len(aac.feed(SILENCE)), len(mp3.feed(SILENCE))) for _ in range(16)]
        assert sum(a for a, _ in made) == 15
        assert sum(m for _, m in made) == mp3_frames_before(n + 1) - mp3_frames_before(n)


def test_all_renditions_are_whole_in_each_part() -> None:
    encoder = ProgramEncoder(radio=True)
    for n in range(9):
        counts = {name: len(frames) for name, frames in part(encoder, n).items()}
        mp3 = mp3_frames_before(n + 1) - mp3_frames_before(n)
        assert counts == {"opus": 16, "opus-low": 16, "aac": 15, "mp3": mp3}


def test_no_tick_makes_more_than_one_frame_of_each() -> None:
    encoder = ProgramEncoder(radio=True)
    before = {"opus": 0, "opus-low": 0, "aac": 0, "mp3": 0}
    for tick in SPEECH:
        encoder.feed(tick)
        now = {name: len(frames) for name, frames in encoder._frames.items()}
        assert all(now[name] - before[name] <= 1 for name in now)
        before |= now


@pytest.mark.parametrize("start", [0, 1, 2, 1_000_001])
def test_a_restart_keeps_the_frame_numbers(start: int) -> None:
    encoder = ProgramEncoder(radio=True)
    part(encoder, 0)
    encoder.feed(SPEECH[0])
    encoder.reset(start)
    for n in range(start, start + 3):
        assert len(part(encoder, n)["mp3"]) == mp3_frames_before(n + 1) - mp3_frames_before(n)


def test_no_radio_no_mp3() -> None:
    assert set(part(ProgramEncoder(radio=False), 0)) == {"opus", "opus-low", "aac"}


def test_a_part_is_taken_when_it_is_full_and_by_its_number() -> None:
    encoder = ProgramEncoder(radio=False)
    with pytest.raises(ValueError, match="0 ticks"):
        encoder.take_part(0)
    for tick in SPEECH:
        encoder.feed(tick)
    with pytest.raises(ValueError, match="take the part"):
        encoder.feed(SPEECH[0])
    with pytest.raises(ValueError, match="part 7"):
        encoder.take_part(7)
    encoder.take_part(0)


def test_the_aac_decoder_is_told_the_truth() -> None:
    assert _aac()._context.extradata == AAC_CONFIG


def test_delays_are_the_documented_ones() -> None:
    """A burst of tone is found again where the module says."""
    sound = np.zeros(4 * 15_360, dtype=np.float32)
    sound[20_000:20_480] = tone(480, 1_000, 0.8)
    encoder = ProgramEncoder(radio=True)
    parts = [part(encoder, n, ticks(sound[n * 15_360 : (n + 1) * 15_360])) for n in range(4)]
    opus = OpusDecoder()
    delays = {"opus": _onset(np.concatenate([opus.decode(f) for p in parts for f in p["opus"]]))}
    for name, codec in (("aac", "aac"), ("mp3", "mp3float")):
        context = av.CodecContext.create(codec, "r")
        if name == "aac":
            context.extradata = AAC_CONFIG
        frames = [f for p in parts for f in p[name]]
        pcm = [out.to_ndarray()[0] for f in frames for out in context.decode(av.Packet(f))]
        delays[name] = _onset(np.concatenate(pcm))
    shift_ms = {name: (onset - 20_000) / 48 for name, onset in delays.items()}
    assert shift_ms["opus"] == pytest.approx(6.5, abs=3)
    assert shift_ms["aac"] == pytest.approx(42.7, abs=3)
    assert shift_ms["mp3"] == pytest.approx(47.0, abs=3)


def _onset(pcm: Pcm) -> int:
    return int(np.flatnonzero(np.abs(pcm) > 0.25)[0])


def test_mp3_joined_anywhere_decodes_at_once() -> None:
    encoder = ProgramEncoder(radio=True)
    frames = [f for n in range(6) for f in part(encoder, n)["mp3"]]
    late = io.BytesIO(b"".join(frames[17:]))
    with av.open(late, format="mp3") as container:
        sound = [f.to_ndarray()[0] for f in container.decode(audio=0)]
    assert dbfs(np.concatenate(sound[3:])) == pytest.approx(dbfs(np.concatenate(SPEECH)), abs=3)
