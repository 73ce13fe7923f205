"""An edge dies with all its listeners, and they come back to the one beside it: how soon, at what loss.

    python -m bench.reconnect [--listeners 5000] [--processes 2]

A stage that feeds (a process), an edge that all listen to, a second one on the same port; then
`kill -9` of the first. Listeners are those of `hustings loadtest`: they resume by part number, at a
random moment within what the edge told them to spread over. On a machine where listeners and
edges share the cores the figures contain the listeners' own work.
"""

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
from typing import Any

import httpx
import msgspec

from bench.edges import ROOM
from bench.processes import python, told
from bench.report import Row, percentile
from hustings.base.clock import SystemClock
from hustings.load.rehearsal.orders import Findings
from hustings.load.rehearsal.target import read_target
from hustings.load.rehearsal.wish import Wish
from hustings.load.rehearsal.workers import rehearse
from tests.support.house import PROGRAM, ROOT, free_ports, free_range

SETTLED_S = 6.0  # after the last has come
AFTER_S = 25.0
BUDGETS = {
    1_000: 3.0,
    5_000: 4.0,
    15_000: 10.0,
}  # seconds until the last is back (1,000: silence p95)


@contextlib.contextmanager
def edge(origin: str, port: int, lane: int) -> Any:
    """`hustings edge` as it runs beside others."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "HUSTINGS_EDGE_ORIGIN": origin,
        "HUSTINGS_EDGE_TOKEN": "edge-token",
        "HUSTINGS_EDGE_PORT": str(port),
        "HUSTINGS_EDGE_SHARE_PORT": "true",
        "HUSTINGS_EDGE_LANE_PORT": str(lane),
        "HUSTINGS_LOG": "error",
    }
    with subprocess.Popen([*PROGRAM, "edge"], env=environment, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


async def ready(lane: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(f"http://127.0.0.1:{lane}/readyz")).status_code == 200:
                    return
            await asyncio.sleep(0.05)


async def run(listeners: int, processes: int) -> Findings:
    """One death."""
    [port], lane = free_ports(1), free_range(2)
    target = read_target(f"http://127.0.0.1:{port}/r/{ROOM}", rendition="opus")
    over_s = max(5.0, listeners / 1_000)
    with python("bench.edges", "stage") as stage:
        origin = told(stage)["url"]
        with edge(origin, port, lane) as doomed:
            await ready(lane)
            wish = Wish(
                target=msgspec.structs.replace(target, addresses=("127.0.0.1",)),
                shape="ramp",
                listeners=listeners,
                over_s=over_s,
                seconds=SETTLED_S + AFTER_S,
                processes=processes,
            )
            crowd = asyncio.get_running_loop().create_task(
                rehearse(wish, SystemClock(), stop=asyncio.Event(), progress=lambda _: None)
            )
            await asyncio.sleep(over_s + SETTLED_S / 2)
            with edge(origin, port, lane + 1):
                await ready(lane + 1)
                await asyncio.sleep(SETTLED_S / 2)
                doomed.kill()
                return await crowd


def figures(found: Findings) -> dict[str, Any]:
    """What is printed."""
    back = [each.back_s for each in found.persons if each.back_s >= 0]
    silence = [each.silence_s for each in found.persons if each.back_s >= 0]
    return {
        "listeners": len(found.persons),
        "cut": len(back),
        "back_p50_p95_max_s": [
            *(round(percentile(back, share), 2) for share in (0.5, 0.95)), round(max(back), 2)
        ],
        "silence_p50_p95_s": [round(percentile(silence, share), 2) for share in (0.5, 0.95)],
        "lost_parts": sum(each.lost for each in found.persons),
        "never_back": sum(each.parts == 0 for each in found.persons),
        "refused": {code: each.count for code, each in found.refusals.items()},
        "faults": found.faults,
        "generator": {"cpu": found.own.cpu, "loop_p99_ms": found.own.loop_p99_ms},
    }  # fmt: skip


def measure() -> list[Row]:
    """About three minutes."""
    rows = []
    for listeners, budget in BUDGETS.items():
        result = figures(asyncio.run(run(listeners, 2)))
        p50, p95, last = result["back_p50_p95_max_s"]
        took = result["silence_p50_p95_s"][1] if listeners == 1_000 else last
        what = "silence p95" if listeners == 1_000 else "all back"
        rows.append(
            Row(
                f"kill -9 of the edge of {listeners:,} listeners, {what}",
                f"≤ {budget:g} s, lost 0",
                f"{took:.1f} s, lost {result['lost_parts']}",
                took <= budget and result["lost_parts"] == 0,
                f"back p50 {p50:.1f} s, p95 {p95:.1f} s",
            )
        )
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=5_000)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(figures(asyncio.run(run(options.listeners, options.processes))), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
