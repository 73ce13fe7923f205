import functools
import hashlib

import numpy as np
import pytest

from hustings.media.hold import HOLD_PARTS, hold_frames
from hustings.media.make_data import hold_sound
from hustings.media.opus import OpusDecoder
from hustings.media.pcm import Pcm, dbfs
from hustings.wire.names import mp3_frames_before

# Changing these is a change of protocol: see media.make_data.
PINNED = {
    "opus": "ff92361a4a7b21af",
    "opus-low": "eb050aa39421f914",
    "aac": "acd03387b69083d9",
    "mp3": "5ae84425ed937db1",
}


@functools.cache
def loop_sound() -> Pcm:
    return hold_sound()


@pytest.mark.parametrize("rendition", PINNED)
def test_the_bytes_are_the_same_everywhere(rendition: str) -> None:
    whole = b"".join(f for n in range(HOLD_PARTS) for f in hold_frames(rendition, n))
    assert hashlib.sha256(whole).hexdigest()[:16] == PINNED[rendition]


@pytest.mark.parametrize(("rendition", "count"), [("opus", 16), ("opus-low", 16), ("aac", 15)])
def test_each_part_is_whole(rendition: str, count: int) -> None:
    assert all(len(hold_frames(rendition, n)) == count for n in range(HOLD_PARTS))


@pytest.mark.parametrize("n", [0, 1, 29, 30, 31, 100_001, 2**40])
def test_part_n_depends_on_n_only(n: int) -> None:
    assert hold_frames("opus", n) == hold_frames("opus", n % 30)
    assert len(hold_frames("mp3", n)) == mp3_frames_before(n + 1) - mp3_frames_before(n)


def test_an_unknown_rendition_is_a_bug() -> None:
    with pytest.raises(KeyError):
        hold_frames("flac", 0)


def test_it_is_quiet_and_steady() -> None:
    decoder = OpusDecoder()
    sound = np.concatenate([decoder.decode(f) for n in range(60) for f in hold_frames("opus", n)])
    assert dbfs(sound) == pytest.approx(-32, abs=1.5)
    assert np.abs(sound).max() < 0.2
    seconds = [dbfs(sound[at : at + 48_000]) for at in range(0, len(sound) - 48_000, 48_000)]
    assert max(seconds) - min(seconds) < 6


def test_the_end_runs_into_the_start() -> None:
    loop = loop_sound()
    steps = np.abs(np.diff(np.concatenate((loop, loop[:1]))))
    assert steps[-1] <= 1.1 * steps.max()
    decoder = OpusDecoder()
    sound = np.concatenate([decoder.decode(f) for n in range(60) for f in hold_frames("opus", n)])
    curve = np.abs(np.diff(sound, 2))  # a click shows in the second difference
    seam = 30 * 15_360
    assert curve[seam - 960 : seam + 960].max() <= curve[48_000 : seam - 48_000].max()


@pytest.mark.parametrize("rendition", ["opus", "opus-low"])
def test_no_dip_at_the_start_of_a_part(rendition: str) -> None:
    decoder, loop = OpusDecoder(), loop_sound()
    ratios: list[list[float]] = [[] for _ in range(16)]
    for n in range(60):
        for tick, frame in enumerate(hold_frames(rendition, n)):
            at = n % 30 * 15_360 + tick * 960
            made, meant = decoder.decode(frame), np.roll(loop, 312)[at : at + 960]
            ratios[tick].append(dbfs(made) - dbfs(meant))
    steady = float(np.mean(ratios[2:]))
    assert abs(float(np.mean(ratios[0])) - steady) < 0.5
