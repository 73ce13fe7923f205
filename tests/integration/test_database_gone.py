"""A whole house whose PostgreSQL stops while a room is on air: web says so, nobody hears it."""

import asyncio
import os
import time
from pathlib import Path

import httpx
import pytest

from tests.fakes import postgres
from tests.support.ear import Ear
from tests.support.house import House
from tests.support.night import scaled
from tests.support.speakers import Place, leave, speech, take_the_stage

pytestmark = pytest.mark.slow


def live(ear: Ear) -> bool:
    return bool(ear.parts) and not ear.parts[-1].hold


async def asked(http: httpx.AsyncClient, house: House, *, until: int) -> httpx.Response:
    """The list of rooms, asked for again until it is answered with this status."""
    give_up = time.monotonic() + 30
    while True:
        answer = await http.get(f"{house.web}/api/v1/rooms", timeout=20)
        if answer.status_code == until:
            return answer
        assert time.monotonic() < give_up, answer.text
        await asyncio.sleep(0.3)


async def test_F29_a_database_that_stops_is_told_by_web_and_heard_by_nobody(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    programs = postgres.binaries()
    if programs is None:
        assert os.environ.get("CI") != "true", "PostgreSQL is not installed"
        pytest.skip("PostgreSQL is not installed (apt-get install postgresql)")
    cluster = tmp_path / "cluster"
    cluster.mkdir()
    with (
        postgres.running(programs, cluster) as url,
        House(tmp_path / "house", HUSTINGS_WEB_DATABASE=url) as house,
    ):
        house.put("r", title="Through it all", host="Ada", state="lobby")
        speakers = await take_the_stage(Place(house), "r", 1, frames=speech(6))
        async with Ear(house.edge, "r") as ear, httpx.AsyncClient() as http:
            await ear.until(live)
            [before] = (await asked(http, house, until=200)).json()["rooms"]
            web = house.child("web").pid
            postgres.control(programs, cluster, "-m", "immediate", "stop")
            try:
                answer = await asked(http, house, until=503)
                assert answer.json()["code"] == "database_gone"
                assert int(answer.headers["retry-after"]) >= 1
                page = await http.get(house.web, headers={"Accept": "text/html"}, timeout=20)
                assert (page.status_code, "database_gone" in page.text) == (503, True)
                async with Ear(house.edge, "r") as newcomer:
                    await newcomer.until(lambda e: len(e.parts) > 1)
                await asyncio.sleep(scaled(3, 60))
            finally:
                postgres.control(programs, cluster, "start")
            [after] = (await asked(http, house, until=200)).json()["rooms"]
            assert (after["room"], after["listen"]) == (before["room"], before["listen"])
            assert house.child("web").pid == web  # nobody had to start it again
            heard = len(ear.parts)
            await ear.until(lambda e: len(e.parts) > heard + 6)
            figures["parts_heard"] = len(ear.parts)
            assert ear.whole()
            assert not ear.ended
            assert not any(part.hold for part in ear.parts[4:])
        await leave(speakers)
