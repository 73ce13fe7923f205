"""`hustings plan` as a command: with a calibration, with none, and used wrongly."""

import asyncio
import json
import sys

import pytest

from tests.integration.load.test_loadtest import ENVIRONMENT, ended, loadtest, rehearsing

MACHINE = ("--cores", "4", "--memory", "16", "--link", "10Gbit")


async def plan(*words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hustings", "plan", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=ENVIRONMENT,
    )  # fmt: skip
    return await ended(process)


async def test_a_rehearsal_becomes_a_plan(tmp_path):
    async with rehearsing() as edge:
        _, told, _ = await loadtest(
            f"{edge.url}/r/demo", "--listeners", "150", "--over", "5", "--seconds", "5",
            "--processes", "1", "--json",
        )  # fmt: skip
    file, page = tmp_path / "crowd.json", tmp_path / "plan.html"
    file.write_text(told)
    words = ("--listeners", "8000000", "--calibration", str(file), *MACHINE)
    code, out, err = await plan(*words, "--json", "--report", str(page))
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["plan"]["seats"] >= 8_000_000
    assert found["calibration"]["listeners"] == 150
    assert found["calibration"]["listener_bit_s"] > 20_000
    assert "gives out first" in page.read_text()
    again = tmp_path / "plan.json"
    again.write_text(out)
    code, said, _ = await plan(
        "--listeners", "8000000", "--calibration", str(again), *MACHINE, "--price-machine", "0.5"
    )
    assert code == 0
    assert said.startswith("8,000,000 listeners need")
    assert "Assumed:" in said
    assert "At the prices given" in said


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--listeners", "0"), "plan_bounds"),
        (("--listeners", "9", "--link", "fast"), "plan_link"),
        (("--listeners", "9", "--link", "1G", "--calibration", "/no/such"), "plan_calibration"),
        (("--listeners", "9", "--report", "/no/such/folder/x"), "plan_report"),
        (("--listeners", "9", "--lobby", "2"), "plan_bounds"),
    ],
)
async def test_wrong_words(words, code):
    ended_with, out, err = await plan(*words, "--json")
    assert (ended_with, json.loads(out)["code"]) == (2, code)
    assert err.startswith("hustings: ")
