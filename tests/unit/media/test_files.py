from pathlib import Path

import av
import numpy as np
import pytest

from hustings.base.errors import UserError
from hustings.media.files import read_audio
from hustings.media.make_data import DATA
from hustings.media.pcm import Pcm, dbfs
from tests.fakes.sounds import tone


def write(path: Path, pcm: Pcm, codec: str, rate: int = 48_000) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate = rate
        for part in av.AudioResampler(stream.format.name, "mono", rate).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    ("name", "codec", "rate"),
    [("a.wav", "pcm_s16le", 44_100), ("a.flac", "flac", 48_000), ("a.mka", "pcm_f32le", 8_000)],
)
def test_any_format_becomes_ticks(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    path = write(tmp_path / name, tone(rate, 440 * 48_000 / rate), codec, rate)
    blocks = list(read_audio(path))
    assert all(block.shape == (960,) and block.dtype == np.float32 for block in blocks)
    assert abs(len(blocks) - 50) <= 1
    sound = np.concatenate(blocks)[4_800:-4_800]
    assert dbfs(sound) == pytest.approx(dbfs(tone(48_000)), abs=0.2)


def test_the_last_block_is_padded(tmp_path: Path) -> None:
    blocks = list(read_audio(write(tmp_path / "a.wav", tone(1_000), "pcm_s16le")))
    assert len(blocks) == 2
    assert not blocks[1][40:].any()


def test_no_sound_names_what_can_be_read(tmp_path: Path) -> None:
    text = tmp_path / "talk.txt"
    text.write_text("not a sound at all " * 100)
    with pytest.raises(UserError, match="WAV, FLAC, MP3") as caught:
        read_audio(text)
    assert caught.value.code == "audio_format"
    empty = tmp_path / "empty.wav"
    empty.touch()
    with pytest.raises(UserError) as caught:
        read_audio(empty)
    assert caught.value.code == "audio_format"


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path / "none.wav", tmp_path):
        with pytest.raises(UserError) as caught:
            read_audio(path)
        assert caught.value.code == "audio_missing"


def test_a_damaged_file_ends_where_it_breaks(tmp_path: Path) -> None:
    whole = (DATA / "voice_a.opus").read_bytes()
    cut = tmp_path / "cut.opus"
    cut.write_bytes(whole[: len(whole) // 2])
    count = len(list(read_audio(cut)))
    assert 0 < count < len(list(read_audio(DATA / "voice_a.opus")))


def test_the_demo_voices_take_turns() -> None:
    a, b = (list(read_audio(DATA / f"voice_{name}.opus")) for name in "ab")
    assert len(a) == len(b)
    assert 40 < len(a) * 0.02 < 90
    loud = [(dbfs(x) > -45, dbfs(y) > -45) for x, y in zip(a, b, strict=True)]
    assert sum(x for x, _ in loud) > 500
    assert sum(y for _, y in loud) > 500
    assert sum(x and y for x, y in loud) < 15  # 0.3 s of 56 s: the codec's edges


def test_both_ears_the_same_are_no_louder_as_one(tmp_path):
    path = tmp_path / "stereo.wav"
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=48_000, layout="stereo")
        both = np.repeat(tone(9_600, peak=0.9), 2)[None]
        frame = av.AudioFrame.from_ndarray((both * 32_767).astype(np.int16), "s16", "stereo")
        frame.sample_rate = 48_000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    heard = np.concatenate(list(read_audio(path)))
    assert np.abs(heard).max() == pytest.approx(0.9, abs=0.01)
