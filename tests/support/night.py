"""Fault tests in two lengths: some seconds for each in CI, the table's durations at night.

`make test-night` sets HUSTINGS_TEST_NIGHT: each test whose name begins with `test_F` (its row in
docs/reliability.md) runs three times with `scaled(...)` durations, and the worst counts. A test
leaves its figures by the fixture `figures` (`figures["lost_s"] = 0.0`); both tiers print them at
the end, and the night writes build/night.md, the table for docs/reliability.md.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from tests.support.house import ROOT

NIGHT: Final = os.environ.pop("HUSTINGS_TEST_NIGHT", "") == "1"  # no setting of what tests start
RUNS: Final = 3
ROW: Final = re.compile(r"test_(F\d+)_(\w+)")


def scaled(ci: float, night: float) -> float:
    """A duration or a size: as in CI, or as in the table."""
    return night if NIGHT else ci


@dataclass
class Row:
    """All runs of one fault test."""

    fault: str
    name: str
    failed: int = 0
    runs: list[Mapping[str, object]] = field(default_factory=list)

    def line(self) -> str:
        """One line of the table."""
        figures = [", ".join(f"{k} {_short(v)}" for k, v in run.items()) for run in self.runs]
        seen = "; ".join(filter(None, figures))
        verdict = f"{self.failed} of {len(self.runs)} failed" if self.failed else "ok"
        return f"| {self.fault} | {self.name.replace('_', ' ')} | {verdict} | {seen} |"


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


ROWS: Final[dict[str, Row]] = {}


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> dict[str, object]:
    """What a fault test measured, by name; shown at the end of the run."""
    seen: dict[str, object] = {}
    request.node.stash[FIGURES] = seen
    return seen


FIGURES: Final = pytest.StashKey[dict[str, object]]()


def note(item: pytest.Item, *, failed: bool) -> None:
    """A fault test has ended."""
    found = ROW.match(item.name)
    if found is None:
        return
    name = item.nodeid.partition("[")[0]
    row = ROWS.setdefault(name, Row(found[1], found[2]))
    row.failed += failed
    row.runs.append(item.stash.get(FIGURES, {}))


def table() -> str:
    """Markdown; empty if no fault test ran."""
    if not ROWS:
        return ""
    rows = sorted(ROWS.values(), key=lambda row: (int(row.fault[1:]), row.name))
    head = ["| Row | What | Verdict | Figures of each run |", "|---|---|---|---|"]
    return "\n".join([*head, *(row.line() for row in rows)])


def write() -> Path:
    """The night's table, with its machine and date."""
    path = ROOT / "build" / "night.md"
    path.parent.mkdir(exist_ok=True)
    load = "/".join(f"{each:.1f}" for each in os.getloadavg())
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, load {load}"
    path.write_text(f"{when}\n\n{table()}\n")
    return path
