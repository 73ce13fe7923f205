"""Programs of the machine that some tests need: missing ones skip, but not in CI."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def need(program: str, *, why: str) -> str:
    """Path of a program; the test is skipped with `why` if it is missing, in CI it fails."""
    found = shutil.which(program)
    if found is None:
        missing(f"{program} is not installed: {why}")
    return str(found)


def need_module(name: str, *, why: str) -> Path:
    """Folder of an npm development dependency, likewise."""
    folder = ROOT / "node_modules" / name
    if not folder.is_dir():
        missing(f"node_modules/{name} is missing (npm ci --ignore-scripts): {why}")
    return folder


def missing(reason: str) -> None:
    """Skip the test, with the reason; in CI fail it."""
    if os.getenv("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
