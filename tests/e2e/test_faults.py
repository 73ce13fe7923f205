"""A whole house, and one service after the other that dies or freezes while a room is live."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import psutil
import pytest

from tests.e2e.chromium import chromium, microphone, played, plays_on, tapped
from tests.e2e.evening import go_live, onsets, take_the_stage
from tests.fakes.rtc_client import Caller
from tests.support.ear import Ear
from tests.support.flood import flood, slow_connections
from tests.support.house import House
from tests.support.signals import write_bursts
from tests.support.speakers import Place, leave, speech
from tests.support.speakers import take_the_stage as rtc_speakers
from tests.support.stage import Person

FRAMES = speech(6)


def live(ear: Ear) -> bool:
    return bool(ear.parts) and not ear.parts[-1].hold


async def on_air(house: House) -> list[tuple[Person, Caller]]:
    house.put("r", title="Through it all", host="Ada", state="lobby")
    return await rtc_speakers(Place(house), "r", 1, frames=FRAMES)


async def test_kill_9_of_the_stage_costs_hold_audio_and_no_listener(tmp_path: Path) -> None:
    """The journal goes on, and a speaker's page comes back by itself."""
    wav = write_bursts(tmp_path / "ada.wav", 700)
    with House(tmp_path / "house") as house:
        house.put("r", title="Through it all", host="Ada", state="lobby")
        async with chromium(microphone(wav)) as browser:
            ada = await (await tapped(browser)).new_page()
            await take_the_stage(ada, house, "r", "host", "Ada")
            await go_live(ada)
            async with Ear(house.edge, "r") as ear:
                await ear.until(live)
                before = house.child("stage").pid
                os.kill(before, signal.SIGKILL)
                await ear.until(lambda e: e.parts[-1].hold)
                heard = len(ear.parts)
                await ear.until(lambda e: len(e.parts) > heard and live(e), within_s=60)
                assert house.child("stage").pid != before
                assert not ear.ended
                assert ear.whole()
                mouths = len(await onsets(ada, "mic", 700))
                await ada.wait_for_function(
                    "n => window.taps.onsets.filter(o => o.where === 'mic').length > n", arg=mouths
                )
                await ada.locator("#on-stage li").filter(has_text="Ada").wait_for()


