"""The replay's files: whole, in step with the record, and made again after any interruption."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import av
import pytest

from hustings.archive import replay as replay_module
from hustings.archive.episodes import Episodes
from hustings.archive.follow import QUIET_S, Follower, ended, rooms_of
from hustings.archive.podcast import PODCAST, house_of
from hustings.archive.replay import FORMATS, made, make_replay, up_to_date
from hustings.base.clock import SystemClock
from hustings.base.errors import NotFound, OperatorError
from hustings.base.ids import private_id
from hustings.journal.file import Journal
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.settings import Settings
from hustings.wire import kinds
from tests.fakes.evenings import ROOM, record
from tests.fakes.journals import KEY
from tests.fakes.stage_feed import sound
from tests.fakes.tree import ROOT

PART_S = 0.32


def seconds(path: Path) -> float:
    """The length of the sound that FFmpeg decodes."""
    samples = 0
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            samples += frame.samples
    return samples / 48_000


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sounds(folder: Path) -> dict[str, bytes]:
    """All files with sound that are the same each time they are made."""
    return {
        k: v for k, v in contents(folder).items() if k.endswith((".m4s", ".m4a", ".wav", ".mp3"))
    }


@pytest.mark.parametrize("radio", [True, False])
def test_every_file_has_the_whole_sound(tmp_path, radio):
    record(tmp_path, range(401, 460), holes={412}, erased={420}, radio=radio)
    folder = make_replay(tmp_path, ROOM)
    replay = made(tmp_path, ROOM)
    assert replay is not None
    assert [each.name for each in replay.downloads] == [f"audio.{kind}" for kind in FORMATS]
    for each in replay.downloads:
        assert each.bytes == (folder / each.name).stat().st_size
        assert abs(seconds(folder / each.name) - 59 * PART_S) <= PART_S, each.name
    assert replay.duration_s == pytest.approx(59 * PART_S)
    assert replay.held_s == pytest.approx(2 * PART_S)
    assert up_to_date(tmp_path, ROOM)


def test_segments_hold_the_true_parts_and_hold_audio_where_there_are_none(tmp_path):
    record(tmp_path, range(401, 460), holes={412}, erased={420})
    folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    for rendition in ("aac", "opus"):
        playlist = (folder / rendition / "index.m3u8").read_text()
        names = re.findall(r"^(\d+\.m4s)$", playlist, re.MULTILINE)
        found = cmaf.frames_of(b"".join((folder / rendition / name).read_bytes() for name in names))
        expected = [
            frame
            for n in range(401, 460)
            for frame in (hold_frames(rendition, n) if n in {412, 420} else sound(n)[rendition])
        ]
        assert found == expected
        lengths = [float(s) for s in re.findall(r"EXTINF:([\d.]+)", playlist)]
        assert sum(lengths) == pytest.approx(59 * PART_S)
        assert playlist.endswith("#EXT-X-ENDLIST\n")


def test_killed_at_any_moment_it_goes_on_and_ends_the_same(tmp_path):
    """kill -9 of the job, after each of its steps and at moments between."""
    record(tmp_path, range(400, 700), radio=False)
    expected = None
    kills = 0
    for delay_s in (0.0, 0.01, 0.03, 0.1, 0.3):
        job = subprocess.Popen(
            [sys.executable, "-m", "hustings", "replay", str(tmp_path / "rooms" / ROOM)],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONUNBUFFERED": "1"},
        )
        assert job.stdout is not None
        folder = tmp_path / "replays"
        while job.poll() is None and not any(folder.glob(".making-*/aac/*.m4s")):
            if (folder / ROOM).exists():
                break
            time.sleep(0.005)
        time.sleep(delay_s)
        job.send_signal(signal.SIGKILL)
        kills += job.wait() == -signal.SIGKILL
        job.stdout.close()
        replay = made(tmp_path, ROOM)
        if replay is not None:  # what is shown is whole, however the job ended
            for each in replay.downloads:
                assert (folder / ROOM / each.name).stat().st_size == each.bytes
    assert kills >= 1
    make_replay(tmp_path, ROOM)
    expected = sounds(tmp_path / "replays" / ROOM)
    left = {path.name for path in (tmp_path / "replays").iterdir()}
    assert left - {PODCAST} == {ROOM}  # one of the jobs may have come to its end
    fresh = tmp_path / "fresh"
    record(fresh, range(400, 700), radio=False)
    make_replay(fresh, ROOM)
    assert sounds(fresh / "replays" / ROOM) == expected


def test_an_erasure_makes_the_sound_anew_and_words_alone_do_not(tmp_path):
    folder = record(tmp_path, range(400, 430))
    made_folder = make_replay(tmp_path, ROOM, formats=("m4a",))
    before = (made_folder / "aac" / "34.m4s").stat().st_ino
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    journal.append("agenda", {"id": "a", "title": "Late words"}, media_time=405 * 15_360)
    journal.close()
    assert not up_to_date(tmp_path, ROOM, ("m4a",))
    make_replay(tmp_path, ROOM, formats=("m4a",))
    assert (made_folder / "aac" / "34.m4s").stat().st_ino == before
    assert [c.title for c in made(tmp_path, ROOM).chapters][-1] == "Late words"

    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    with journal.reader() as reader:
        seq = next(e.seq for e in reader.parts(410, 410))
    journal.erase(seq)
    journal.close()
    make_replay(tmp_path, ROOM, formats=("m4a",))
    frames = cmaf.frames_of((made_folder / "aac" / "34.m4s").read_bytes())
    assert frames[2 * 15 : 3 * 15] == hold_frames("aac", 410)
    for data in contents(made_folder).values():
        assert sound(410)["aac"][7] not in data
    assert folder.exists()


def test_what_was_taken_back_is_in_no_file_even_before_it_is_erased(tmp_path):
    record(tmp_path, range(400, 430))
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    journal.append(kinds.DUMP, kinds.Dump(410, 411), media_time=412 * 15_360)
    journal.close()
    folder = make_replay(tmp_path, ROOM)
    for n in (410, 411):
        for name, data in contents(folder).items():
            for rendition in ("aac", "opus", "mp3"):
                assert not any(frame in data for frame in sound(n)[rendition][3:9]), name


def test_a_full_disk_leaves_the_journals_room_and_says_so(tmp_path, monkeypatch):
    record(tmp_path, range(400, 430))
    monkeypatch.setattr(
        replay_module.shutil,
        "disk_usage",
        lambda _: SimpleNamespace(free=replay_module.SPARE_BYTES),
    )
    with pytest.raises(OperatorError, match="disk"):
        make_replay(tmp_path, ROOM)
    assert not [*(tmp_path / "replays").iterdir()]


def test_a_disk_that_fills_up_under_way_leaves_nothing_half_made(tmp_path, monkeypatch):
    record(tmp_path, range(400, 430))
    write = Path.write_bytes
    count = 0

    def full(path: Path, data: bytes) -> int:
        nonlocal count
        count += 1
        if count > 8:
            raise OSError(28, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OperatorError, match="No space left"):
        make_replay(tmp_path, ROOM)
    assert made(tmp_path, ROOM) is None
    assert not [*(tmp_path / "replays").iterdir()]


def test_a_torn_tail_costs_what_was_torn(tmp_path):
    folder = record(tmp_path, range(400, 430), over=False)
    file = folder / "journal"
    file.write_bytes(file.read_bytes()[:-700])
    make_replay(tmp_path, ROOM, formats=("m4a",))
    assert made(tmp_path, ROOM).end in {429, 430}


def test_a_room_without_sound_has_no_replay(tmp_path):
    record(tmp_path, range(400, 400))
    with pytest.raises(NotFound, match="never live"):
        make_replay(tmp_path, ROOM)


def test_a_rehearsal_leaves_nothing(tmp_path):
    record(tmp_path, range(400, 430))
    name = private_id("rehearsal")
    (tmp_path / "rooms" / ROOM).rename(tmp_path / "rooms" / name)
    assert rooms_of(tmp_path) == []
    with pytest.raises(NotFound, match="private"):
        make_replay(tmp_path, name)


def test_who_follows_makes_what_has_ended_and_leaves_what_is_open(tmp_path):
    folder = record(tmp_path, range(400, 430), over=False)
    podcast = Episodes(tmp_path, house_of(Settings()))
    follower = Follower(tmp_path, ("m4a",), SystemClock(), podcast)
    quiet = time.time() - QUIET_S - 1
    os.utime(folder / "journal", (quiet, quiet))
    assert not ended(folder)
    assert follower.turn() == 0
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    journal.append(kinds.ROOM, kinds.Room(ROOM, "T", "ended"), media_time=430 * 15_360)
    journal.close()
    assert follower.turn() == 0  # just written: perhaps it goes on
    os.utime(folder / "journal", (quiet + 0.5, quiet + 0.5))
    assert ended(folder)
    assert follower.turn() == 1
    assert follower.turn() == 0
    assert up_to_date(tmp_path, ROOM, ("m4a",))
