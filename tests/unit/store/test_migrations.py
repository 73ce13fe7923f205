"""The migrations are one line: two branches that each made the same step do not get by unseen."""

import re
import runpy
from importlib.resources import files
from pathlib import Path

import pytest

VERSIONS = Path(str(files("hustings.store"))) / "migrations" / "versions"


def wrong(folder: Path) -> list[str]:
    """What keeps the steps of a folder from being one line: v0001_*.py, v0002_*.py, ... to one head."""
    found = []
    steps = sorted(each for each in folder.glob("*.py") if each.name != "__init__.py")
    for number, file in enumerate(steps, 1):
        step = runpy.run_path(str(file))
        before = f"{number - 1:04}" if number > 1 else None
        if not re.fullmatch(rf"v{number:04}_[a-z_]+\.py", file.name):
            found.append(f"{file.name}: step {number} of the line is named v{number:04}_*.py")
        if step["revision"] != f"{number:04}":
            found.append(f'{file.name}: revision is "{number:04}"')
        if step["down_revision"] != before:
            found.append(f"{file.name}: down_revision is {before!r}, the newest before it")
        if step["branch_labels"] or step["depends_on"]:
            found.append(f"{file.name}: a line has no branches")
    return found


def test_the_migrations_are_one_line_with_one_head() -> None:
    assert len(list(VERSIONS.glob("v*.py"))) >= 14
    assert wrong(VERSIONS) == []


@pytest.mark.parametrize(
    ("name", "revision", "before"),
    [
        ("v0002_other.py", "0002", "0001"),  # made by two branches: both in one folder
        ("v0003_other.py", "0003", "0001"),  # a second head
        ("v0003_other.py", "0002", "0001"),  # renamed, not renumbered
        ("v0004_other.py", "0003", "0002"),  # ... and the other way round
        ("0003_other.py", "0003", "0002"),
    ],
)
def test_a_step_beside_the_line_is_seen(
    tmp_path: Path, name: str, revision: str, before: str
) -> None:
    for file, step, down in (
        ("v0001_one.py", "0001", None),
        ("v0002_two.py", "0002", "0001"),
        (name, revision, before),
    ):
        (tmp_path / file).write_text(
            f"revision = {step!r}\ndown_revision = {down!r}\nbranch_labels = depends_on = None\n"
        )
    assert wrong(tmp_path)