async def test_kill_9_of_the_edge_loses_no_part(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        speakers = await on_air(house)
        async with Ear(house.edge, "r") as ear:
            await ear.until(lambda e: live(e) and len(e.parts) > 4)
            os.kill(house.child("edge").pid, signal.SIGKILL)
            await ear.until(lambda e: e.ended)
        again = await _returned(house, ear.next_part)
        async with again:
            await again.until(lambda e: len(e.parts) > 8)
            assert again.parts[0].first == ear.next_part  # nothing lost
            assert again.whole()
            assert not any(part.hold for part in again.parts[2:])
        await leave(speakers)


async def _returned(house: House, part: int) -> Ear:
    """The edge as soon as it knows the room again."""
    async with asyncio.timeout(30):
        while True:
            try:
                if house.state("r")["part"] > part:
                    return Ear(house.edge, "r", start=part)
            except (httpx.HTTPError, KeyError):
                pass
            await asyncio.sleep(0.1)


async def test_kill_9_and_freezing_of_web_is_nobodys_business_but_webs(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        speakers = await on_air(house)
        async with Ear(house.edge, "r") as ear, httpx.AsyncClient() as http:
            await ear.until(live)
            for number in (signal.SIGKILL, signal.SIGSTOP):
                before = house.child("web").pid
                os.kill(before, number)
                for _ in range(10):
                    page = await http.get(f"{house.stage}/s/r", timeout=10)
                    assert page.status_code == 200
                    await asyncio.sleep(0.2)
                async with asyncio.timeout(40):  # the supervisor mends both
                    while not house.ready(house.web) or house.child("web").pid == before:
                        await asyncio.sleep(0.2)
            assert ear.whole()
            assert not ear.ended
            assert not any(part.hold for part in ear.parts[4:])
        await leave(speakers)


@pytest.mark.parametrize("seconds", [6, pytest.param(30, marks=pytest.mark.slow)])
async def test_a_frozen_stage_and_its_return(tmp_path: Path, seconds: int) -> None:
    """With nobody to restart it (services on machines of their own)."""
    with House(tmp_path, supervised=False) as house:
        speakers = await on_air(house)
        async with Ear(house.edge, "r") as ear:
            await ear.until(live)
            os.kill(house.child("stage").pid, signal.SIGSTOP)
            await asyncio.sleep(seconds)
            os.kill(house.child("stage").pid, signal.SIGCONT)
            parts = len(ear.parts)
            assert ear.parts[-1].hold
            await ear.until(lambda e: len(e.parts) > parts and live(e))
            assert not ear.ended
            assert ear.whole()
            until_live = [part.hold for part in ear.parts[parts:]].index(False)
            assert until_live <= 7  # about 2 s of parts
        await leave(speakers)


async def test_a_listeners_frozen_tab_plays_on(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        speakers = await on_air(house)
        async with chromium() as browser:
            page = await (await browser.new_context()).new_page()
            await page.goto(f"{house.edge}/r/r")
            await plays_on(page)
            tabs = [
                each
                for each in psutil.process_iter(["cmdline"])
                if "--type=renderer" in (each.info["cmdline"] or [])
                and any(p.pid == os.getpid() for p in each.parents())
            ]
            assert tabs
            for tab in tabs:
                tab.suspend()
            await asyncio.sleep(8)
            for tab in tabs:
                tab.resume()
            at = await played(page)
            await plays_on(page, 2.0)
            assert await played(page) > at
        await leave(speakers)


@pytest.mark.parametrize("service", ["stage", "edge", "web"])
async def test_ten_thousand_requests_and_five_hundred_slow_ones_cost_no_tick(
    tmp_path: Path, service: str
) -> None:
    with House(tmp_path) as house:
        speakers = await on_air(house)
        port = int(getattr(house, service).rsplit(":", 1)[1])
        pids = {name: house.child(name).pid for name in ("stage", "edge", "web")}
        async with Ear(house.edge, "r") as ear:
            await ear.until(live)
            with slow_connections(port, 500):
                await asyncio.to_thread(flood, port, 10_000)
                answer = await asyncio.to_thread(
                    httpx.get, f"{getattr(house, service)}/healthz", timeout=20
                )
                assert answer.status_code == 200
            heard = len(ear.parts)
            await ear.until(lambda e: len(e.parts) > heard + 4)
            assert ear.whole()
            assert not ear.ended
            assert house.metric("stage", "hustings_stage_skipped_ticks_total") == 0
        assert {name: house.child(name).pid for name in pids} == pids  # nobody died of it
        await leave(speakers)


@pytest.mark.slow
async def test_a_web_that_stands_still_for_a_minute_is_missed_by_nobody_else(
    tmp_path: Path,
) -> None:
    """With nobody to restart it: a speaker reloads and rejoins, listeners notice nothing."""
    with House(tmp_path, supervised=False) as house:
        speakers = await on_air(house)
        person, caller = speakers[0]
        web = house.child("web")
        async with Ear(house.edge, "r") as ear, httpx.AsyncClient() as http:
            await ear.until(live)
            web.suspend()
            for _ in range(12):
                await asyncio.sleep(5)
                assert (await http.get(f"{house.stage}/s/r", timeout=10)).status_code == 200
            await caller.close()
            again = await person.join()
            async with again.control():
                speakers[0] = (again, await again.speak(FRAMES * 20))
            web.resume()
            heard = len(ear.parts)
            await ear.until(lambda e: len(e.parts) > heard + 6)
            assert ear.whole()
            assert not ear.ended
            assert not any(part.hold for part in ear.parts[4:])
        async with asyncio.timeout(20):
            while not house.ready(house.web):
                await asyncio.sleep(0.2)
        await leave(speakers)
