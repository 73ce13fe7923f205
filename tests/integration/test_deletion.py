"""A recording is deleted: by a host and by its policy, at a real stage, its edges and on the disk."""

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hustings.archive.episodes import Episodes
from hustings.archive.follow import Follower
from hustings.archive.podcast import house_of
from hustings.archive.replay import make_replay
from hustings.base.clock import ManualClock, SystemClock
from hustings.base.ids import RoomId
from hustings.base.tasks import Tasks
from hustings.journal import deletion
from hustings.journal import file as file_module
from hustings.journal.auditing import audit_file
from hustings.journal.keys import load_or_make
from hustings.journal.proof import flaws, read_proof
from hustings.journal.reader import JournalReader
from hustings.settings import Settings
from hustings.stage import studio as studio_module
from hustings.stage.deleting import HOLD_S, LOOK_S, Deletions
from hustings.wire.names import PART_SAMPLES
from tests.fakes.evenings import EPOCH_MS, ROOM, record
from tests.fakes.stage_feed import sound
from tests.integration.test_stage_and_edge import Standing
from tests.support.speakers import Place, leave, speech, take_the_stage
from tests.support.stage import Person, Stage

REASON = "A guest asked us to"
PATHS = (  # of the replay, the past, and the live room
    *("/r/demo/audio.m4a", "/r/demo/index.json", "/r/demo/aac/37.m4s"),
    *("/live/demo/dvr.m3u8", "/live/demo/aac/dvr.m3u8", "/live/demo/aac/37.m4s"),
    *("/live/demo/opus.mp4", "/live/demo/state.json", "/live/demo/events"),
)
SAID = (b"Ben <b>", b"A chapter of theirs", sound(450)["aac"][3], sound(450)["opus"][7])
"""What was in the evening: a name, words, frames of sound in two encodings."""


def found(data: Path) -> set[str]:
    """Files below the data folder in which something of the evening stands."""
    return {
        path.name
        for path in data.rglob("*")
        if path.is_file() and any(each in path.read_bytes() for each in SAID)
    }


@pytest.fixture
def past(tmp_path: Path) -> Path:
    """A data folder with an evening of the past and its replay."""
    record(
        tmp_path,
        range(401, 500),
        chapters={420: "A chapter of theirs"},
        key=load_or_make(tmp_path / "keys"),
        keep_days=30,
    )
    make_replay(tmp_path, ROOM, formats=("m4a",))
    Episodes(tmp_path, house_of(Settings(data=str(tmp_path)))).write()
    return tmp_path


