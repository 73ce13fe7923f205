"""CPU of the stage process with 13 speakers on the line, and how many ticks were on time."""

import asyncio
import tempfile
from pathlib import Path

from bench.report import Row
from tests.support.speakers import StageProcess, leave, speech, take_the_stage

SECONDS = 20.0
SPEAKERS = 13


def measure() -> list[Row]:
    """The callers run in this process, the stage in its own."""
    with tempfile.TemporaryDirectory() as folder, StageProcess(Path(folder)) as stage:
        stage.put("bench", title="Thirteen voices", state="lobby")
        cpu, ticks, late = asyncio.run(_run(stage))
    on_time = 1 - late / ticks
    return [
        Row(f"stage CPU, {SPEAKERS} speakers", "≤ 40 % of a core", f"{cpu:.1f} %", cpu <= 40),
        Row("ticks less than one tick late", "≥ 99.9 %", f"{on_time:.2%}", on_time >= 0.999, f"{ticks:.0f} ticks"),
    ]  # fmt: skip


async def _run(stage: StageProcess) -> tuple[float, float, float]:
    speakers = await take_the_stage(stage, "bench", SPEAKERS, frames=speech())
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
