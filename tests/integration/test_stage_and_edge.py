"""A real stage and a real edge: what an edge takes from whom."""

import asyncio
from pathlib import Path

import httpx
import pytest

from hustings.base.clock import SystemClock
from hustings.base.ids import new_id
from hustings.base.keyfiles import edges_key
from hustings.edge.app import Edge, listen
from hustings.journal.keys import load_or_make
from hustings.settings import EdgeSettings, Settings
from hustings.wire.credentials import EdgeSigner
from hustings.wire.tokens import Claims
from tests.support.ear import Ear
from tests.support.speakers import Place, leave, speech, take_the_stage
from tests.support.stage import Person, Stage


class Standing:
    """An edge beside a stage that is in this process too; origin: of another edge."""

    def __init__(
        self, stage: Stage, journal_key: str, *, origin: str = "", archive: str = ""
    ) -> None:
        claims = Claims(typ="edge", jti=new_id(), iat=stage.clock.wall_ms() // 1_000)
        token = EdgeSigner(edges_key(stage.data)).sign(claims)
        settings = EdgeSettings(
            origin=origin or stage.url,
            token=token,
            journal_key=journal_key,
            lane_port=0,
            archive=archive,
        )
        self._edge = Edge(Settings(edge=settings), SystemClock())

    async def __aenter__(self) -> str:
        sock = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        await self._edge.start(sock)
        async with asyncio.timeout(10), httpx.AsyncClient() as http:
            while (await http.get(f"{url}/readyz")).status_code != 200:
                await asyncio.sleep(0.05)
        return url

    async def __aexit__(self, *_: object) -> None:
        await self._edge.close()


@pytest.mark.parametrize("own", [True, False], ids=["the stage's key", "another key"])
async def test_an_edge_that_knows_the_key_takes_only_what_it_signed(
    tmp_path: Path, own: bool
) -> None:
    async with Stage(tmp_path / "stage") as stage:
        key = load_or_make(tmp_path / "stage/keys" if own else tmp_path / "elsewhere")
        await stage.put("r", title="R", state="lobby")
        speakers = await take_the_stage(Place(stage), "r", 1, frames=speech(4))
        async with Standing(stage, key.vkey) as edge, Ear(edge, "r") as ear:
            await ear.until(lambda e: len(e.parts) > 12)
            assert any(not part.hold for part in ear.parts[8:]) is own
        await leave(speakers)


@pytest.mark.parametrize("own", [True, False], ids=["the stage's key", "another key"])
async def test_an_edge_below_an_edge_checks_what_the_stage_signed(
    tmp_path: Path, own: bool
) -> None:
    """Chain, tree and signatures pass through the parent, which checks nothing itself here."""
    async with Stage(tmp_path / "stage") as stage:
        key = load_or_make(tmp_path / "stage/keys" if own else tmp_path / "elsewhere")
        await stage.put("r", title="R", state="lobby")
        speakers = await take_the_stage(Place(stage), "r", 1, frames=speech(4))
        async with (
            Standing(stage, "") as parent,
            Standing(stage, key.vkey, origin=parent) as child,
            Ear(child, "r") as ear,
        ):
            await ear.until(lambda e: len(e.parts) > 12)
            assert any(not part.hold for part in ear.parts[8:]) is own
        await leave(speakers)


async def test_an_evening_of_the_past_is_told_without_opening_its_journal(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="Long ago", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("go_live")
            await host.socket.send('{"type": "do", "id": 99, "command": "end"}')
            assert (await host.hear("bye"))["code"] == "room_ended"
        await stage.stop()
        await stage.start()
        assert await stage.engine.do(lambda studio: len(studio.halls)) == 0
        assert (tmp_path / "rooms" / "r" / "ended.json").exists()
        key = load_or_make(tmp_path / "keys").vkey
        async with Standing(stage, key) as edge, httpx.AsyncClient(base_url=edge) as http:
            state = await http.get("/live/r/state.json")
            assert state.json()["room"]["state"] == "ended"
            assert (await http.get("/live/r/opus.mp4")).status_code == 410
            assert "Long ago" in (await http.get("/r/r")).text
        refused = await _feed(stage)
        assert (refused.status_code, refused.json()["code"]) == (410, "room_ended")
        await stage.put("r", title="Long ago, corrected")  # web may still mend its facts
        assert await stage.engine.do(lambda studio: len(studio.halls)) == 1


async def _feed(stage: Stage) -> httpx.Response:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        return await http.get("/feed/r?tail=1s", headers=stage.service_headers("edge"))
