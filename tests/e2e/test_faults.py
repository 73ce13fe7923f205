"""A whole house, and one service after the other that dies or freezes while a room is live."""

import asyncio
import os
import re
import signal
import time
from pathlib import Path
from typing import Self

import httpx
import psutil
import pytest

from tests.e2e.chromium import chromium, microphone, played, plays_on, tapped
from tests.e2e.evening import go_live, onsets, take_the_stage
from tests.fakes.rtc_client import Caller
from tests.fakes.udp_relay import Network, UdpRelay
from tests.support.ear import Ear
from tests.support.flood import flood, slow_connections
from tests.support.house import House
from tests.support.night import scaled
from tests.support.signals import write_bursts
from tests.support.speakers import Place, leave, speech
from tests.support.speakers import take_the_stage as rtc_speakers
from tests.support.stage import Person

FRAMES = speech(6)


class Playlists:
    """A player that asks for the playlist again and again: what it was answered."""

    def __init__(self, house: House, room: str) -> None:
        self._url = f"{house.edge}/live/{room}/aac/index.m3u8"
        self._statuses: list[int] = []
        self._sequence: list[int] = []
        self._breaks = 0

    async def __aenter__(self) -> Self:
        self._task = asyncio.get_running_loop().create_task(self._ask())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _ask(self) -> None:
        async with httpx.AsyncClient(timeout=15) as http:
            while True:
                answer = await http.get(self._url)
                self._statuses.append(answer.status_code)
                found = re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", answer.text)
                self._sequence += [int(found[1])] if found else []
                self._breaks = max(self._breaks, answer.text.count("#EXT-X-DISCONTINUITY\n"))
                await asyncio.sleep(0.3)

    def assert_well(self) -> None:
        """Every answer was a playlist, numbers only rose, and the timeline broke at most once."""
        assert self._statuses
        assert set(self._statuses) == {200}
        assert self._sequence == sorted(self._sequence)
        assert self._breaks <= 1


def live(ear: Ear) -> bool:
    return bool(ear.parts) and not ear.parts[-1].hold


async def on_air(house: House) -> list[tuple[Person, Caller]]:
    house.put("r", title="Through it all", host="Ada", state="lobby")
    return await rtc_speakers(Place(house), "r", 1, frames=FRAMES)


async def test_F16_kill_9_of_the_stage_costs_hold_audio_and_no_listener(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """The journal goes on, playlists rise, and a speaker's page comes back by itself."""
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
                playlists = Playlists(house, "r")
                died_s = time.monotonic()
                os.kill(before, signal.SIGKILL)
                await ear.until(lambda e: e.parts[-1].hold)
                held = ear.parts[-1]
                heard = len(ear.parts)
                async with playlists:
                    await ear.until(lambda e: len(e.parts) > heard and live(e), within_s=60)
                figures["hold_after_s"] = round(held.at_s - died_s, 2)
                figures["programme_after_s"] = round(ear.parts[-1].at_s - died_s, 2)
                assert house.child("stage").pid != before
                assert not ear.ended
                assert ear.whole()
                playlists.assert_well()
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


async def test_F14_a_frozen_stage_and_its_return(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """With nobody to restart it (services on machines of their own). Players of every kind are

    served all the time, what they hear says that the stage is away, and it comes back by itself.
    """
    with House(tmp_path, supervised=False) as house:
        speakers = await on_air(house)
        async with Ear(house.edge, "r") as ear, Playlists(house, "r") as playlists:
            await ear.until(live)
            os.kill(house.child("stage").pid, signal.SIGSTOP)
            await asyncio.sleep(scaled(7, 30))
            assert house.state("r")["source"] == "hold"
            status = httpx.get(f"{house.edge}/status.json", timeout=10).json()
            assert status["stage"] == "away"
            newcomer = Ear(house.edge, "r")
            async with newcomer:
                await newcomer.until(lambda e: len(e.parts) > 2)
            os.kill(house.child("stage").pid, signal.SIGCONT)
            parts = len(ear.parts)
            assert ear.parts[-1].hold
            await ear.until(lambda e: len(e.parts) > parts and live(e))
            assert not ear.ended
            assert ear.whole()
            assert any(e["kind"] == "source" and e["body"]["source"] == "hold" for e in ear.events)
            until_live = [part.hold for part in ear.parts[parts:]].index(False)
            figures["parts_until_live"] = until_live
            assert until_live <= 7  # about 2 s of parts
        playlists.assert_well()
        await leave(speakers)


async def test_F17_a_host_whose_path_is_dead_and_who_returns_from_another(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """The room stays live; the same seat, without a new invitation, is heard again.

    What listeners hear meanwhile is the room without the host's voice (silence, if nobody else is
    on stage), not hold audio: the stage is well.
    """
    with House(tmp_path) as house:
        house.put("r", title="Through it all", host="Ada", state="lobby")
        host = await Person(Place(house), "r", "host").join("Ada")  # type: ignore[arg-type]
        async with UdpRelay(Network(), seed=1) as relay, host.control():
            await host.do("accept")
            caller = await host.speak(FRAMES * 20, by=relay)
            await host.do("go_live")
            async with Ear(house.edge, "r") as ear:
                await ear.until(lambda e: live(e) and speaking(e))
                relay.dark = True
                await ear.until(lambda e: not speaking(e))
                await asyncio.sleep(scaled(6, 10))
                returned_s = time.monotonic()
                again = await host.speak(FRAMES * 20)
                await ear.until(speaking)
                figures["heard_again_s"] = round(time.monotonic() - returned_s, 2)
                assert ear.whole()
                assert not ear.ended
                assert not any(part.hold for part in ear.parts[4:])
                assert house.state("r")["room"]["state"] == "live"
            await again.close()
            await caller.close()
        await host.http.aclose()


def speaking(ear: Ear) -> bool:
    """Whether somebody speaks, as listeners are told."""
    told = [e["body"]["speaking"] for e in ear.events if e["kind"] in {"level", "state"}]
    return bool(told and told[-1])


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


async def test_F15_a_web_that_stands_still_is_missed_by_nobody_else(tmp_path: Path) -> None:
    """With nobody to restart it: a speaker reloads and rejoins, listeners come and notice nothing."""
    with House(tmp_path, supervised=False) as house:
        speakers = await on_air(house)
        person, caller = speakers[0]
        web = house.child("web")
        async with Ear(house.edge, "r") as ear, httpx.AsyncClient() as http:
            await ear.until(live)
            web.suspend()
            for _ in range(5):
                await asyncio.sleep(scaled(2, 12))
                assert (await http.get(f"{house.stage}/s/r", timeout=10)).status_code == 200
                async with Ear(house.edge, "r") as newcomer:
                    await newcomer.until(lambda e: len(e.parts) > 1)
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
