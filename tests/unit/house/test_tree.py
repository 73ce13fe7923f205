"""Habits of the tree: tiers of tests, locks without hosts, one way to run the checks."""

import json
import re
import subprocess

import pytest

from tests.fakes.tree import ROOT, tracked

TIERS = {"unit", "contract", "integration", "e2e"}
HOST = re.compile(r"https?://|(?:index|find-links|registry|mirror)[ =:_-]", re.IGNORECASE)


def test_every_test_file_sits_in_a_tier():
    files = tracked("tests/*test_*.py")
    assert files
    strays = [p for p in files if p.relative_to(ROOT / "tests").parts[0] not in TIERS]
    assert strays == []


def test_tests_have_no_packages():
    """--import-mode=importlib: an __init__.py would make two files of one name collide."""
    assert [p for p in tracked("tests/*.py") if p.name == "__init__.py"] == []


@pytest.mark.parametrize("name", ["requirements/run.txt", "requirements/dev.txt", ".ci/run"])
def test_locks_and_ci_name_no_host(name):
    text = (ROOT / name).read_text()
    found = [line for line in text.splitlines() if HOST.search(line)]
    assert found == []


def test_locks_have_hashes():
    for name in ("run", "dev"):
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        packages = re.findall(r"^[a-z0-9][^\n]*==[^\n]*$", text, re.MULTILINE)
        assert len(packages) > 10
        assert text.count("--hash=sha256:") >= len(packages)


def test_the_node_lock_names_no_host_and_has_hashes():
    """.npmrc sees to it; `npm install --package-lock-only` renews it."""
    text = (ROOT / "package-lock.json").read_text()
    assert not HOST.search(text)
    for name, package in json.loads(text)["packages"].items():
        assert not name or package["integrity"].startswith("sha512-")


def test_ci_runs_the_test_command_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    assert "make test" in readme
    ci = (ROOT / ".ci" / "run").read_text().splitlines()
    assert "CI=true make test && exit" in ci


@pytest.mark.parametrize(("rest", "unit"), [(0, 0), (1, 0), (0, 1), (1, 2)])
def test_the_test_command_runs_every_tier_and_fails_if_one_does(tmp_path, rest, unit):
    """The unit tier beside the others: each path once, and what either says counts."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/pytest"
    program.write_text(
        f'#!/bin/sh\necho "ran $@"\nif [ "$1" = tests/unit ]; then exit {unit}; fi\nexit {rest}\n'
    )
    program.chmod(0o755)
    words = ["make", "-f", str(ROOT / "Makefile"), "-o", "install-dev", "test", "BIN=bin"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (rest == unit == 0)
    ran = [line for line in done.stdout.splitlines() if line.startswith("ran ")]
    assert ran == ["ran --ignore=tests/unit", ran[1]]
    assert ran[1].startswith("ran tests/unit ")
    said = f"== exit codes: tests/unit {unit}, the others above it {rest}"
    assert said in done.stdout.splitlines()[-2:]  # make within make says one line more
    assert (tmp_path / "build/tested").read_text() == f"{rest} {unit}\n"  # for .ci/run
