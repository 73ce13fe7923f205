"""The table that `make bench` prints: what, budget, measured, spread, and on which machine."""

import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Row:
    """One line. `within` None: a figure without a budget."""

    what: str
    budget: str
    measured: str
    within: bool | None = None
    note: str = ""


def spread(values: Sequence[float], unit: str = "", digits: int = 2) -> str:
    """Median and range of several runs."""
    middle = statistics.median(values)
    low, high = min(values), max(values)
    return f"{middle:.{digits}f}{unit} ({low:.{digits}f}-{high:.{digits}f})"


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` (0..1) of the values lie."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))]


def machine() -> str:
    """Where and when, and how busy it was: one line."""
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    name = platform.processor() or platform.machine()
    return f"{when} · {name}, {os.cpu_count()} cores · Python {platform.python_version()} · load {load}"


def table(rows: Sequence[Row]) -> str:
    """GitHub Markdown."""
    lines = ["| What | Budget | Measured | | Note |", "|---|---|---|---|---|"]
    for row in rows:
        mark = {True: "ok", False: "**over**", None: ""}[row.within]
        lines.append(f"| {row.what} | {row.budget} | {row.measured} | {mark} | {row.note} |")
    return "\n".join(lines)
