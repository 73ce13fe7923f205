"""A guest from the host's plan to every edge and away again: the real house, stage, edges, the disk."""

import asyncio
import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hustings.backup.restoring import restore
from hustings.backup.taking import take
from hustings.base.clock import SystemClock
from hustings.client import House as Client
from hustings.journal.auditing import audit_file
from hustings.journal.keys import load_or_make
from hustings.wire.pictures import digest
from tests.fakes.photos import jpeg, photo
from tests.integration.test_api_example import new_key
from tests.integration.test_pictures import hand_in, said
from tests.integration.test_stage_and_edge import Standing
from tests.support.house import House
from tests.support.stage import Stage

PICTURE = jpeg()
NAME, LINE = "Bo Lindqvist-Unmistakable", "Mayor of Kalmar"


def guest(who: str = "bo", **more: Any) -> dict[str, Any]:
    return {"id": who, "name": NAME, "line": LINE, "announced": True} | more


async def put(stage: Stage, *guests: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return await stage.put("hall", guests=list(guests), **facts)


async def until(edge: httpx.AsyncClient, path: str, words: str, *, there: bool = True) -> str:
    async with asyncio.timeout(20):
        while (words in (page := (await edge.get(path)).text)) is not there:
            await asyncio.sleep(0.05)
    return page


async def forgotten(data: Path, words: str) -> None:
    """Until no file of the house has these words."""
    async with asyncio.timeout(20):
        while found := [
            p for p in data.rglob("*") if p.is_file() and words.encode() in p.read_bytes()
        ]:
            await asyncio.sleep(0.1)
    assert found == []


async def test_a_guest_is_at_every_edge_while_they_agree_and_nowhere_afterwards(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        key = load_or_make(tmp_path / "keys").vkey
        start_ms = stage.clock.wall_ms() + 3_600_000
        assert await hand_in(stage, PICTURE) == 204
        made = await put(
            stage,
            guest(picture=digest(PICTURE), url="https://kalmar.example", recorded=True),
            guest("cy", name="Cy Hidden", announced=False),
            title="Hall",
            start_ms=start_ms,
        )
        assert [each["id"] for each in made["guests"]] == ["bo"]
        address = f"/r/hall/guest.{digest(PICTURE)}.jpg"
        async with (
            Standing(stage, key) as near,
            Standing(stage, key, origin=near) as below,
            httpx.AsyncClient(base_url=near, timeout=20) as first,
            httpx.AsyncClient(base_url=below, timeout=20) as second,
        ):
            for edge in (second, first):
                page = await until(edge, "/r/hall", NAME)
                assert f'src="{address}"' in page
                assert 'href="https://kalmar.example" rel="nofollow ugc noopener"' in page
                assert f"{NAME}, {LINE}" in page  # the card of a link
                assert "Cy Hidden" not in page
                answer = await said(edge, address, 200)
                assert answer.content == PICTURE
                assert answer.headers["cache-control"] == "public, max-age=86400, immutable"
                calendar = (await edge.get("/r/hall.ics")).text.replace("\r\n ", "")
                assert f"{NAME}\\, {LINE}" in calendar
            await stage.put("hall", state="lobby")
            await until(first, "/live/hall/state.json", NAME)  # carried: by the feed, too
            told = (await first.get("/live/hall/state.json")).json()["room"]
            assert told["guests"] == [
                {
                    "id": "bo",
                    "name": NAME,
                    "line": LINE,
                    "picture": digest(PICTURE),
                    "url": "https://kalmar.example",
                }
            ]
            await put(stage, guest(name="Bo", announced=False))  # taken back, by another name even
            for edge in (first, second):
                await until(edge, "/r/hall", NAME, there=False)
                await until(edge, "/live/hall/state.json", NAME, there=False)
                answer = await said(edge, address, 404)
                assert answer.json()["code"] == "picture_unknown"
            assert not (tmp_path / "pictures" / "hall").exists()
            await forgotten(tmp_path, NAME)
            await forgotten(tmp_path, "Cy Hidden")
    report = audit_file(tmp_path / "rooms" / "hall" / "journal")
    assert report.ok, report.findings


async def test_who_is_a_guest_survives_the_stage_and_snapshots_name_nobody(tmp_path: Path) -> None:
    async with Stage(tmp_path, snapshot_s=1) as stage:
        await put(stage, guest(), guest("cy", name="Cy"), title="Hall", state="lobby")
        journal = tmp_path / "rooms" / "hall" / "journal"
        async with asyncio.timeout(20):
            while b"guests" not in journal.read_bytes():  # of a snapshot
                await asyncio.sleep(0.1)
    data = journal.read_bytes()
    assert data.count(NAME.encode()) == 1  # in the one entry that says so
    async with Stage(tmp_path) as stage:
        made = await stage.put("hall", title="Hall 2")
        assert [each["name"] for each in made["guests"]] == [NAME, "Cy"]
        made = await put(stage, guest("cy", name="Cy"), guest())
        assert [each["name"] for each in made["guests"]] == ["Cy", NAME]
        await put(stage)
        await forgotten(tmp_path, NAME)
    async with Stage(tmp_path) as stage:
        assert "guests" not in await stage.put("hall", title="Hall 3")


async def test_a_picture_that_is_not_there_costs_the_picture_alone(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        made = await put(stage, guest(picture="0" * 32), title="Hall")
        assert [each.get("picture") for each in made["guests"]] == [None]
        for bad in (
            guest("B O"),
            guest(url="javascript:alert(1)"),
            guest(name=""),
            guest(picture="x"),
        ):
            with pytest.raises(httpx.HTTPStatusError, match="4"):
                await put(stage, bad)
        with pytest.raises(httpx.HTTPStatusError, match="4"):
            await put(stage, *(guest(f"g{n}") for n in range(13)))


async def test_a_backup_holds_guests_and_nothing_that_was_taken_back(tmp_path: Path) -> None:
    house, file, again = tmp_path / "house", tmp_path / "file", tmp_path / "again"
    async with Stage(house) as stage:
        await put(stage, guest(name="Before He Changed It"), guest("cy", name="Cy"), title="Hall")
        await put(stage, guest(), guest("cy", name="Cy"))
        async with asyncio.timeout(20):  # the record reaches the disk a little later
            while NAME.encode() not in (house / "rooms/hall/journal").read_bytes():
                await asyncio.sleep(0.05)
        options: dict[str, Any] = {"with_keys": True, "damaged": False, "clock": SystemClock()}
        await asyncio.to_thread(take, house, file, database="", tell=lambda *_: None, **options)
        assert b"Before He Changed It" not in file.read_bytes()
    await asyncio.to_thread(restore, file, again, database="", tell=lambda *_: None)
    async with Stage(again) as stage:
        made = await stage.put("hall", title="Hall 2")
        assert [each["name"] for each in made["guests"]] == [NAME, "Cy"]


async def test_from_the_hosts_plan_through_consent_to_the_edge_and_back(tmp_path: Path) -> None:
    """The whole house, as people start it."""
    house = House(tmp_path)
    await asyncio.to_thread(house.start)
    try:
        with Client(house.web, await new_key(tmp_path)) as client:
            await asyncio.to_thread(_evening, client, house)
    finally:
        await asyncio.to_thread(house.stop)
    await forgotten(tmp_path / "rooms", NAME)


def _evening(client: Client, house: House) -> None:
    room = client.rooms.create("Hall", start=datetime.now(UTC) + timedelta(hours=1), host="Ada")
    bo = client.rooms.add_guest(room, NAME, line=LINE)
    assert not bo.announced
    link = bo.link
    assert link is not None  # this once
    with httpx.Client(base_url=house.edge, timeout=20) as edge, httpx.Client(timeout=20) as her:
        page = f"/r/{room.room}"
        _eventually(lambda: edge.get(page).status_code == 200)
        assert NAME not in edge.get(page).text
        picture = {"photo": ("me.jpg", photo(), "image/jpeg")}
        answer = her.post(link.replace("?", "/picture?"), files=picture)
        assert answer.status_code == 303
        fields = {"name": NAME, "line": LINE, "announce": "yes", "picture": "yes", "record": "yes"}
        kept = re.search(r'name="kept" value="(\w+)"', her.get(link).text)
        assert kept is not None
        assert her.post(link, data=fields | {"kept": kept[1]}).status_code == 303
        _eventually(lambda: NAME in edge.get(page).text)
        [bo] = client.rooms.guests(room)
        assert (bo.announced, bo.recorded) == (True, True)
        assert bo.link is None
        assert bo.picture is not None
        file = re.search(r"/r/[^/]+/guest\.[0-9a-f]{32}\.jpg", bo.picture)
        assert file is not None
        assert edge.get(file[0]).headers["content-type"] == "image/jpeg"
        assert her.post(link.replace("?", "/withdraw?")).status_code == 303
        _eventually(lambda: edge.get(file[0]).status_code == 404)
        _eventually(lambda: NAME not in edge.get(page).text)
        bo = client.rooms.change_guest(room, bo, line="Of Kalmar", place=0)
        assert (bo.line, bo.name) == ("Of Kalmar", NAME)
        renewed = client.rooms.renew_guest_link(room, bo)
        assert her.get(link).status_code == 404
        assert her.get(str(renewed.link)).status_code == 200
        client.rooms.remove_guest(room, bo)  # until then the hosts' own plan names her
        assert client.rooms.guests(room) == []
        assert her.get(str(renewed.link)).status_code == 404


def _eventually(true: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)
