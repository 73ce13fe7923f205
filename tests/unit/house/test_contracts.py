"""The import contracts of pyproject.toml hold, and none of them is about nothing."""

import fnmatch
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.fakes.tree import ROOT, SOURCE, modules

CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def test_the_contracts_hold():
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [command, "--no-cache", "--no-logo"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "src"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4_000:] + done.stderr


def patterns():
    for contract in CONTRACTS:
        for key in ("source_modules", "forbidden_modules"):
            for pattern in contract.get(key, ()):
                if pattern.startswith("hustings"):
                    yield contract["name"], pattern


@pytest.mark.parametrize(("contract", "pattern"), list(patterns()))
def test_each_pattern_matches_something(contract, pattern):
    """A wildcard without a match passes in silence; a module renamed would lose its contract."""
    wanted = pattern.replace(".**", ".*")
    names = modules()
    assert pattern in names or any(fnmatch.fnmatchcase(name, wanted) for name in names), (
        f"{contract}: nothing is called {pattern}"
    )


def test_every_package_has_its_layer():
    layers = [
        name.strip()
        for contract in CONTRACTS
        for layer in contract.get("layers", ())
        for name in layer.split("|")
    ]
    found = {
        p.stem for p in SOURCE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()
    } - {"__init__", "__main__"}
    assert set(layers) == found


def test_the_documentation_names_every_layer():
    text = (ROOT / "docs" / "architecture.md").read_text()
    layers = next(c["layers"] for c in CONTRACTS if "layers" in c)
    names = [name.strip() for layer in layers for name in layer.split("|")]
    assert [name for name in names if not re.search(rf"\b{name}(/|\.py)", text)] == []
