"""A live room with a broadcast delay: the journal of a real stage, on loopback."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hustings.journal.entry import Entry
from hustings.stage.mix.delay import delay_ticks
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, TICK_SAMPLES
from tests.support.speakers import speech
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
