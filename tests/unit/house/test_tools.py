"""Format, lint and types, so that `make test` alone says whether a change may land."""

import subprocess
import sys

import pytest

from tests.fakes.tree import ROOT


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [("ruff", "format", "--check", "."), ("ruff", "check", "."), ("mypy",)], ids=" ".join
)
def test_tool(words):
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr[-2_000:]
