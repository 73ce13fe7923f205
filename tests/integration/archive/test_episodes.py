"""`podcast.xml` follows the replays' folder: what appears, changes, disappears; and a full disk."""

import os
import shutil
import time
from pathlib import Path

import podcastparser

from hustings.archive import episodes as episodes_module
from hustings.archive.episodes import Episodes
from hustings.archive.follow import AGAIN_S, Follower
from hustings.archive.index import read_index
from hustings.archive.podcast import PODCAST, house_of
from hustings.archive.replay import make_replay
from hustings.base.clock import ManualClock, SystemClock
from hustings.base.ids import private_id
from hustings.cli.main import main
from hustings.journal.file import Journal
from hustings.settings import PublicUrl, Settings
from hustings.wire import kinds
from tests.fakes.evenings import ROOM, facts, record
from tests.fakes.journals import KEY

HOUSE = house_of(Settings(public_url=PublicUrl(web="https://w.example", edge="https://e.example")))


def guids(data: Path) -> list[str]:
    with (data / "replays" / PODCAST).open("rb") as file:
        found = podcastparser.parse("https://e.example/podcast.xml", file)
    return [each["guid"] for each in found["episodes"]]


def test_a_follower_writes_it_when_a_replay_appears_and_when_one_is_gone(tmp_path):
    podcast = Episodes(tmp_path, HOUSE)
    follower = Follower(tmp_path, ("m4a",), SystemClock(), podcast)
    follower.turn()
    assert guids(tmp_path) == []  # there is a feed to subscribe to from the first day
    folder = record(tmp_path, range(400, 430))
    quiet = time.time() - 60
    os.utime(folder / "journal", (quiet, quiet))
    assert follower.turn() == 1
    assert guids(tmp_path) == ["urn:hustings:room:demo"]
    file = tmp_path / "replays" / PODCAST
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert not podcast.stale
    follower.turn()
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before
    shutil.rmtree(tmp_path / "replays" / ROOM)
    follower.turn()
    assert guids(tmp_path) == []


def test_new_words_about_a_room_are_in_it(tmp_path):
    record(tmp_path, range(400, 430))
    make_replay(tmp_path, ROOM, formats=("m4a",))
    podcast = Episodes(tmp_path, HOUSE)
    podcast.write()
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    told = facts(400, 430, title="Told anew")
    journal.append(kinds.ROOM, told, media_time=430 * 15_360)
    journal.close()
    make_replay(tmp_path, ROOM, formats=("m4a",))
    podcast.write()
    assert b"<title>Told anew</title>" in (tmp_path / "replays" / PODCAST).read_bytes()


def test_private_rooms_and_half_made_folders_are_not_in_it(tmp_path):
    record(tmp_path, range(400, 430))
    done = make_replay(tmp_path, ROOM, formats=("m4a",))
    for name in (private_id("rehearsal"), ".making-demo", ".old-demo"):
        shutil.copytree(done, done.with_name(name))
    (done.parent / "broken").mkdir()
    (done.parent / "broken" / "index.json").write_bytes(b"{")
    Episodes(tmp_path, HOUSE).write()
    hidden = read_index((done / "index.json").read_bytes())
    assert hidden is not None
    assert guids(tmp_path) == ["urn:hustings:room:demo"]


def test_each_index_is_read_once(tmp_path, monkeypatch):
    record(tmp_path, range(400, 430))
    make_replay(tmp_path, ROOM, formats=("m4a",))
    read = []
    monkeypatch.setattr(
        episodes_module, "read_index", lambda data: read.append(1) or read_index(data)
    )
    podcast = Episodes(tmp_path, HOUSE)
    for _ in range(3):
        podcast.write()
    assert len(read) == 1


def test_a_disk_that_refuses_is_tried_again_later(tmp_path, monkeypatch, caplog):
    clock = ManualClock()
    podcast = Episodes(tmp_path, HOUSE)
    follower = Follower(tmp_path, ("m4a",), clock, podcast)
    tries = []

    def full() -> None:
        tries.append(1)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(podcast, "write", full)
    for _ in range(5):
        follower.turn()
    assert len(tries) == 1
    assert "No space left" in caplog.text
    clock.advance(AGAIN_S)
    follower.turn()
    assert len(tries) == 2


def test_the_command_writes_it_too(tmp_path, capsys):
    record(tmp_path, range(400, 430))
    assert main(["replay", str(tmp_path), "--set", "house.title=Our town", "--json"]) == 0
    assert guids(tmp_path) == ["urn:hustings:room:demo"]
    assert b"<title>Our town</title>" in (tmp_path / "replays" / PODCAST).read_bytes()
