"""Two speak with coded tones, one agreed that her own track is kept: a real stage, then a replay.

What each says can be told by its pitch, and when by the bursts it comes in.
"""

import asyncio
from pathlib import Path
from typing import Any

import av
import httpx
import msgspec
import numpy as np
import pytest

from hustings.archive.index import Replay
from hustings.archive.replay import made, make_replay
from hustings.base.clock import SystemClock
from hustings.base.ids import RoomId
from hustings.journal.auditing import audit_file
from hustings.journal.entry import Entry, Visibility
from hustings.journal.file import Journal
from hustings.journal.keys import load_or_make
from hustings.journal.reader import JournalReader
from hustings.media.opus import OpusEncoder
from hustings.stage.room import Change
from hustings.stage.studio import Studio
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES
from tests.fakes.rtc_client import Caller
from tests.support.speakers import StageProcess, leave
from tests.support.stage import Person, Stage

ADA, BEN = 700.0, 1_900.0  # Hz
BLOCK = 480  # samples, 10 ms
ROOM = RoomId("r")


def bursts(hertz: float, seconds: int, seed: int) -> list[bytes]:
    """A tone that comes and goes at random, each time for 0.2 to 0.6 s."""
    lengths = np.random.default_rng(seed).integers(10, 30, seconds * 5)
    loud = np.repeat(np.arange(len(lengths)) % 2 == 0, lengths)[: seconds * 50]
    at = np.arange(len(loud) * 960) / 48_000
    sound = (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32) * np.repeat(loud, 960)
    encoder = OpusEncoder(48_000, complexity=5)
    return [encoder.encode(block) for block in sound.astype(np.float32).reshape(-1, 960)]


async def evening(stage: Any, *, agrees: bool = True) -> list[tuple[Person, Caller]]:
    """Ada and Ben are live on stage in room `r` and speak; Ada agreed before she went up."""
    found = []
    for name, hertz in (("Ada", ADA), ("Ben", BEN)):
        person = await Person(stage, ROOM, "host").join(name)
        async with person.control():
            if name == "Ada" and agrees:
                assert (await person.do("keep_track"))["type"] == "done"
            await person.do("accept")
            found.append((person, await person.speak(bursts(hertz, 30, len(found)))))
    return found


async def until_sent(caller: Caller, frames: int) -> None:
    async with asyncio.timeout(60):
        while caller.track.sent < frames:
            await asyncio.sleep(0.02)


async def go_live(person: Person) -> None:
    async with person.control():
        await person.do("go_live")


async def end(person: Person) -> None:
    async with person.control():
        await person.socket.send('{"type": "do", "id": 99, "command": "end"}')
        await person.hear("bye")


def heard(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        blocks = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    return np.concatenate(blocks).astype(np.float32) / 32_768


def pitch(sound: np.ndarray, hertz: float) -> np.ndarray:
    """How strong a tone is in each 10 ms."""
    blocks = sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)
    at = np.arange(BLOCK) / 48_000
    return np.abs(blocks @ (np.exp(-2j * np.pi * hertz * at) * np.hanning(BLOCK)))


def lag(sound: np.ndarray, other: np.ndarray) -> int:
    """By how many blocks `other` is later where the two fit best."""
    one, two = sound - sound.mean(), other - other.mean()
    return int(np.argmax(np.correlate(two, one, "full"))) - len(one) + 1


def replay_of(data: Path) -> tuple[Path, Replay]:
    folder = make_replay(data, ROOM, formats=("m4a", "wav"))
    replay = made(data, ROOM)
    assert replay is not None
    return folder, replay


def tracks_on_file(data: Path) -> list[Entry]:
    with JournalReader(data / "rooms" / ROOM) as reader:
        return [entry for entry in reader.entries() if entry.kind == kinds.TRACK]


