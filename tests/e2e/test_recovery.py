"""When the trigger is gone, the house recovers by itself: no retry storm keeps it down (HotOS'21)."""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e.test_edges import on_air
from tests.support.house import ROOT, House
from tests.support.night import scaled

pytestmark = pytest.mark.slow

PACE = int(scaled(40, 150))  # arrivals a second
STOPPED_S = scaled(4, 20)
OVER_S = 2 * STOPPED_S + 16  # to the end of what is measured: 4, stopped, 10, stopped + 1


def joins(house: House) -> int:
    """Streams that the edge has begun so far."""
    text = httpx.get(f"{house.lane(0)}/metrics", timeout=10).text
    lines = [line for line in text.splitlines() if line.startswith("hustings_edge_joins_total")]
    return int(float(lines[0].split()[-1]))


async def test_F4_joins_that_stood_still_recover_without_an_operator(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    with House(tmp_path, "--edges", "1", "--set", "serve.edge_frozen_s=120") as house:
        async with on_air(house):
            crowd = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "hustings", "loadtest", f"{house.edge}/r/r", "--json",
                "--listeners", str(int(PACE * OVER_S)), "--over", str(OVER_S), "--seconds", "5",
                "--processes", "1", "--decode", "0", "--limit", "first_sound_p95_s=1000",
                stdout=asyncio.subprocess.PIPE, cwd=ROOT, env={**os.environ, "PYTHONPATH": "src"},
            )  # fmt: skip
            (edge,) = [each.pid for each in house.children("edge")]
            await asyncio.sleep(4)
            os.kill(edge, signal.SIGSTOP)
            try:
                await asyncio.sleep(STOPPED_S)
            finally:
                os.kill(edge, signal.SIGCONT)
            await asyncio.sleep(10)
            before, began_s = joins(house), time.monotonic()
            await asyncio.sleep(STOPPED_S + 1)
            rate = (joins(house) - before) / (time.monotonic() - began_s)
            told, _ = await asyncio.wait_for(crowd.communicate(), 120)
    summary = json.loads(told)["summary"]
    figures["goodput_after"] = rate / PACE
    figures["heard"] = f"{summary['heard']} of {summary['listeners']}"
    figures["refusals"] = summary["refusals"]
    assert rate >= 0.9 * PACE
    assert summary["heard"] == summary["listeners"]
    assert summary["refusals"] <= 0.5 * summary["listeners"]
