"""A forbidden tone is spoken and dumped: no public output of a real stage and its edges has it.

The speaker says a plain tone, then the forbidden one, then the plain one. Whoever decodes an output
can tell which it carries.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

import httpx
import numpy as np
import pytest

from hustings.base.clock import SystemClock
from hustings.base.ids import RoomId
from hustings.journal.auditing import audit_file
from hustings.journal.entry import Entry
from hustings.journal.file import Journal
from hustings.journal.keys import load_or_make
from hustings.journal.reader import JournalReader
from hustings.media import cmaf
from hustings.media.decoders import FrameDecoder
from hustings.media.opus import OpusEncoder
from hustings.wire import kinds
from hustings.wire.names import CMAF_RENDITIONS, OPUS, PART_SAMPLES, SEGMENT_PARTS
from tests.fakes.rtc_client import Caller
from tests.integration.test_stage_and_edge import Standing
from tests.support.ear import Ear
from tests.support.speakers import StageProcess, leave
from tests.support.stage import Person, Stage

PLAIN, FORBIDDEN = 700.0, 3_100.0  # Hz
BEFORE, SECRET = 75, 75  # frames of 20 ms
SAID = BEFORE + SECRET + 40  # ... and out of every buffer on the way to the mix


def tone(hertz: float, ticks: int) -> list[bytes]:
    encoder = OpusEncoder(32_000, application="voip", complexity=5)
    at = np.arange(ticks * 960) / 48_000
    sound = (0.3 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)
    return [encoder.encode(block) for block in sound.reshape(-1, 960)]


def speech() -> list[bytes]:
    return tone(PLAIN, BEFORE) + tone(FORBIDDEN, SECRET) + tone(PLAIN, 1_500)


def carries(hertz: float, rendition: str, frames: Iterable[bytes]) -> bool:
    """Whether a fifth of any 100 ms of the sound's energy is this tone."""
    decoder = FrameDecoder(rendition)
    pcm = np.concatenate([decoder.decode(frame) for frame in frames] or [np.zeros(0)])
    for block in pcm[: len(pcm) // 4_800 * 4_800].reshape(-1, 4_800):
        power = np.abs(np.fft.rfft(block * np.hanning(4_800))) ** 2
        middle = round(hertz / 10)
        if power[middle - 3 : middle + 4].sum() > 0.2 * power.sum() > 1e-3:
            return True
    return False


async def spoken(stage: Stage | StageProcess, delay_s: int) -> tuple[Person, Caller]:
    """A host who says it all in a live room `r`; returns when the forbidden tone has been said."""
    host = await Person(stage, "r", "host").join("Ada")  # type: ignore[arg-type]
    async with host.control():
        await host.do("accept")
        caller = await host.speak(speech())
        await host.do("go_live")
    async with asyncio.timeout(60):
        while caller.track.sent < SAID:
            await asyncio.sleep(0.02)
    return host, caller


async def frames_at(http: httpx.AsyncClient, rendition: str, part: int) -> list[bytes]:
    """The segment with that part, as HLS serves it."""
    answer = await http.get(f"/live/r/{rendition}/{part // SEGMENT_PARTS}.m4s", timeout=15)
    assert answer.status_code == 200, answer.text
    return cmaf.frames_of(answer.content)


def parts_on_file(folder: Path) -> list[Entry]:
    with JournalReader(folder) as reader:
        return list(reader.parts(0, 1 << 40))


@pytest.mark.parametrize("delay_s", [0, 3])
async def test_a_dumped_tone_is_nowhere(tmp_path: Path, delay_s: int) -> None:
    async with Stage(tmp_path) as stage:
        key = load_or_make(tmp_path / "keys").vkey
        await stage.put("r", title="R", state="lobby", delay_s=delay_s)
        async with Standing(stage, key) as near, Ear(near, "r") as ear:
            host, caller = await spoken(stage, delay_s)
            async with host.control():
                assert (await host.do("dump", reason="a name"))["type"] == "done"
            assert (await _again(stage))["type"] == "done"
            records = await stage.records("r", until=lambda got: len(_dumps(got)) == 2)
            one, two = _dumps(records)
            assert one.by == host.id
            assert (one.reason, two.first <= one.last + 1) == ("a name", True)
            await ear.until(lambda e: e.next_part > two.last + 3)
            await caller.close()
            heard = [frame for part in ear.parts for frame in part.frames]
            assert carries(FORBIDDEN, OPUS, heard) is (delay_s == 0)  # heard live, or never
            resumed = [f for part in ear.parts if part.first > two.last for f in part.frames]
            assert carries(PLAIN, OPUS, resumed)

            async with Standing(stage, key) as late:
                for edge in (near, late):
                    await _nothing_at(edge, one.first, two.last)
        again = await stage.records("r", until=lambda got: len(_dumps(got)) == 2)
        assert not carries(FORBIDDEN, OPUS, _opus(_entries(again, kinds.PART)))
        room = _entries(again, kinds.ROOM)[-1].decode(kinds.Room)
        assert (room.erased[0].first, room.erased[0].reason) == (one.first, "a name")
    on_file = parts_on_file(tmp_path / "rooms" / "r")
    assert not carries(FORBIDDEN, OPUS, _opus(on_file))
    assert carries(PLAIN, OPUS, _opus(on_file)) or delay_s == 0
    report = audit_file(tmp_path / "rooms" / "r" / "journal")
    assert report.ok, report.findings
    assert report.erased > 0


async def _again(stage: Stage) -> dict[str, object]:
    """Another one presses it too."""
    moderator = await Person(stage, "r", "moderator").join("Mo")
    async with moderator.control():
        return await moderator.do("dump")


async def _nothing_at(edge: str, first: int, last: int) -> None:
    async with httpx.AsyncClient(base_url=edge) as http, Ear(edge, "r", start=1) as backlog:
        await backlog.until(lambda e: e.parts and e.next_part > last)
        kept = [frame for part in backlog.parts for frame in part.frames]
        assert not carries(FORBIDDEN, OPUS, kept)
        for rendition in CMAF_RENDITIONS:
            for part in range(first, last + 1, SEGMENT_PARTS):
                frames = await frames_at(http, rendition, part)
                assert not carries(FORBIDDEN, rendition, frames)
        facts = (await http.get("/live/r/state.json")).json()["room"]
        assert facts["erased"][0]["first"] == first


async def test_what_was_held_back_when_the_stage_was_killed_never_comes(tmp_path: Path) -> None:
    """kill -9 between the press and the entry: the sound was not on file, and is gone."""
    with StageProcess(tmp_path / "stage") as stage:
        stage.put("r", title="R", state="lobby", delay_s=7)
        speaker = await spoken(stage, 7)
        stage.process.kill()
        stage.process.wait(10)
        await leave([speaker])
    with StageProcess(tmp_path / "stage") as stage:
        assert httpx.get(f"{stage.url}/readyz").status_code == 200
    on_file = parts_on_file(tmp_path / "stage" / "rooms" / "r")
    assert not carries(FORBIDDEN, OPUS, _opus(on_file))
    assert audit_file(tmp_path / "stage" / "rooms" / "r" / "journal").ok


async def test_a_stretch_of_an_evening_that_is_over_is_erased_on_request(tmp_path: Path) -> None:
    room = tmp_path / "rooms" / "r"
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        host, caller = await spoken(stage, 0)
        async with host.control():
            assert (await host.do("erase", from_s=0, to_s=1))["code"] == "reason_missing"
            assert (await host.do("erase", from_s=90, to_s=99, reason="x"))["code"] == "stretch_bad"
            await host.socket.send('{"type": "do", "id": 99, "command": "end"}')
            await host.hear("bye")
        await caller.close()
        await stage.stop()  # the evening is of the past: its journal is closed
        assert carries(FORBIDDEN, OPUS, _opus(parts_on_file(room)))
        await stage.start()
        async with httpx.AsyncClient(base_url=stage.url) as http:
            said = {"from_s": 0, "to_s": 1_000, "reason": "A name"}
            path, headers = "/rooms/r/erase", stage.service_headers()
            refused = await http.post(path, json=said, headers=stage.service_headers("edge"))
            assert refused.status_code in {401, 403}
            taken = (await http.post(path, json=said, headers=headers)).raise_for_status().json()
            unknown = await http.post("/rooms/x/erase", json=said, headers=headers)
            assert unknown.json()["code"] == "room_unknown"
    parts = parts_on_file(room)  # the stage has closed in good order
    assert parts[-1].media_time // PART_SAMPLES == taken["last"]
    assert all(entry.body is None for entry in parts)
    assert audit_file(room / "journal").ok


async def test_an_erasure_that_a_crash_left_undone_is_done_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R", state="lobby")
        await stage.stop()
        key = load_or_make(tmp_path / "keys")
        journal = Journal.open(tmp_path / "rooms", RoomId("r"), key, SystemClock())
        for n in range(20):
            part = kinds.Part(n, {OPUS: [b"a secret"] * 16})
            journal.append(kinds.PART, part, media_time=n * PART_SAMPLES)
        journal.append(kinds.DUMP, kinds.Dump(5, 14), media_time=20 * PART_SAMPLES)
        journal.close()
        await stage.start()
    bare = [each.body is None for each in parts_on_file(tmp_path / "rooms" / "r")]
    assert bare == [5 <= n <= 14 for n in range(20)]


def _entries(records: list[object], kind: str) -> list[Entry]:
    return [each for each in records if isinstance(each, Entry) and each.kind == kind]


def _dumps(records: list[object]) -> list[kinds.Dump]:
    return [entry.decode(kinds.Dump) for entry in _entries(records, kinds.DUMP)]


def _opus(entries: Iterable[Entry]) -> list[bytes]:
    parts = [entry.decode(kinds.Part) for entry in entries if entry.body is not None]
    return [frame for part in parts for frame in part.renditions[OPUS]]
