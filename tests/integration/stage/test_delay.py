"""A live room with a broadcast delay: the journal of a real stage, on loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hustings.journal.entry import Entry
from hustings.journal.reader import JournalReader
from hustings.stage.mix.delay import delay_ticks
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, TICK_SAMPLES
from tests.support.speakers import StageProcess, speech
from tests.support.stage import Person, Stage

DELAY_S = 3
DELAY = delay_ticks(DELAY_S) * TICK_SAMPLES  # samples


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


def entries(records: list[Any], kind: str) -> list[Entry]:
    return [each for each in records if isinstance(each, Entry) and each.kind == kind]


def state_of(entry: Entry) -> str:
    return entry.decode(kinds.Room).state


async def test_what_is_said_airs_later_and_the_end_waits_for_it(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby", delay_s=DELAY_S)
    host = await Person(stage, "r", "host").join("Ada")
    async with host.control():
        await host.do("accept")
        caller = await host.speak(speech(4) * 20)
        await host.do("go_live")
        held = await host.hear("levels", held_s=DELAY / 48_000)
        assert held["delay_s"] == held["held_s"]
        assert (await host.do("delay", seconds=5))["code"] == "delay_live"
        await asyncio.sleep(0.5)
        await host.do("end")
        ending = next(m for m in host.heard if m["type"] == "ending")
        assert 0 < ending["in_s"] <= held["delay_s"]
        assert (await host.do("end"))["type"] == "done"  # two hosts press it
        assert (await host.hear("bye"))["code"] == "room_ended"
    records = await stage.records(
        "r", until=lambda got: "ended" in map(state_of, entries(got, "room"))
    )
    live = next(e for e in entries(records, kinds.ROOM) if state_of(e) == "live")
    parts = entries(records, kinds.PART)
    assert 0 <= parts[0].media_time - live.media_time < PART_SAMPLES
    (ended,) = [e for e in entries(records, kinds.ROOM) if state_of(e) == "ended"]
    assert parts[-1].seq < ended.seq  # and nothing comes after it
    assert parts[-1].media_time + PART_SAMPLES == ended.media_time // PART_SAMPLES * PART_SAMPLES
    numbers = [entry.decode(kinds.Part).n for entry in parts]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    speaking = next(e for e in entries(records, kinds.LEVEL) if e.seq > live.seq)
    assert live.media_time <= speaking.media_time < parts[-1].media_time  # with its sound
    await caller.close()


async def test_a_room_that_was_ended_ends_though_the_stage_dies_before_the_last_word(
    tmp_path: Path,
) -> None:
    """kill -9 between "end" and the end of the held sound: it must not go on live."""
    with StageProcess(tmp_path) as stage:
        stage.put("r", title="R", state="lobby", delay_s=7)
        host = await Person(stage, "r", "host").join("Ada")  # type: ignore[arg-type]
        async with host.control():
            await host.do("accept")
            caller = await host.speak(speech(4) * 20)
            await host.do("go_live")
            await host.hear("levels", held_s=delay_ticks(7) * 0.02)
            assert (await host.do("end"))["type"] == "done"
            await asyncio.sleep(1)  # what a journal may lose to a kill
            stage.process.kill()
            stage.process.wait(10)
        await caller.close()
        await host.http.aclose()
    assert (await _states(tmp_path))[-1] == "live"
    async with Stage(tmp_path) as again:
        async with asyncio.timeout(20):
            while (await _states(tmp_path))[-1] != "ended":
                await asyncio.sleep(0.1)
        refused = await Person(again, "r", "host").http.post(
            "/rooms/r/join", json={"invitation": again.invite("r", "host"), "name": "Ada"}
        )
        assert refused.json()["code"] == "room_ended"
    with JournalReader(tmp_path / "rooms" / "r") as reader:
        kinds_seen = [entry.kind for entry in reader.entries()]
    assert kinds_seen.count(kinds.ENDING) == 1


async def _states(data: Path) -> list[str]:
    """What the room's journal says of its state, in order."""
    with JournalReader(data / "rooms" / "r") as reader:
        found = [state_of(e) for e in reader.entries() if e.kind == kinds.ROOM and e.body]
    return [state for number, state in enumerate(found) if state not in found[:number]]
