"""Files as people hand them in: any kind, the same sound at the same time; damaged ones are refused."""

from pathlib import Path

import numpy as np
import pytest

from hustings.base.errors import UserError
from hustings.media import recording
from hustings.media.recording import examine, sound_of
from tests.fakes.recordings import (
    LENGTH_S,
    RATE,
    decoded,
    endless_wav,
    ffmpeg,
    level,
    noise,
    onset,
    pitch,
    tones,
)


def read(path: Path, *, track: int = 0) -> np.ndarray:
    return np.concatenate(list(sound_of(path, examine(path), track=track)))


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        read(path)
    assert str(path) in refused.value.title
    return refused.value.code


@pytest.mark.parametrize(
    "name", ["a.mp3", "a.m4a", "a.wav", "a.ogg", "a.opus", "a.flac", "a.webm", "a.mp4", "a.mkv"]
)
def test_any_kind_of_file_sounds_the_same_at_the_same_time(tmp_path, name):
    path = tones(tmp_path / name, picture=name.endswith((".mp4", ".mkv")))
    pcm = read(path)
    assert len(pcm) / RATE == pytest.approx(LENGTH_S, abs=0.15)
    assert pitch(pcm, 0.5, 1.5) == pytest.approx(440, abs=2)
    assert level(pcm, 2.5, 3.5) < 0.01
    assert onset(pcm, 2.5) == pytest.approx(4.0, abs=0.04)
    assert pitch(pcm, 4.5, 5.5) == pytest.approx(1_000, abs=2)


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_mixed_without_getting_louder(tmp_path, channels):
    pcm = read(tones(tmp_path / "a.flac", channels=channels))
    assert level(pcm, 0.5, 1.5) == pytest.approx(0.4 / np.sqrt(2), rel=0.03)


def test_what_is_missing_inside_is_silence_and_the_rest_keeps_its_time(tmp_path):
    """A call whose line was gone for three seconds, as recorders write it."""
    ffmpeg(
        "-f", "lavfi", "-i", "sine=f=440:d=2", "-af", "asetpts=PTS+gt(N\\,40)*3/TB",
        "-c:a", "libopus", tmp_path / "a.mka",
    )  # fmt: skip
    pcm = read(tmp_path / "a.mka")
    quiet = [
        n for n in range(int(len(pcm) / RATE * 10)) if level(pcm, n / 10, n / 10 + 0.1) < 0.005
    ]
    assert len(pcm) / RATE == pytest.approx(5.0, abs=0.2)
    assert len(quiet) == pytest.approx(30, abs=3)


def test_a_rate_that_changes_under_way_is_followed(tmp_path):
    tones(tmp_path / "a.mp3", "-ar", "44100")
    tones(tmp_path / "b.mp3", "-ar", "22050", channels=2)
    both = tmp_path / "c.mp3"
    both.write_bytes((tmp_path / "a.mp3").read_bytes() + (tmp_path / "b.mp3").read_bytes())
    about = examine(both)
    pcm = np.concatenate(list(sound_of(both, about)))
    assert pitch(pcm, 0.5, 1.5) == pytest.approx(440, abs=2)
    assert len(pcm) / RATE > 2 * LENGTH_S - 0.5


def test_the_file_tells_when_it_was_made_and_what_it_is_called(tmp_path):
    at = ("-metadata", "creation_time=2026-05-01T17:00:00Z", "-metadata", "title=Spring")
    about = examine(tones(tmp_path / "a.m4a", *at))
    assert about.created_ms == 1_777_654_800_000
    assert about.title == "Spring"
    assert examine(tones(tmp_path / "a.mp3")).created_ms == 0


def test_one_of_several_tracks_can_be_chosen(tmp_path):
    tones(tmp_path / "a.wav")
    both = ("-map", "0", "-map", "1", "-f", "matroska")
    noisy = noise(tmp_path / "b.wav", 6)
    ffmpeg("-i", noisy, "-i", tmp_path / "a.wav", *both, tmp_path / "c.mkv")
    assert examine(tmp_path / "c.mkv").tracks == 2
    assert pitch(read(tmp_path / "c.mkv", track=1), 0.5, 1.5) == pytest.approx(440, abs=2)


# ------------------------------------------------------------------ damaged


def test_no_file_and_no_sound_are_said(tmp_path):
    assert refusal(tmp_path / "none.mp3") == "audio_missing"
    assert refusal(tmp_path) == "audio_missing"
    for name, data in {
        "empty.mp3": b"",
        "text.mp3": b"Minutes of the meeting\n" * 400,
        "zero.wav": bytes(100_000),
        "list.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:9/a.aac\n",
        "concat.txt": b"ffconcat version 1.0\nfile /etc/passwd\n",
    }.items():
        (tmp_path / name).write_bytes(data)
        assert refusal(tmp_path / name) == "audio_format", name
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:s=64x64:r=5", tmp_path / "mute.mp4")
    assert refusal(tmp_path / "mute.mp4") == "audio_format"


@pytest.mark.parametrize("name", ["a.mp3", "a.flac", "a.wav", "faststart.m4a"])
def test_a_file_that_breaks_off_is_refused_with_where(tmp_path, name):
    path = tmp_path / name
    options = ("-movflags", "+faststart") if name.endswith("m4a") else ()
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=60:a=0.1:r=44100", *options, path)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    assert refusal(path) == "recording_damaged"


def test_a_m4a_whose_end_is_missing_has_no_sound(tmp_path):
    path = tones(tmp_path / "a.m4a")
    path.write_bytes(path.read_bytes()[:-2_000])
    assert refusal(path) == "audio_format"


def test_a_few_bad_bytes_cost_a_moment_and_no_time(tmp_path):
    path = tones(tmp_path / "a.mp3", "-b:a", "128k")
    data = bytearray(path.read_bytes())
    data[20_000:20_300] = b"\xff" * 300
    path.write_bytes(data)
    pcm = read(path)
    assert onset(pcm, 2.5) == pytest.approx(4.0, abs=0.15)
    assert len(pcm) / RATE == pytest.approx(LENGTH_S, abs=0.3)


def test_noise_for_sound_is_refused(tmp_path):
    path = tones(tmp_path / "a.flac")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(1)
    data[9_000:] = rng.integers(0, 256, len(data) - 9_000, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    assert refusal(path) == "recording_damaged"


def test_more_than_a_day_is_refused_before_it_is_read_and_under_way(tmp_path, monkeypatch):
    assert refusal(endless_wav(tmp_path / "long.wav", 25)) == "recording_long"
    assert examine(endless_wav(tmp_path / "day.wav", 8)).seconds == pytest.approx(8 * 3_600)
    path = tones(tmp_path / "a.wav")
    about = examine(path)
    monkeypatch.setattr(recording, "LONGEST_S", 3)
    with pytest.raises(UserError) as refused:
        list(sound_of(path, about))
    assert refused.value.code == "recording_long"


def test_nothing_is_decoded_that_the_file_does_not_have(tmp_path):
    path = tones(tmp_path / "a.wav")
    assert np.abs(read(path)[: len(decoded(path))] - decoded(path)).max() < 1e-3
