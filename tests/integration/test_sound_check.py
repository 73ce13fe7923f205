"""Before a room goes live: each voice on stage is heard by a listener at a real edge, in private."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.integration.test_stage_and_edge import Standing
from tests.support.speakers import speech
from tests.support.stage import Person, Stage


async def findings(person: Person) -> dict[str, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {person.token}"}
    answer = await person.http.get("/rooms/r/readiness", headers=headers)
    return {each["code"]: each for each in answer.json()["findings"]}


async def until(person: Person, code: str) -> dict[str, Any]:
    """Ask as a host's page does until that line is there."""
    async with asyncio.timeout(60):
        while code not in (found := await findings(person)):
            await asyncio.sleep(0.3)
    return found[code]


def folders(stage: Stage) -> list[str]:
    return sorted(path.name for path in (stage.data / "rooms").iterdir())


async def test_a_voice_is_heard_at_an_edge_before_anybody_listens_and_nothing_of_it_stays(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage, Standing(stage, "") as edge:
        stage.door.probes.edge = edge
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("accept")
            caller = await host.speak(speech(10) * 10)
            heard = await until(host, "mic_heard")
            assert heard["values"]["name"] == "Ada"
            assert heard["values"]["behind_s"] > 0.3
            assert (await findings(host))["probe_heard"]["state"] == "ok"
            async with asyncio.timeout(20):  # proven: the check is over, and wiped
                while folders(stage) != ["r"]:
                    await asyncio.sleep(0.1)
            async with httpx.AsyncClient() as http:
                seen = (await http.get(f"{edge}/status.json")).text
                listed = await http.get(f"{stage.url}/rooms", headers=stage.service_headers())
            assert "soundcheck" not in seen
            assert [room["room"] for room in listed.json()] == ["r"]
            kinds = await stage.engine.do(
                lambda studio: [entry.kind for entry in _entries(studio.halls["r"].journal)]
            )
            assert "part" not in kinds  # the room itself was silent
        await caller.close()


def _entries(journal: Any) -> list[Any]:
    journal.flush()
    with journal.reader() as reader:
        return list(reader.entries())


async def test_a_sound_check_that_a_crash_cut_off_is_gone_at_the_next_start(tmp_path: Path) -> None:
    left = tmp_path / "rooms" / f"soundcheck-{'a' * 26}"
    left.mkdir(parents=True)
    (left / "journal").write_bytes(b"HUSTINGS-JOURNAL 1\n")
    async with Stage(tmp_path) as stage:
        assert not left.exists()
        async with httpx.AsyncClient(base_url=stage.url) as http:
            refused = await http.put(
                f"/rooms/{left.name}", json={"title": "R"}, headers=stage.service_headers()
            )
        assert (refused.status_code, refused.json()["code"]) == (400, "room_name")
