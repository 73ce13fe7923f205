"""The ffmpeg command reads every rendition without a word of complaint."""

import shutil
import subprocess
from pathlib import Path

import pytest

from hustings.media.cmaf import emsg, init_segment, media_part
from hustings.media.hold import hold_frames
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES

pytestmark = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")

FIRST = 337_500  # 30 h


def decode(path: Path) -> float:
    """Seconds of sound; fails on any warning."""
    run = subprocess.run(
        ["ffmpeg", "-v", "warning", "-xerror", "-i", "-", "-f", "f32le", "-ac", "1", "-"],
        input=path.read_bytes(),  # a pipe, as from a live stream
        capture_output=True,
        check=True,
    )
    assert run.stderr == b""
    return len(run.stdout) / 4 / 48_000


@pytest.mark.parametrize("rendition", CMAF_RENDITIONS)
@pytest.mark.parametrize("joined", [1, 4])
def test_cmaf(tmp_path: Path, rendition: str, joined: int) -> None:
    path = tmp_path / "stream.mp4"
    with path.open("wb") as file:
        file.write(init_segment(rendition))
        for n in range(FIRST, FIRST + 60, joined):
            frames = [f for k in range(n, n + joined) for f in hold_frames(rendition, k)]
            event = emsg(b'{"kind":"level"}', media_time=n * PART_SAMPLES, seq=n)
            file.write(media_part(rendition, n, frames, events=[event]))
    assert decode(path) == pytest.approx(60 * 0.32, abs=0.01)


def test_radio(tmp_path: Path) -> None:
    path = tmp_path / "radio.mp3"
    path.write_bytes(b"".join(f for n in range(1, 61) for f in hold_frames("mp3", n)))
    assert decode(path) == pytest.approx(60 * 0.32, abs=0.05)
