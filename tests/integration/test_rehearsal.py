"""A rehearsal: the whole evening in private, on a real stage and a real edge; then nothing of it stays."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from hustings.base.ids import is_private
from hustings.wire import kinds
from tests.integration.test_stage_and_edge import Standing
from tests.support.ear import Ear
from tests.support.speakers import speech
from tests.support.stage import Person, Stage


async def opened(stage: Stage, **facts: Any) -> Person:
    """A planned room, and its host in it."""
    await stage.put("r", title="The evening", expected=9, **facts)
    return await Person(stage, "r", "host").join("Ada")


async def rehearse(host: Person) -> str:
    """Begin; the rehearsal's name, as the host learns it once everybody has moved."""
    async with host.control():
        await host.socket.send('{"type": "do", "id": 1, "command": "rehearse"}')
        assert (await host.hear("bye"))["code"] == "moved"
    async with host.control():
        [welcome] = [each for each in host.heard if each["type"] == "welcome"][-1:]
    assert welcome["room"]["rehearsal_of"] == "r"
    assert welcome["listen"].endswith(welcome["room"]["room"])
    return str(welcome["room"]["room"])


async def end(host: Person) -> None:
    async with host.control():
        await host.socket.send('{"type": "do", "id": 1, "command": "end"}')
        assert (await host.hear("bye"))["code"] == "moved"


async def wiped(stage: Stage) -> None:
    async with asyncio.timeout(20):
        while [each.name for each in (stage.data / "rooms").iterdir()] != ["r"]:
            await asyncio.sleep(0.05)


async def journal(stage: Stage) -> list[Any]:
    def read(studio: Any) -> list[Any]:
        studio.halls["r"].journal.flush()
        with studio.halls["r"].journal.reader() as reader:
            return list(reader.entries())

    return await stage.engine.do(read)


async def test_a_rehearsal_is_heard_by_those_with_its_link_and_leaves_its_times_only(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage, Standing(stage, "") as edge:
        host = await opened(stage)
        speaker = await Person(stage, "r", "speaker").join("Ben")
        name = await rehearse(host)
        assert is_private(name)
        async with host.control(), speaker.control():
            await host.do("accept")
            caller = await host.speak(speech(10) * 10)
            await host.do("go_live")
            async with Ear(edge, name) as ear:
                await ear.until(lambda e: sum(not part.hold for part in e.parts) > 6)
            async with httpx.AsyncClient() as http:
                listed = await http.get(f"{stage.url}/rooms", headers=stage.service_headers())
                board = await http.get(f"{stage.url}/board", headers=stage.service_headers())
                public = (await http.get(f"{edge}/status.json")).json()
                shown = await http.get(f"{edge}/r/{name}")
                playlist = await http.get(f"{edge}/live/{name}/aac/index.m3u8?page")
                other = (await http.get(f"{edge}/live/r/state.json")).json()
            assert [room["room"] for room in listed.json()] == ["r"]
            assert "state" not in listed.json()[0]  # scheduled, as everybody sees it
            assert other["room"]["state"] == "scheduled"
            assert name not in board.text
            assert public["rooms"] == []
            assert "noindex" in shown.text
            for answer in (shown, playlist):  # a cache would outlive the wiping
                assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
            await host.do("remove", participant=speaker.id)
            await host.do("expect", listeners=12)
        await end(host)
        await caller.close()
        await wiped(stage)
        async with httpx.AsyncClient() as http, asyncio.timeout(20):
            while (await http.get(f"{edge}/r/{name}")).status_code != 404:
                await asyncio.sleep(0.05)
        kept = [entry.kind for entry in await journal(stage)]
        assert kinds.PART not in kept
        assert kept.count(kinds.REHEARSAL) == 1
        async with host.control():  # back in the room, which is as it was planned
            welcome = [each for each in host.heard if each["type"] == "welcome"][-1]
        planned = {
            "room": "r",
            "title": "The evening",
            "expected": 12,
            "lobby_min": 30,
            "doors": "lobby",
        }
        assert welcome["room"] == planned | {
            name: welcome["room"][name] for name in ("draw", "revision", "revised_ms")
        }
        assert [each["name"] for each in welcome["roster"]] == ["Ada", "Ben"]
        await speaker.join("Ben")  # who was removed in the rehearsal is invited still


async def test_after_a_long_rehearsal_everybody_stands_where_they_stood_at_its_end(
    tmp_path: Path,
) -> None:
    def minutes_later(studio: Any) -> None:
        hall = studio.halls["r"]
        hall.seats.unseen.forget()
        hall.seats.unseen.turn(hall.model.people, (), studio._clock.monotonic() - 180)
        hall.second()

    def places(studio: Any) -> dict[str, str]:
        studio.halls["r"].second()
        return {who.name: who.place for who in studio.halls["r"].model.people.values()}

    async with Stage(tmp_path) as stage:
        host = await opened(stage)
        cohost = await Person(stage, "r", "cohost").join("Ben")
        async with host.control(), cohost.control():
            await host.do("accept")
            await cohost.do("accept")
        await rehearse(host)
        await stage.engine.do(minutes_later)
        async with cohost.control():
            await cohost.do("backstage")
        await end(host)
        await wiped(stage)
        assert await stage.engine.do(places) == {"Ada": "stage", "Ben": "backstage"}


async def test_a_killed_stage_goes_on_with_the_rehearsal_and_shows_nobody(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        host = await opened(stage)
        name = await rehearse(host)
        await stage.stop()
        await stage.start()
        host.http.base_url = httpx.URL(stage.url)
        async with httpx.AsyncClient() as http:
            listed = await http.get(f"{stage.url}/rooms", headers=stage.service_headers())
        assert [room["room"] for room in listed.json()] == ["r"]
        async with host.control():
            welcome = [each for each in host.heard if each["type"] == "welcome"][-1]
            assert welcome["room"]["room"] == name
        await end(host)
        await wiped(stage)


async def test_a_rehearsal_that_a_crash_cut_off_half_begun_is_wiped(tmp_path: Path) -> None:
    left = tmp_path / "rooms" / f"rehearsal-{'a' * 26}"
    left.mkdir(parents=True)
    (left / "journal").write_bytes(b"HUSTINGS-JOURNAL 1\n")
    async with Stage(tmp_path) as stage:
        await stage.put("r", title="R")
        await wiped(stage)


async def test_the_evening_ends_its_rehearsal_and_a_lobby_is_too_late_for_one(
    tmp_path: Path,
) -> None:
    async with Stage(tmp_path) as stage:
        host = await opened(stage)
        await rehearse(host)
        async with host.control():
            await stage.put("r", state="lobby")
            assert (await host.hear("bye"))["code"] == "moved"
        await wiped(stage)
        async with host.control():
            welcome = [each for each in host.heard if each["type"] == "welcome"][-1]
            assert welcome["room"]["state"] == "lobby"
            refused = await host.do("rehearse")
            assert refused["code"] == "room_state"


async def test_whoever_was_put_out_of_the_room_stays_out_of_its_rehearsal(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        host = await opened(stage)
        out = await Person(stage, "r", "speaker").join("Mallory")
        async with host.control():
            await host.do("remove", participant=out.id)
        await rehearse(host)
        body = {"invitation": out.invitation, "name": "Mallory"}
        refused = await out.http.post("/rooms/r/join", json=body)
        assert refused.status_code == 403
