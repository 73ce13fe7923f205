"""A room's readiness, asked of a real stage as hosts' pages and `hustings doctor` do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import msgspec
import pytest

from hustings.cli.doctor import readiness
from hustings.settings import WebSettings
from hustings.wire.report import Report
from tests.support.stage import Person, Stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path) as stage:
        yield stage


async def asked(stage: Stage, person: Person, language: str = "en") -> httpx.Response:
    headers = {"Authorization": f"Bearer {person.token}"}
    return await person.http.get(f"/rooms/r/readiness?lang={language}", headers=headers)


async def test_hosts_read_what_is_to_be_mended_in_their_language(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby", expected=500)
    host = await Person(stage, "r", "host").join("Ada")
    speaker = await Person(stage, "r", "speaker").join("Ben")
    answer = (await asked(stage, host, "de")).json()
    found = {each["code"]: each for each in answer["findings"]}
    assert answer["ready"] == "bad"
    assert found["edges_none"]["said"].startswith("Kein Edge ist verbunden")
    assert found["recording_ok"]["state"] == "ok"
    assert found["capacity_short"]["values"] == {"expected": 500, "seats": 0}
    refused = await asked(stage, speaker)
    assert (refused.status_code, refused.json()["code"]) == (403, "role_denied")


async def test_an_edge_s_report_counts_and_hosts_say_how_many_they_expect(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    wall_ms = stage.clock.wall_ms() - 60_000  # an edge whose clock nobody keeps
    report = Report(edge="run", name=":8010", limit=900, seats=720, wall_ms=wall_ms)
    async with httpx.AsyncClient(base_url=stage.url) as http:
        headers = stage.service_headers("edge")
        told = await http.post("/report", content=msgspec.json.encode(report), headers=headers)
    assert told.status_code == 204
    host = await Person(stage, "r", "host").join("Ada")
    async with host.control():
        refused = await host.do("expect", listeners="many")
        assert refused["code"] == "expected_bad"
        await host.do("expect", listeners=700)
        await host.hear("levels")  # the room's fact has been told before
    found = {each["code"]: each for each in (await asked(stage, host)).json()["findings"]}
    assert found["capacity_ok"]["values"] == {"expected": 700, "seats": 720}
    assert found["edges_warm"]["values"] == {"count": 1, "seats": 720}
    assert found["clock_edge"]["state"] == "bad"
    assert found["clock_edge"]["values"]["s"] <= -60


async def test_the_doctor_asks_the_stage(stage: Stage) -> None:
    await stage.put("r", title="R", state="lobby")
    settings = msgspec.structs.replace(stage.settings, web=WebSettings(stage=stage.url))
    found = await asyncio.to_thread(readiness, settings, stage.clock, "r")
    states = {finding.name: finding.state for finding in found}
    assert states["edges"] == "bad"
    assert states["recording"] == "ok"
