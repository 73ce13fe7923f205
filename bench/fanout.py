"""The edge against a bare C `send` loop in the same seconds: rows of `bench.edge_fanout`, three times."""

import json
import subprocess
import sys
from typing import Any

from bench.report import Row, spread
from tests.support.house import ROOT

RUNS = 3


def measure() -> list[Row]:
    """About two minutes; each run is a process of its own, so that memory is measured fresh."""
    runs = [_run() for _ in range(RUNS)]

    def row(
        what: str, budget: str, values: list[float], unit: str, most: float, digits: int = 2
    ) -> Row:
        ranked = sorted(values)
        within = ranked[len(ranked) // 2] <= most
        return Row(
            what,
            budget,
            spread(values, unit, digits),
            within,
            f"{runs[0]['listeners']} listeners, 0.96 s",
        )

    loops = [run["c_loop_us"] for run in runs]
    return [
        row("edge CPU per listener-second, × the C loop", "≤ 1.15", [r["ratio"] for r in runs], "", 1.15),
        Row("… edge", "", spread([r["edge_us"] for r in runs], " µs", 1)),
        Row("… C loop", "", spread(loops, " µs", 1)),
        row("user memory per listener", "≤ 4 KiB", [r["user_memory_bytes"] / 1_024 for r in runs], " KiB", 4),
        row(
            "join storm of 5,000/s, first byte p99", "≤ 100 ms",
            [r["join_first_byte_ms_p50_p99_max"][1] for r in runs], " ms", 100, 0,
        ),
    ]  # fmt: skip


def _run() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.edge_fanout", "--json"],
        capture_output=True, check=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    result: dict[str, Any] = json.loads(done.stdout)
    return result