@contextlib.asynccontextmanager
async def edges(stage: Stage) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Three: beside the journals, below that one with its past from there, and one far away."""
    key = load_or_make(stage.data / "keys").vkey
    async with contextlib.AsyncExitStack() as stack:
        near = await stack.enter_async_context(Standing(stage, key, archive=str(stage.data)))
        below = await stack.enter_async_context(Standing(stage, key, origin=near, archive=near))
        far = await stack.enter_async_context(Standing(stage, key, archive=near))
        yield [
            await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=20))
            for url in (near, below, far)
        ]


async def asked(edge: httpx.AsyncClient, path: str) -> httpx.Response:
    """The answer, also of an edge that has much to do just now."""
    async with asyncio.timeout(30):
        while (answer := await edge.get(path)).status_code == 503:
            await asyncio.sleep(0.1)
    return answer


async def delete(stage: Stage, room: str, reason: str = REASON) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        return await http.post(
            f"/rooms/{room}/delete", json={"reason": reason}, headers=stage.service_headers()
        )


async def put(stage: Stage, room: str, **facts: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        return await http.put(f"/rooms/{room}", json=facts, headers=stage.service_headers())


async def gone_at(edge: httpx.AsyncClient) -> dict[str, Any]:
    """Wait until this edge says that the room is deleted, and show its tombstone."""
    async with asyncio.timeout(20):
        while (await edge.get("/live/demo/state.json")).status_code != 410:
            await asyncio.sleep(0.05)
        for path in PATHS:
            answer = await asked(edge, path)
            assert (answer.status_code, answer.json()["code"]) == (410, "room_deleted"), path
            assert answer.json()["deleted"]["reason"] == REASON
        answer = await asked(edge, "/r/demo/tombstone.json")
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


async def test_nothing_of_a_deleted_recording_is_left_anywhere(past: Path) -> None:
    key = load_or_make(past / "keys")
    head = audit_file(past / "rooms" / "demo" / "journal").head
    async with Stage(past) as stage, edges(stage) as houses:
        assert {"journal", "audio.m4a", "37.m4s", "index.json"} <= found(past)
        for edge in houses:
            for path in ("/r/demo/audio.m4a", "/live/demo/aac/37.m4s", "/live/demo/aac/dvr.m3u8"):
                assert (await asked(edge, path)).status_code == 200, path
            page = (await asked(edge, "/r/demo")).text
            assert "Ben" in page
            assert "will be deleted on" in page
            assert (await asked(edge, "/r/demo/tombstone.json")).status_code == 404
        assert (await delete(stage, "demo", " ")).json()["code"] == "reason_missing"
        assert (await delete(stage, "nowhere")).json()["code"] == "room_unknown"
        answer = await delete(stage, "demo")
        assert answer.status_code == 200, answer.text
        left = answer.json()
        assert left.keys() == {
            *("room", "title", "state", "epoch_ms", "live_ms", "ended_ms", "deleted"),
        }
        for edge in houses:
            proof = await gone_at(edge)
            assert proof["says"]["facts"] == left
            assert (
                list(flaws(read_proof(httpx.Response(200, json=proof).content), key.public)) == []
            )
            page = await asked(edge, "/r/demo")
            assert page.status_code == 200
            assert REASON in page.text
            assert "/r/demo/tombstone.json" in page.text
            assert "Ben" not in page.text
        assert found(past) == set()
        assert (await delete(stage, "demo", "another")).json() == left  # again is as once
        with pytest.raises(httpx.HTTPStatusError, match="410"):
            await stage.put("demo", title="Again")
        deleted = await _listed(stage, since_ms=left["deleted"]["at_ms"])
        assert deleted == [left]
        assert await _listed(stage, since_ms=left["deleted"]["at_ms"] + 1) == []
    report = audit_file(
        past / "rooms" / "demo" / "journal", public=key.public, head=bytes.fromhex(head)
    )
    assert report.ok, report.findings
    assert report.deleted is not None
    assert report.deleted.reason == REASON
    assert report.deleted_parts == 99


async def _listed(stage: Stage, *, since_ms: int) -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        answer = await http.get(f"/rooms?deleted_since={since_ms}", headers=stage.service_headers())
    rooms: list[dict[str, Any]] = answer.json()
    return rooms


@pytest.mark.parametrize("lost", [[], ["ended.json"], ["ended.json", "tombstone.json"]])
async def test_it_stays_deleted_whatever_small_file_is_lost(past: Path, lost: list[str]) -> None:
    async with Stage(past) as stage:
        await delete(stage, "demo")
        await _until_done(past)
        await stage.stop()
        for name in lost:
            (past / "rooms" / "demo" / name).unlink()
        before = (past / "rooms" / "demo" / "journal").read_bytes()
        await stage.start()
        async with edges(stage) as houses:
            await gone_at(houses[2])
        with pytest.raises(httpx.HTTPStatusError, match="410"):
            await stage.put("demo", title="Again")
    assert (past / "rooms" / "demo" / "journal").read_bytes() == before


async def test_what_a_crash_left_undone_is_done_at_the_next_start(past: Path) -> None:
    """The decision was on disk, and no more."""
    async with Stage(past) as stage:
        await stage.stop()
        line = await _decided(past)
        deletion.intend(past / "rooms" / "demo", line)
        await stage.start()
        await _until_done(past)
    assert found(past) == set()
    assert audit_file(past / "rooms" / "demo" / "journal").ok


async def _decided(data: Path) -> dict[str, Any]:
    """The line that a stage writes down first."""
    folder = data / "rooms" / "demo"
    facts = {"room": "demo", "title": "R", "state": "ended", "deleted": {"at_ms": 1}}
    return {"room": "demo", "title": "R", "state": "ended", "head": 1, "facts": facts} | {
        "start_ms": 0, "epoch_ms": 0, "media_time": 0, "wall_ms": folder.exists()
    }  # fmt: skip


async def _until_done(data: Path) -> None:
    async with asyncio.timeout(20):
        while not (data / "rooms" / "demo" / "tombstone.json").exists():
            await asyncio.sleep(0.05)
        while (data / "rooms" / "demo" / "journal.delete").exists():
            await asyncio.sleep(0.05)


async def test_a_live_room_is_not_deleted_and_one_that_has_just_ended_is(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("demo", title="R", state="lobby")
        host = await Person(stage, "demo", "host").join("Ada")
        async with host.control():
            await host.do("go_live")
            assert (await delete(stage, "demo")).json()["code"] == "room_state"
            await host.socket.send('{"type": "do", "id": 99, "command": "end"}')
            assert (await host.hear("bye"))["code"] == "room_ended"
        assert (await delete(stage, "demo")).status_code == 200
        await _until_done(tmp_path)
    assert audit_file(tmp_path / "rooms" / "demo" / "journal").deleted is not None


async def erase(stage: Stage) -> httpx.Response:
    """Parts 402 to 409 of the evening are to be erased."""
    what = {"from_s": 402 * 0.32, "to_s": 410 * 0.32, "reason": "Private"}
    async with httpx.AsyncClient(base_url=stage.url) as http:
        return await http.post("/rooms/demo/erase", json=what, headers=stage.service_headers())


def bare(data: Path) -> list[int]:
    with JournalReader(data / "rooms" / "demo") as reader:
        return [e.media_time // PART_SAMPLES for e in reader.parts(401, 499) if e.body is None]


async def test_a_deletion_that_is_refused_leaves_what_is_still_to_be_erased(
    past: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with Stage(past) as stage:
        with monkeypatch.context() as disk:
            disk.setattr(file_module, "erase_records", full)
            disk.setattr(deletion, "intend", full)
            assert (await erase(stage)).json() == {"first": 402, "last": 409}
            assert (await delete(stage, "demo", " ")).json()["code"] == "reason_missing"
            assert (await delete(stage, "demo")).json()["code"] == "journal_disk"
            pending = await stage.engine.do(lambda studio: studio.halls[ROOM].record.eraser.pending)
            assert pending == [(402, 409)]
            assert not (past / "rooms" / "demo" / "ended.json").exists()
            await stage.stop()
        assert bare(past) == []
        await stage.start()
        async with asyncio.timeout(20):
            while bare(past) != list(range(402, 410)):
                await asyncio.sleep(0.05)


async def test_a_room_is_not_retired_while_something_of_it_is_to_be_erased(
    past: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def retire(studio: studio_module.Studio) -> None:
        with pytest.raises(RuntimeError, match="still to be erased"):
            studio._retire(studio.halls[ROOM])

    async with Stage(past) as stage:
        with monkeypatch.context() as disk:
            disk.setattr(file_module, "erase_records", full)
            await erase(stage)
            await stage.engine.do(retire)
            assert await stage.engine.do(lambda studio: ROOM in studio.halls)
            assert (await delete(stage, "demo")).status_code == 200  # goes with all the rest
            await _until_done(past)
    report = audit_file(past / "rooms" / "demo" / "journal")
    assert report.ok
    assert report.deleted is not None


async def test_a_full_stage_takes_back_and_deletes_what_has_ended(past: Path) -> None:
    async with Stage(past, rooms=1) as stage:
        await stage.put("open", title="O")
        assert (await erase(stage)).status_code == 200
        assert (await delete(stage, "demo")).status_code == 200
        with pytest.raises(httpx.HTTPStatusError, match="503"):
            await stage.put("another", title="A")
        await _until_done(past)


async def test_an_evening_that_is_not_kept_can_be_rewound_and_is_gone_when_it_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio_module, "NOT_KEPT_AFTER_MS", 1_000)
    async with Stage(tmp_path) as stage, edges(stage) as houses:
        await stage.put("demo", title="R", state="lobby", keep_days=0)
        speakers = await take_the_stage(Place(stage), "demo", 1, frames=speech(4))
        near = houses[0]
        state = (await near.get("/live/demo/state.json")).json()
        assert state["room"]["keep_days"] == 0
        assert "is not kept" in (await asked(near, "/r/demo")).text
        async with asyncio.timeout(30):
            while (await near.get("/live/demo/aac/dvr.m3u8")).status_code != 200:
                await asyncio.sleep(0.1)
        host = speakers[0][0]
        async with host.control():
            await host.socket.send('{"type": "do", "id": 99, "command": "end"}')
            assert (await host.hear("bye"))["code"] == "room_ended"
        await leave(speakers)
        for edge in houses:
            async with asyncio.timeout(20):
                while (await edge.get("/live/demo/state.json")).status_code != 410:
                    await asyncio.sleep(0.1)
            assert "how long it would be kept" in (await asked(edge, "/r/demo")).text
        await _until_done(tmp_path)
    report = audit_file(tmp_path / "rooms" / "demo" / "journal")
    assert report.ok
    assert report.deleted is not None
    assert report.deleted.by == "policy"
    assert report.erased == report.entries - 1


# --- the minute's look, by a clock that is turned by hand ------------------------------------------


def looking(data: Path, clock: ManualClock, past: dict[RoomId, dict[str, Any]]) -> Deletions:
    return Deletions(
        data, load_or_make(data / "keys"), clock, Tasks(), past,
        past_file="ended.json", tell=lambda line: None,
    )  # fmt: skip


async def test_a_time_that_is_over_deletes_after_an_hour_of_looks(past: Path) -> None:
    async with Stage(past) as stage:
        lines = dict(await stage.engine.do(lambda studio: dict(studio._past)))
    clock = ManualClock(wall_ms=EPOCH_MS + 29 * 86_400_000)
    deletions = looking(past, clock, lines)
    clock.step_wall(366 * 86_400)  # a year ahead, for some minutes
    for _ in range(9):
        await deletions._once()
        clock.advance(LOOK_S)
    clock.step_wall(-366 * 86_400)
    for _ in range(int(HOLD_S // LOOK_S) + 9):
        await deletions._once()
        clock.advance(LOOK_S)
    assert not deletion.deleted(past / "rooms" / "demo")
    clock.step_wall(2 * 86_400)  # now it is really over
    for _ in range(int(HOLD_S // LOOK_S)):
        await deletions._once()
        assert not deletion.deleted(past / "rooms" / "demo")
        clock.advance(LOOK_S)
    await deletions._once()
    await _until_done(past)
    assert found(past) == set()
    assert lines[ROOM]["facts"]["deleted"]["by"] == "policy"


async def test_hosts_may_keep_it_for_longer_after_the_end(past: Path) -> None:
    async with Stage(past) as stage:
        assert (await stage.put("demo", title="New"))["title"] == "New"
        again = await stage.put("demo", keep_days=400)
        assert again["keep_days"] == 400
        for days in (0, 30, 399):
            answer = await put(stage, "demo", keep_days=days, title="Newer")
            assert (answer.status_code, answer.json()["code"]) == (400, "keep_days_shorter")
        await stage.stop()
        await stage.start()
        line = await stage.engine.do(lambda studio: studio._past[ROOM])
        assert line["facts"]["keep_days"] == 400
        assert line["facts"]["title"] == "New"
        assert (await stage.put("demo", keep_days=None)).get("keep_days") is None
        for days in (0, 36_500):
            answer = await put(stage, "demo", keep_days=days)
            assert answer.json()["code"] == "keep_days_shorter"
        with pytest.raises(httpx.HTTPStatusError, match="422"):
            await stage.put("demo", keep_days=-1)


# --- copies ----------------------------------------------------------------------------------------


def test_a_follower_deletes_replays_also_of_what_went_while_it_was_away(past: Path) -> None:
    settings = Settings(data=str(past))
    follower = Follower(past, ("m4a",), SystemClock(), Episodes(past, house_of(settings)))
    follower.turn()
    assert (past / "replays" / "demo" / "audio.m4a").exists()
    assert "Town hall" in (past / "replays" / "podcast.xml").read_text()
    (past / "replays" / ".making-demo").mkdir()
    (past / "rooms" / "demo" / deletion.TOMBSTONE_FILE).write_text("{}")
    follower.turn()
    assert [path.name for path in (past / "replays").iterdir()] == ["podcast.xml"]
    assert "Town hall" not in (past / "replays" / "podcast.xml").read_text()
    with pytest.raises(Exception, match="deleted"):
        make_replay(past, ROOM)


def test_of_an_evening_that_is_not_kept_no_replay_is_made(tmp_path: Path) -> None:
    folder = record(tmp_path, range(401, 420), keep_days=0)
    os.utime(folder / "journal", (1, 1))
    podcast = Episodes(tmp_path, house_of(Settings(data=str(tmp_path))))
    assert Follower(tmp_path, ("m4a",), SystemClock(), podcast).turn() == 0
    assert not (tmp_path / "replays" / "demo").exists()
