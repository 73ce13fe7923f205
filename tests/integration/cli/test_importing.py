"""`hustings import`: a recording becomes a past room, whole or not at all, beside a house or without."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from hustings.archive import importing as importing_module
from hustings.archive.importing import HIDDEN, adopt, facts_of, write_room
from hustings.archive.replay import made, make_replay
from hustings.base.clock import SystemClock
from hustings.base.errors import HustingsError
from hustings.base.ids import RoomId
from hustings.cli.main import main
from hustings.journal.auditing import audit_file
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey, load_or_make
from hustings.journal.reader import JournalReader
from hustings.media.recording import examine, sound_of
from hustings.wire import kinds
from tests.fakes.recordings import LENGTH_S, decoded, ffmpeg, level, noise, onset, pitch, tones
from tests.fakes.tree import ROOT
from tests.support.house import House
from tests.support.stage import Stage

START = "2026-05-01T19:00+02:00"
START_MS = 1_777_654_800_000


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    """A house that has run once."""
    return load_or_make(tmp_path / "keys")


def run(data: Path, room: str, file: Path, *words: str) -> int:
    return main(["import", room, str(file), "--data", str(data), *words])


def entries(data: Path, room: str) -> list:
    with JournalReader(data / "rooms" / room) as reader:
        return list(reader.entries())


def test_a_recording_becomes_a_past_room_whose_record_is_whole_and_honest(tmp_path, key, capsys):
    file = tones(tmp_path / "Spring debate.mp3")
    words = ("--title", "Spring", "--host", "Ada", "--language", "de", "--description", "About it.")
    assert run(tmp_path, "spring", file, "--start", START, "--json", *words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["start_ms"] == START_MS
    assert told["start_from"] == "--start"
    found = entries(tmp_path, "spring")
    facts = [entry.decode(kinds.Room) for entry in found if entry.kind == kinds.ROOM]
    assert [each.state for each in facts] == ["live", "ended"]
    for each in facts:
        assert (each.title, each.host, each.language) == ("Spring", "Ada", "de")
        assert (each.start_ms, each.epoch_ms, each.live_ms) == (START_MS, START_MS, START_MS)
        assert each.imported is not None
        assert (each.imported.name, each.imported.sha256) == ("Spring debate.mp3", told["sha256"])
    now_ms = SystemClock().wall_ms()
    assert all(now_ms - 600_000 < entry.header.wall_ms <= now_ms for entry in found)
    parts = [entry.decode(kinds.Part) for entry in found if entry.kind == kinds.PART]
    assert [part.n for part in parts] == list(range(len(parts)))
    assert set(parts[0].renditions) == {"opus", "opus-low", "aac"}
    report = audit_file(tmp_path / "rooms/spring/journal", public=key.public)
    assert report.ok
    assert report.imported == facts[0].imported
    assert main(["verify", str(tmp_path), "--key", str(tmp_path / "keys/journal.vkey")]) == 0
    said = capsys.readouterr().out
    assert "from Spring debate.mp3" in said
    assert "did not witness" in said


def test_its_replay_has_the_same_tones_at_the_same_times(tmp_path, key):
    file = tones(tmp_path / "a.m4a", channels=2)
    assert run(tmp_path, "spring", file, "--start", START, "--radio") == 0
    folder = make_replay(tmp_path, RoomId("spring"))
    for name in ("audio.m4a", "audio.opus", "audio.mp3"):
        pcm = decoded(folder / name)
        assert LENGTH_S <= len(pcm) / 48_000 < LENGTH_S + 0.5
        assert pitch(pcm, 0.5, 1.5) == pytest.approx(440, abs=2), name
        assert level(pcm, 2.5, 3.5) < 0.01
        assert onset(pcm, 2.5) == pytest.approx(4.0, abs=0.1), name
        assert pitch(pcm, 4.5, 5.5) == pytest.approx(1_000, abs=2)
    replay = made(tmp_path, RoomId("spring"))
    assert replay is not None
    assert replay.held_s == 0


def test_where_no_start_is_given_the_file_is_asked_and_it_is_said(tmp_path, key, capsys):
    tagged = tones(tmp_path / "a.m4a", "-metadata", "creation_time=2026-05-01T17:00:00Z")
    assert run(tmp_path, "tagged", tagged) == 0
    assert "begins at 2026-05-01 17:00:00 UTC, by the creation time" in capsys.readouterr().out
    plain = tones(tmp_path / "Our evening.wav")
    os.utime(plain, (1_700_000_000, 1_700_000_000))
    assert run(tmp_path, "plain", plain) == 0
    assert "2023-11-14 22:13:20 UTC, by the date of the file" in capsys.readouterr().out
    facts = entries(tmp_path, "plain")[1].decode(kinds.Room)
    assert facts.title == "Our evening"


def test_what_was_imported_can_be_erased_like_any_past(tmp_path, key):
    """The stage opens the room again from its last snapshot."""
    file = tones(tmp_path / "a.wav")
    assert run(tmp_path, "spring", file, "--start", START) == 0
    journal = Journal.open(tmp_path / "rooms", RoomId("spring"), key, SystemClock())
    assert journal.recovered.snapshot is not None
    assert journal.recovered.snapshot.room.state == "ended"
    assert journal.erase_parts(3, 5) == 3
    journal.close()
    assert audit_file(tmp_path / "rooms/spring/journal", public=key.public).ok


# ------------------------------------------------------------------ refusals


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("Bad Name", "FILE"), 2),
        (("spring", "FILE", "--start", "2026-05-01T19:00"), 2),
        (("spring", "FILE", "--start", "2999-01-01T00:00Z"), 2),
        (("spring", "FILE", "--language", "no language"), 2),
        (("spring", "FILE", "--track", "2"), 2),
        (("spring", "nowhere.mp3"), 1),
        (("rehearsal-" + "a" * 26, "FILE"), 1),
    ],
)
def test_wrong_words_are_told_apart_from_failures(tmp_path, key, words, code, capsys):
    file = tones(tmp_path / "a.wav")
    given = [str(file) if word == "FILE" else word for word in words]
    assert main(["import", *given, "--data", str(tmp_path)]) == code
    assert capsys.readouterr().err
    assert not [each for each in (tmp_path / "rooms").glob("*") if each.name != HIDDEN]


def test_a_name_is_taken_once(tmp_path, key, capsys):
    file = tones(tmp_path / "a.wav")
    assert run(tmp_path, "spring", file, "--start", START) == 0
    before = (tmp_path / "rooms/spring/journal").read_bytes()
    assert run(tmp_path, "spring", file, "--start", START, "--json") == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["code"] == "room_taken"
    assert (tmp_path / "rooms/spring/journal").read_bytes() == before


def test_a_damaged_file_leaves_nothing(tmp_path, key, capsys):
    file = tmp_path / "a.mp3"
    ffmpeg("-f", "lavfi", "-i", "anoisesrc=d=60:a=0.1:r=44100", file)
    file.write_bytes(file.read_bytes()[:200_000])
    assert run(tmp_path, "spring", file, "--start", START, "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "recording_damaged"
    assert not [*(tmp_path / "rooms" / HIDDEN).glob("*")]
    assert not (tmp_path / "rooms/spring").exists()


def test_the_disk_keeps_its_spare_for_live_rooms(tmp_path, key, monkeypatch, capsys):
    file = tones(tmp_path / "a.wav")
    free = SimpleNamespace(free=importing_module.SPARE_BYTES + 10_000)
    monkeypatch.setattr(importing_module.shutil, "disk_usage", lambda _: free)
    assert run(tmp_path, "spring", file, "--start", START, "--json") == 1
    assert json.loads(capsys.readouterr().out)["code"] == "recording_disk"
    monkeypatch.setattr(importing_module, "_BYTES_S", 0)  # it fills up under way
    free.free = importing_module.SPARE_BYTES - 1
    assert run(tmp_path, "spring", file, "--start", START, "--json") == 1
    assert not [*(tmp_path / "rooms").glob("*/*")]


def test_a_folder_that_is_no_house_is_not_made_one(tmp_path, capsys):
    file = tones(tmp_path / "a.wav")
    assert run(tmp_path / "typo", "spring", file) == 1
    assert "no house" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_half_an_import_is_never_taken_in(tmp_path, key):
    rooms, clock, room = tmp_path / "rooms", SystemClock(), RoomId("spring")
    with pytest.raises(HustingsError) as refused:
        adopt(rooms, room, key, clock)
    assert refused.value.code == "journal_missing"
    journal = Journal.open(rooms / HIDDEN, room, key, clock)
    imported = kinds.Imported("a.wav", "ab" * 32, 1)
    facts = facts_of(room, imported, title="T", start_ms=START_MS)
    journal.append(kinds.ROOM, facts, media_time=0)
    journal.snapshot(media_time=0, room=facts, roster=(), speaking=(), term=1, part=0)
    journal.close()
    with pytest.raises(HustingsError) as refused:
        adopt(rooms, room, key, clock)
    assert refused.value.code == "recording_bad"
    assert not (rooms / room).exists()


# ------------------------------------------------------------------ killed


def started(data: Path, room: str, file: Path) -> subprocess.Popen[bytes]:
    words = ("import", room, str(file), "--data", str(data), "--start", START)
    return subprocess.Popen(
        [sys.executable, "-m", "hustings", *words],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # as at a terminal, also where whoever runs the tests ignores it (a background job of a shell)
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


def wait_for_sound(process: subprocess.Popen[bytes], journal: Path) -> None:
    until = time.monotonic() + 60
    while not journal.exists() or journal.stat().st_size < 500_000:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_ended_midway_it_leaves_no_room_and_the_next_one_cleans_up(tmp_path, key, how):
    file = noise(tmp_path / "long.wav", 1_200)
    process = started(tmp_path, "spring", file)
    wait_for_sound(process, tmp_path / "rooms" / HIDDEN / "spring/journal")
    process.send_signal(how)
    assert process.wait(30) == (1 if how == signal.SIGINT else -how)
    assert not (tmp_path / "rooms/spring").exists()
    assert (tmp_path / "rooms" / HIDDEN / "spring").exists() == (how == signal.SIGKILL)
    assert run(tmp_path, "other", tones(tmp_path / "a.wav"), "--start", START) == 0
    assert not [*(tmp_path / "rooms" / HIDDEN).glob("*")]
    assert run(tmp_path, "spring", tmp_path / "a.wav", "--start", START) == 0


def test_one_that_is_under_way_is_not_cleaned_up(tmp_path, key):
    held = Journal.open(tmp_path / "rooms" / HIDDEN, RoomId("spring"), key, SystemClock())
    assert run(tmp_path, "other", tones(tmp_path / "a.wav"), "--start", START) == 0
    assert (held.folder / "journal").exists()
    held.close()


# ------------------------------------------------------------------ beside a stage


async def test_a_running_stage_takes_it_in_and_tells_everybody(tmp_path):
    async with Stage(tmp_path) as stage:
        key, clock, room = load_or_make(tmp_path / "keys"), SystemClock(), RoomId("spring")
        token = stage.service_headers()
        file = tones(tmp_path / "a.wav")
        imported = kinds.Imported("a.wav", "ab" * 32, 1)
        facts = facts_of(room, imported, title="T", start_ms=START_MS)
        write_room(tmp_path / "rooms", facts, sound_of(file, examine(file)), key=key, clock=clock)
        async with httpx.AsyncClient(base_url=stage.url) as http:
            path = "/rooms/spring/adopt"
            assert (await http.post(path)).status_code == 401
            told = (await http.post(path, headers=token)).json()
            assert told["state"] == "ended"
            assert told["imported"]["name"] == "a.wav"
            again = await http.post(path, headers=token)
            assert (again.status_code, again.json()["code"]) == (409, "room_taken")
            nothing = await http.post("/rooms/none/adopt", headers=token)
            assert nothing.json()["code"] == "journal_missing"
            for query in ("", "?past"):
                listed = (await http.get(f"/rooms{query}", headers=token)).json()
                assert [each["room"] for each in listed] == ["spring"]
            body = {"from_s": 1, "to_s": 2, "reason": "a name"}
            erased = await http.post("/rooms/spring/erase", headers=token, json=body)
            assert erased.json() == {"first": 3, "last": 6}


@pytest.mark.slow
def test_a_house_shows_it_among_its_past_rooms_with_replay_and_podcast(tmp_path):
    with House(tmp_path / "data") as house:
        file = tones(tmp_path / "a.mp3")
        house.put("planned", title="Planned")
        words = ("--stage-port", str(house.stage_port), "--set", "stage.doors=lobby")
        assert run(house.data, "planned", file, *words) == 1
        assert run(house.data, "spring", file, "--start", START, "--title", "Spring", *words) == 0
        until = time.monotonic() + 60
        wanted = {
            f"{house.web}/": "Spring",
            f"{house.edge}/r/spring": "this house did not record it",
        }
        while wanted:
            for url, words_there in list(wanted.items()):
                if words_there in httpx.get(url).text:
                    del wanted[url]
            assert time.monotonic() < until, wanted
            time.sleep(0.5)
        feed = house.data / "replays" / "podcast.xml"
        while "urn:hustings:room:spring" not in feed.read_text():
            assert time.monotonic() < until
            time.sleep(0.1)
        assert "urn:hustings:room:spring" in httpx.get(f"{house.edge}/podcast.xml").text
        html = httpx.get(f"{house.edge}/r/spring").text
        assert re.search(r"Imported on <time[^>]*>[^<]*</time> from <bdi>a.mp3</bdi>", html)
        report = audit_file(house.data / "rooms/spring/journal")
        assert report.ok
