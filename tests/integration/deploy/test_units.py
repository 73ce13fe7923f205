"""The systemd units: systemd itself reads them, and they leave time for what they end."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from hustings.settings import EdgeSettings
from tests.fakes.tools import ROOT, need

UNITS = sorted(path.name for path in (ROOT / "deploy").glob("*.service"))


@pytest.mark.parametrize("name", UNITS)
def test_systemd_takes_the_unit(tmp_path: Path, name: str) -> None:
    analyze = need("systemd-analyze", why="it reads the units in deploy/ (apt install systemd)")
    text = (ROOT / "deploy" / name).read_text()
    assert "/opt/hustings/.venv/bin/hustings " in text
    here = tmp_path / name
    here.write_text(text.replace("/opt/hustings/.venv/bin/hustings", sys.executable))
    done = subprocess.run(
        [analyze, "verify", str(here)], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if name in line] == []
    assert done.returncode == 0


def test_an_edge_has_time_to_drain() -> None:
    unit = (ROOT / "deploy" / "hustings-edge.service").read_text()
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", unit, re.MULTILINE)
    assert int(seconds) >= EdgeSettings().drain_s + 15
