"""What an operator types: a rehearsal against `serve --demo`, also while it restarts itself."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from hustings.base.errors import HustingsError
from tests.support.house import House

START_S = 60.0


def speaking(house: House) -> None:
    """Wait until the demo's voices are on the air."""
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        try:
            if house.state("demo").get("source") == "live":
                return
        except (OSError, ValueError, HustingsError):
            pass
        time.sleep(0.2)
    raise AssertionError(house.log.read_text())


async def begun(house: House, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hustings", "loadtest", f"{house.edge}/r/demo", "--json", *words,
        stdout=asyncio.subprocess.PIPE, env=house.environment,
    )  # fmt: skip


async def report(process: asyncio.subprocess.Process) -> Any:
    async with asyncio.timeout(120):
        out, _ = await process.communicate()
    return json.loads(out)


async def test_two_hundred_rush_in_and_the_stage_does_not_notice(tmp_path: Path) -> None:
    page = tmp_path / "crowd.html"
    with House(tmp_path / "house", "--demo") as house:
        await asyncio.to_thread(speaking, house)
        done = await report(
            await begun(
                house, "--listeners", "200", "--shape", "stampede", "--seconds", "4",
                "--stage", house.stage, "--report", str(page),
            )
        )  # fmt: skip
    summary = done["summary"]
    assert (summary["heard"], summary["listeners"]) == (200, 200)
    assert (summary["lost_s"], summary["out_of_order"], summary["damaged"]) == (0, 0, 0)
    assert summary["decoders"] == 2
    assert summary["audible"] > 0.3  # two voices and their pauses
    assert summary["improper"] == 0
    assert summary["stage"]["ticks"] > 100
    assert summary["stage"]["skipped_ticks"] == 0
    assert summary["edges"]["processes"] == 1
    assert done["verdict"]["headline"] in page.read_text()


async def test_a_crowd_loses_nothing_while_the_house_renews_every_process(tmp_path: Path) -> None:
    """F30, seen by listeners: edges drain, and everyone moves before their line ends."""
    with House(tmp_path / "house", "--demo") as house:
        await asyncio.to_thread(speaking, house)
        before = house.child("edge").pid
        process = await begun(house, "--listeners", "100", "--over", "1", "--seconds", "20")
        await asyncio.sleep(5)
        house.process.send_signal(signal.SIGHUP)
        summary = (await report(process))["summary"]
        assert house.child("edge").pid != before
    assert (summary["heard"], summary["lost_s"], summary["out_of_order"]) == (100, 0, 0)
    assert summary["faults"] == {}  # every line was left, none broke