@pytest.mark.parametrize("delay_s", [0, 3])
async def test_the_track_of_who_agreed_has_that_voice_alone_at_the_mixs_time(
    tmp_path: Path, delay_s: int
) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby", delay_s=delay_s)
        (ada, hers), (ben, his) = await evening(stage)
        await go_live(ben)
        live = hers.track.sent
        await until_sent(hers, live + 200 + delay_s * 50)
        async with ben.control():  # hosts see that she agreed, and can do no more about it
            assert ben.heard[-1]["room"]["tracks"] == [ada.id]
        await end(ben)
        await hers.close()
        await his.close()
    assert all(entry.visibility == 1 for entry in tracks_on_file(tmp_path))
    folder, replay = replay_of(tmp_path)
    (track,) = replay.tracks
    assert (track.who, track.name) == (ada.id, "Ada")
    voice, mix = heard(folder / track.file), heard(folder / "audio.wav")
    assert len(voice) == len(mix) == (replay.end - replay.first) * PART_SAMPLES
    assert pitch(voice, ADA).max() > 20 * pitch(voice, BEN).max()
    assert pitch(mix, BEN).max() > 0.3 * pitch(mix, ADA).max()
    assert abs(lag(pitch(voice, ADA), pitch(mix, ADA))) <= 1
    assert audit_file(tmp_path / "rooms" / ROOM / "journal").ok


