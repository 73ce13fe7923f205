"""A room's picture from the stage to every edge, and away again: real stage, real edges, the disk."""

import asyncio
from pathlib import Path

import httpx
import pytest

from hustings.backup.restoring import restore
from hustings.backup.taking import take
from hustings.base.clock import SystemClock
from hustings.journal.keys import load_or_make
from hustings.settings import Settings
from hustings.wire.links import links_for
from hustings.wire.pictures import PICTURE_BYTES, digest
from tests.fakes.photos import jpeg
from tests.integration.test_stage_and_edge import Standing
from tests.support.stage import Stage

OWN = links_for(Settings(), asked_host="127.0.0.1").edge
ONE, OTHER = jpeg(), jpeg((9, 9, 200))


def address(data: bytes) -> str:
    return f"/r/hall/picture.{digest(data)}.jpg"


async def hand_in(stage: Stage, data: bytes, *, name: str = "", room: str = "hall") -> int:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        path = f"/rooms/{room}/pictures/{name or digest(data)}"
        return (await http.put(path, content=data, headers=stage.service_headers())).status_code


async def show(stage: Stage, data: bytes | None) -> None:
    shown = data and {"hash": digest(data), "alt": "A bridge"}
    await stage.put("hall", title="Hall", start_ms=1_900_000_000_000, picture=shown)


async def said(edge: httpx.AsyncClient, path: str, status: int) -> httpx.Response:
    """The answer, once the edge has heard of the change."""
    async with asyncio.timeout(20):
        while (answer := await edge.get(path)).status_code != status:
            await asyncio.sleep(0.05)
    return answer


async def test_a_picture_is_at_every_edge_while_the_room_shows_it(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        key = load_or_make(tmp_path / "keys").vkey
        assert await hand_in(stage, ONE) == 204
        await show(stage, ONE)
        async with (
            Standing(stage, key) as near,
            Standing(stage, key, origin=near) as below,
            httpx.AsyncClient(base_url=near, timeout=20) as first,
            httpx.AsyncClient(base_url=below, timeout=20) as second,
        ):
            for edge in (second, first):  # nobody listens; the one below asks the one above
                answer = await said(edge, address(ONE), 200)
                assert answer.content == ONE
                assert answer.headers["content-type"] == "image/jpeg"
                assert answer.headers["x-content-type-options"] == "nosniff"
                assert answer.headers["cache-control"] == "public, max-age=86400, immutable"
                tag = {"If-None-Match": answer.headers["etag"]}
                assert (await edge.get(address(ONE), headers=tag)).status_code == 304
                page = (await edge.get("/r/hall")).text
                assert page.count(address(ONE)) == 2  # the card and the page
                calendar = (await edge.get("/r/hall.ics")).text.replace("\r\n ", "")
                assert f"FMTTYPE=image/jpeg:{OWN}{address(ONE)}" in calendar
                told = await edge.get(f"/oembed?url={OWN}/r/hall")
                assert told.json()["thumbnail_url"].endswith(address(ONE))
            made_up = address(ONE).replace(digest(ONE), "0" * 32)
            answer = await first.get(made_up)  # an old link leads to what is shown now
            assert (answer.status_code, answer.headers["location"]) == (307, address(ONE))
            assert (await first.get(f"/rooms/hall/pictures/{digest(ONE)}")).status_code == 401
            assert await hand_in(stage, OTHER) == 204
            await show(stage, OTHER)
            for edge in (first, second):
                assert (await said(edge, address(OTHER), 200)).content == OTHER
                assert (await edge.get(address(ONE))).status_code == 307
            assert [each.name for each in (tmp_path / "pictures" / "hall").iterdir()] == [
                f"{digest(OTHER)}.jpg"
            ]
            await show(stage, None)
            for edge in (first, second):
                answer = await said(edge, address(OTHER), 404)
                assert answer.json()["code"] == "picture_unknown"
            assert not (tmp_path / "pictures" / "hall").exists()


@pytest.mark.parametrize(
    ("data", "name", "status"),
    [
        (ONE + b"<script>", "", 400),
        (ONE, "0" * 32, 400),
        (ONE[:2] + bytes(PICTURE_BYTES), "", 400),
        (b"<svg/>", "", 400),
    ],
)
async def test_the_stage_takes_small_jpegs_by_their_own_names(
    tmp_path: Path, data: bytes, name: str, status: int
) -> None:
    async with Stage(tmp_path) as stage:
        assert await hand_in(stage, data, name=name) == status
        assert await hand_in(stage, ONE, room="..%2F..") in {400, 404}
        with pytest.raises(httpx.HTTPStatusError, match="404"):
            await show(stage, ONE)  # facts never show what is not there
        assert list((tmp_path / "pictures").rglob("*.jpg")) == []


async def test_nothing_of_it_is_left_when_the_room_is_deleted(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        key = load_or_make(tmp_path / "keys").vkey
        await hand_in(stage, ONE)
        await show(stage, ONE)
        await stage.put("hall", state="lobby")
        await stage.put("hall", cancelled=True)  # an open lobby ends by that
        async with (
            Standing(stage, key) as near,
            httpx.AsyncClient(base_url=near, timeout=20) as edge,
        ):
            assert (await said(edge, address(ONE), 200)).content == ONE  # after the end too
            async with httpx.AsyncClient(base_url=stage.url, timeout=20) as http:
                why = {"reason": "A guest asked us to"}
                path, headers = "/rooms/hall/delete", stage.service_headers()
                assert (await http.post(path, json=why, headers=headers)).status_code == 200
            answer = await said(edge, address(ONE), 410)
            assert answer.json()["code"] == "room_deleted"
            async with asyncio.timeout(20):
                while not (tmp_path / "rooms" / "hall" / "tombstone.json").exists():
                    await asyncio.sleep(0.05)
            assert await hand_in(stage, ONE) == 410
            assert await stage_serves(stage) == 404
    left = [
        p for p in tmp_path.rglob("*") if p.is_file() and digest(ONE).encode() in p.read_bytes()
    ]
    assert left == []
    assert list(tmp_path.rglob("*.jpg")) == []


async def stage_serves(stage: Stage) -> int:
    async with httpx.AsyncClient(base_url=stage.url) as http:
        path = f"/rooms/hall/pictures/{digest(ONE)}"
        return (await http.get(path, headers=stage.service_headers("edge"))).status_code


async def test_a_backup_holds_it(tmp_path: Path) -> None:
    house, file, again = tmp_path / "house", tmp_path / "file", tmp_path / "again"
    async with Stage(house) as stage:
        await hand_in(stage, ONE)
        await show(stage, ONE)
        options = {"with_keys": True, "damaged": False, "clock": SystemClock()}
        await asyncio.to_thread(take, house, file, database="", tell=lambda *_: None, **options)
    await asyncio.to_thread(restore, file, again, database="", tell=lambda *_: None)
    async with Stage(again) as stage:
        assert await stage_serves(stage) == 200
