"""CPU of the stage process with 13 speakers on the line, with many rooms, and its ticks."""

import asyncio
import tempfile
from pathlib import Path

from bench.report import Row
from hustings.settings import StageSettings
from tests.fakes.rtc_client import Caller
from tests.support.speakers import StageProcess, leave, speech, take_the_stage
from tests.support.stage import Person

SECONDS = 20.0
SPEAKERS = 13
ROOMS = StageSettings().rooms


def measure() -> list[Row]:
    """The callers run in this process, the stage in its own."""
    rows = []
    for rooms, each in ((1, SPEAKERS), (ROOMS, 1)):
        with tempfile.TemporaryDirectory() as folder, StageProcess(Path(folder)) as stage:
            cpu, ticks, late = asyncio.run(_run(stage, rooms, each))
        what = f"{rooms} live room{'s' if rooms > 1 else ''}, {each} speaker{'s' if each > 1 else ''} each"
        on_time = 1 - late / ticks
        budget = "≤ 40 % of a core" if rooms == 1 else "one core"
        rows += [
            Row(f"stage CPU, {what}", budget, f"{cpu:.1f} %", cpu <= (40 if rooms == 1 else 100)),
            Row("… ticks less than one tick late", "≥ 99.9 %", f"{on_time:.2%}", on_time >= 0.999, f"{ticks:.0f} ticks"),
        ]  # fmt: skip
    return rows


async def _run(stage: StageProcess, rooms: int, each: int) -> tuple[float, float, float]:
    frames = speech()
    speakers: list[tuple[Person, Caller]] = []
    for number in range(rooms):
        room = f"bench-{number}"
        await asyncio.to_thread(stage.put, room, title=room, state="lobby")
        speakers += await take_the_stage(stage, room, each, frames=frames)
    await asyncio.sleep(3)
    names = ("hustings_stage_ticks_total", "hustings_stage_late_ticks_total")
    before = [await asyncio.to_thread(stage.metric, name) for name in names]
    began = stage.ps.cpu_times()
    await asyncio.sleep(SECONDS)
    ended = stage.ps.cpu_times()
    after = [await asyncio.to_thread(stage.metric, name) for name in names]
    await leave(speakers)
    cpu = (ended.user + ended.system - began.user - began.system) / SECONDS * 100
    return cpu, after[0] - before[0], after[1] - before[1]