async def test_a_dump_takes_the_track_along(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby")
        (ada, hers), (_, his) = await evening(stage)
        await go_live(ada)
        live = hers.track.sent
        await until_sent(hers, live + 150)
        async with ada.control():
            assert (await ada.do("dump"))["type"] == "done"
        await until_sent(hers, live + 300)
        await end(ada)
        await hers.close()
        await his.close()
    folder, replay = replay_of(tmp_path)
    ((first, last),) = replay.taken
    for entry in tracks_on_file(tmp_path):
        assert (entry.body is None) is (first <= entry.media_time // PART_SAMPLES <= last)
    voice = heard(folder / replay.tracks[0].file)
    begin, stop = ((n - replay.first) * PART_SAMPLES for n in (max(first, replay.first), last + 1))
    assert np.abs(voice[begin:stop]).max() < 1e-3
    assert pitch(voice[stop:], ADA).max() > 20 * pitch(voice[stop:], BEN).max()


async def test_who_takes_it_back_is_erased_at_once_and_starts_anew(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby")
        (ada, hers), (_, his) = await evening(stage)
        await go_live(ada)
        await until_sent(hers, hers.track.sent + 150)
        async with ada.control():
            assert (await ada.do("drop_track"))["type"] == "done"
            gone = [each["room"] for each in ada.heard if each["type"] == "room"][-1]
            assert "tracks" not in gone
            await until_sent(hers, hers.track.sent + 100)
            await ada.do("keep_track")
        await until_sent(hers, hers.track.sent + 150)
        await end(ada)
        await hers.close()
        await his.close()
    tracks = tracks_on_file(tmp_path)
    bare = [entry.body is None for entry in tracks]
    assert bare == sorted(bare, reverse=True)
    assert 6 <= sum(bare) < len(bare) - 6
    old, new = tracks[sum(bare) - 1].media_time, tracks[sum(bare)].media_time
    assert new - old >= 4 * PART_SAMPLES  # nothing was kept in between
    folder, replay = replay_of(tmp_path)
    voice = heard(folder / replay.tracks[0].file)
    assert np.abs(voice[: new - replay.first * PART_SAMPLES]).max() < 1e-3
    assert audit_file(tmp_path / "rooms" / ROOM / "journal").ok


async def test_it_can_be_taken_back_when_all_is_over_and_by_who_was_removed(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby")
        (ada, hers), (ben, his) = await evening(stage)
        await go_live(ben)
        await until_sent(hers, hers.track.sent + 100)
        async with ben.control():
            await ben.do("remove", participant=ada.id)
        await end(ben)
        await hers.close()
        await his.close()
        await stage.stop()
        assert len(replay_of(tmp_path)[1].tracks) == 1
        await stage.start()
        async with httpx.AsyncClient(base_url=stage.url) as http:
            path = f"/rooms/{ROOM}/drop_track"
            assert (await http.post(path, json={"invitation": "x"})).json()["code"] == "token_bad"
            other = {"invitation": stage.invite("other", "host")}
            assert (await http.post(path, json=other)).json()["code"] == "token_room"
            assert (await http.post(path, json={"invitation": ben.invitation})).json() == {
                "dropped": False
            }
            hers_alone = {"invitation": ada.invitation}
            assert (await http.post(path, json=hers_alone)).json() == {"dropped": True}
            assert (await http.post(path, json=hers_alone)).json() == {"dropped": False}
    assert all(entry.body is None for entry in tracks_on_file(tmp_path))
    folder, replay = replay_of(tmp_path)
    assert replay.tracks == []
    assert list((folder / "tracks").iterdir()) == []


async def test_a_stage_that_is_killed_goes_on_with_it(tmp_path: Path) -> None:
    with StageProcess(tmp_path) as stage:
        stage.put(ROOM, title="R", state="lobby")
        speakers = (ada, hers), _ = await evening(stage)
        await go_live(ada)
        await until_sent(hers, hers.track.sent + 200)
        stage.process.kill()
        stage.process.wait(10)
        await leave(speakers)
    before = {each.media_time for each in tracks_on_file(tmp_path) if each.body is not None}
    assert len(before) > 6
    with StageProcess(tmp_path) as stage:
        again = Person(stage, ROOM, "host", ada.invitation)  # type: ignore[arg-type]
        again.id = (await again.join("Ada")).id
        async with again.control():
            caller = await again.speak(bursts(ADA, 10, 5))
            await until_sent(caller, 150)
            await again.socket.send('{"type": "do", "id": 99, "command": "end"}')
            await again.hear("bye")
        await leave([(again, caller)])
    after = {each.media_time for each in tracks_on_file(tmp_path) if each.body is not None}
    assert before < after  # nobody asked her again
    _, replay = replay_of(tmp_path)
    assert [each.who for each in replay.tracks] == [ada.id]
    assert audit_file(tmp_path / "rooms" / ROOM / "journal").ok


async def test_an_erasure_of_a_track_that_a_crash_left_undone_is_done_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby")
        await stage.stop()
        key = load_or_make(tmp_path / "keys")
        journal = Journal.open(tmp_path / "rooms", ROOM, key, SystemClock())
        room = kinds.Room(ROOM, "R", "lobby", epoch_ms=1, tracks=["ada", "ben"])
        for n in range(20):
            if n in {0, 10, 15}:  # she agreed, then not, then again
                tracks = ["ben"] if n == 10 else ["ada", "ben"]
                room = msgspec.structs.replace(room, tracks=tracks)
                journal.append(kinds.ROOM, room, media_time=n * PART_SAMPLES)
            for who in room.tracks:
                track = kinds.Track(n, who, [b"a secret"] * 16)
                at = n * PART_SAMPLES
                journal.append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)
        journal.close()
        await stage.start()
    kept = [each.decode(kinds.Track) for each in tracks_on_file(tmp_path) if each.body is not None]
    assert {each.n for each in kept if each.who == "ada"} == set(range(15, 20))
    assert {each.n for each in kept if each.who == "ben"} == set(range(20))


async def test_another_device_on_the_same_link_did_not_agree_to_anything(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put(ROOM, title="R", state="lobby")
        ada = await Person(stage, ROOM, "speaker").join("Ada")
        async with ada.control():
            assert (await ada.do("keep_track"))["type"] == "done"
            assert (await ada.do("drop_track"))["type"] == "done"
            again = await ada.do("keep_track")
            assert (again["type"], again["code"]) == ("error", "track_soon")
        await stage.engine.do(lambda studio: studio.hall(ROOM).take(_agrees(studio, ada.id)))
        async with ada.control():  # comes back to her own page
            assert await _agreed(stage) == [ada.id]
        ben = Person(stage, ROOM, "speaker", ada.invitation)
        assert (await ben.join("Ben")).id == ada.id
        assert await _agreed(stage) == []
        await stage.engine.do(lambda studio: studio.hall(ROOM).take(_agrees(studio, ben.id)))
        async with ben.control():
            assert await _agreed(stage) == [ada.id]
        async with ada.control():  # with her token of before, without joining
            assert await _agreed(stage) == []


def _agrees(studio: Studio, who: str) -> list[Change]:
    return studio.hall(ROOM).model.keep_track(who)


async def _agreed(stage: Stage) -> list[str]:
    return await stage.engine.do(lambda studio: studio.hall(ROOM).model.facts.tracks)
