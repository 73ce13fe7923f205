"""Half an hour with 13 speakers and 1,000 listeners: memory flat, no drift, ticks on time.

`python -m bench soak` (not part of `make bench`: it takes 30 minutes). SOAK_MINUTES
shortens it for a trial.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.report import Row
from tests.support.house import ROOT, House
from tests.support.speakers import Place, leave, speech, take_the_stage

SPEAKERS = 13
LISTENERS = 1_000
WARM_S = 60.0


def measure() -> list[Row]:
    """Everything on this machine; the listeners in a process of their own."""
    minutes = float(os.environ.get("SOAK_MINUTES", "30"))
    with tempfile.TemporaryDirectory() as folder, House(Path(folder)) as house:
        house.put("soak", title="A long evening", state="lobby")
        return asyncio.run(_run(house, minutes * 60))


async def _run(house: House, seconds: float) -> list[Row]:
    speakers = await take_the_stage(Place(house), "soak", SPEAKERS, frames=speech())
    crowd = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.readers", f"{house.edge}/live/soak/opus.mp4", str(LISTENERS), str(seconds),
        stdout=subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    await asyncio.sleep(min(WARM_S, seconds / 4))
    stage, edge = house.child("stage"), house.child("edge")
    began_s, began_part = time.monotonic(), house.state("soak")["part"]
    before = {each.pid: each.memory_full_info().uss for each in (stage, edge)}
    ticks = _metrics(house)
    output, _ = await crowd.communicate()
    elapsed_s, parts = time.monotonic() - began_s, house.state("soak")["part"] - began_part
    grown = {
        each.pid: (each.memory_full_info().uss - before[each.pid]) / 2**20 for each in (stage, edge)
    }
    after = _metrics(house)
    heard = json.loads(output)
    await leave(speakers)
    on_time = 1 - (after[1] - ticks[1]) / (after[0] - ticks[0])
    # A part number moves in steps of 320 ms, so the drift is known to that grain at each end; the
    # tick count is exact.
    drift_ms = ((after[0] - ticks[0]) * 0.02 - (after[2] - ticks[2])) * 1_000
    note = f"{elapsed_s / 60:.1f} min, {parts} parts"
    return [
        Row("soak: stage memory", "flat (≤ 8 MiB)", f"{grown[stage.pid]:+.1f} MiB", grown[stage.pid] <= 8, note),
        Row("soak: edge memory", "flat (≤ 8 MiB)", f"{grown[edge.pid]:+.1f} MiB", grown[edge.pid] <= 8),
        Row("soak: media clock against the machine's", "≤ 20 ms", f"{drift_ms:+.0f} ms", abs(drift_ms) <= 20),
        Row("soak: ticks on time", "≥ 99.9 %", f"{on_time:.3%}", on_time >= 0.999),
        Row("soak: listeners cut off", "0", str(heard["ended_early"]), heard["ended_early"] == 0),
        Row("soak: longest silence of 1,000 listeners", "", f"{heard['longest_silence_s']} s"),
    ]  # fmt: skip


def _metrics(house: House) -> tuple[float, float, float]:
    """Ticks, late ticks, and the monotonic second when they were read."""
    text = httpx.get(f"{house.stage}/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return (
        float(values["hustings_stage_ticks_total"]),
        float(values["hustings_stage_late_ticks_total"]),
        time.monotonic(),
    )
