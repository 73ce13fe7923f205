"""docs/organiser.md, told in real browsers: an evening is planned, rehearsed, held in spite of all, and published.

The pictures of that page are taken here: with PICTURES=1 they are written to docs/pictures.
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.chromium import chromium, microphone, played, tapped
from tests.e2e.evening import go_live, power
from tests.fakes.tools import need
from tests.support.house import PROGRAM, ROOT, House
from tests.support.signals import write_bursts, write_speech
from tests.support.speakers import VOICES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

TITLE = "Is the new bridge worth it?"
AMINA, KIM, LAILA, OTTO = "Amina Berg", "Kim Ngo", "ليلى حداد", "Otto"
TONES_HZ = {AMINA: 700, KIM: 1_100, LAILA: 1_900}
EVERY_S = (4.7, 5.3, 6.1)  # each speaks alone now and then, whenever they began
EXPECTED = 500
PHONE = {"width": 420, "height": 860}
DESK = {"width": 800, "height": 900}
IN_CHARGE_S = 3.0
HANG_MS = 60_000  # no measure of anything


@dataclass
class Evening:
    """The house, and who sits where."""

    house: House
    album: Path
    open: AsyncExitStack
    voices: dict[str, Path]
    room: str = ""

    @property
    def public(self) -> str:
        """The address for everybody."""
        return f"{self.house.edge}/r/{self.room}"

    async def browser(self, name: str) -> Browser:
        """A browser of somebody's own, with their voice at its microphone."""
        return await self.open.enter_async_context(chromium(microphone(self.voices[name])))

    async def phone(self, browser: Browser) -> BrowserContext:
        """With ears."""
        return await tapped(browser, viewport=PHONE, locale="en-GB")

    async def picture(self, page: Page, name: str, **options: Any) -> None:
        """For the organisers' page."""
        await page.screenshot(path=self.album / f"organiser-{name}.png", **options)

    def ran(self, *words: str) -> str:
        """What a command says, typed on the house's machine."""
        done = subprocess.run(
            [*PROGRAM, *words],
            env=self.house.environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout


@pytest.fixture
async def evening(tmp_path: Path) -> AsyncIterator[Evening]:
    album = ROOT / "docs/pictures" if os.getenv("PICTURES") else tmp_path
    voices = {
        name: write_bursts(tmp_path / f"{hz}.wav", hz, every_s=every_s, burst_s=1.5)
        for (name, hz), every_s in zip(TONES_HZ.items(), EVERY_S, strict=True)
    }
    voices[OTTO] = write_speech(tmp_path / "otto.wav", VOICES / "voice_b.opus")
    async with AsyncExitStack() as stack:
        house = stack.enter_context(House(tmp_path / "house"))
        yield Evening(house, album, stack, voices)


async def test_a_first_evening(evening: Evening, figures: dict[str, object]) -> None:
    amina = await evening.browser(AMINA)
    links = await plan(evening, await amina.new_context(viewport=DESK, locale="en-GB"))
    phones = {AMINA: await evening.phone(amina)}
    for name in (KIM, LAILA):
        phones[name] = await evening.phone(await evening.browser(name))
    seats = {name: await take_seat(phone, links[name]) for name, phone in phones.items()}
    host = seats[AMINA]

    await rehearse(evening, seats)
    await open_doors(host)
    audience = await evening.browser(OTTO)
    early = await listen(evening, audience)
    await go_live(host)
    await expect(host.locator("#light")).to_have_attribute("data-heard", "yes", timeout=HANG_MS)
    await evening.picture(host, "live")

    guest = await bring_up_a_hand(evening, audience, host)
    crowd = asyncio.create_task(five_hundred(evening))
    await remove(host, guest)
    await the_host_crashes(evening, seats, links, figures)
    await from_the_beginning(await listen(evening, audience))

    summary = (await crowd)["summary"]
    assert (summary["heard"], summary["lost_s"], summary["out_of_order"]) == (EXPECTED, 0, 0)
    for hz in TONES_HZ.values():
        assert await power(early, "ear", hz) > 1e-3

    await end(seats[AMINA])
    await publish(evening, early)
    print(figures)


async def plan(evening: Evening, office: BrowserContext) -> dict[str, str]:
    """From the link that the operator has to a room; each person's own link."""
    page = await office.new_page()
    await page.goto(evening.ran("host-link").strip().splitlines()[-1])
    await page.get_by_role("button", name="Not now: only this browser").click()
    await page.get_by_label("Title").fill(TITLE)
    await page.get_by_label("What it is about").fill("The council votes on Thursday.")
    await page.get_by_label("Host", exact=True).fill(AMINA)
    await page.locator("#cohosts").fill(KIM)
    await page.locator("#speakers").fill(LAILA)
    await evening.picture(page, "plan")
    await page.get_by_role("button", name="Make the room").click()
    await expect(page.locator("h1")).to_have_text(TITLE)
    await evening.picture(page, "room")
    evening.room = httpx.URL(page.url).path.rpartition("/")[2]
    seats = {}
    for seat in await page.locator(".seat").all():
        name = await seat.locator(".name").inner_text()
        seats[name] = await seat.locator("input").first.input_value()
    await office.close()
    return seats


async def take_seat(phone: BrowserContext, link: str) -> Page:
    """The invitation is opened, the microphone checked."""
    page = await phone.new_page()
    await page.goto(link)
    await page.get_by_role("button", name="Join", exact=True).click()
    await expect(page.locator("#rules-text")).to_contain_text("Speak to one another with respect")
    await page.get_by_role("button", name="I agree to these rules").click()
    await page.get_by_role("button", name="Join the stage").click()
    await expect(page.locator("#step-room")).to_be_visible(timeout=HANG_MS)
    return page


async def rehearse(evening: Evening, seats: Mapping[str, Page]) -> None:
    """In private, until a listener has heard every microphone."""
    host = seats[AMINA]
    await host.get_by_role("button", name="Rehearse", exact=True).click()
    await expect(host.locator("#badge")).to_have_text("Rehearsal · Lobby open", timeout=HANG_MS)
    await bring_up(host, LAILA, seats[LAILA])
    ready = host.locator("#readiness-list")
    for name in TONES_HZ:
        line = re.compile(f"A listener hears \u2068?{name}")
        await expect(ready).to_contain_text(line, timeout=HANG_MS)
    await host.get_by_label("Listeners you expect").fill(str(EXPECTED))
    await host.keyboard.press("Enter")
    await expect(ready).to_contain_text(f"Expected are {EXPECTED} listeners", timeout=HANG_MS)
    await host.locator("#readiness-list").evaluate(
        "(list) => list.closest('section').scrollIntoView()"
    )
    await evening.picture(host, "ready")
    await host.get_by_role("button", name="End the rehearsal").click()
    await host.locator("#ask-rehearsed").get_by_role("button", name="End the rehearsal").click()
    await expect(host.locator("#badge")).to_have_text("Not open yet", timeout=HANG_MS)


async def bring_up(host: Page, name: str, speaker: Page) -> None:
    """A speaker who waits backstage is asked, and goes."""
    await host.get_by_label(f"Actions for {name}").click()
    await host.get_by_role("button", name="Ask on stage").click()
    await speaker.locator("#accept").click(timeout=HANG_MS)
    await expect(host.locator("#on-stage li", has_text=name)).to_be_visible(timeout=HANG_MS)


async def open_doors(host: Page) -> None:
    """The lobby; who rehearsed on stage is there still."""
    await expect(host.locator("#on-stage li")).to_have_count(len(TONES_HZ), timeout=HANG_MS)
    await host.get_by_role("button", name="Open the lobby").click()
    await expect(host.locator("#badge")).to_have_text("Lobby open", timeout=HANG_MS)


async def listen(evening: Evening, audience: Browser) -> Page:
    """Somebody comes, and hears."""
    page = await (await evening.phone(audience)).new_page()
    async with asyncio.timeout(HANG_MS / 1_000):
        while not await page.locator("#audio").count():  # a busy edge's page says when to try again
            await page.goto(evening.public)
            await asyncio.sleep(1)
    await plays_on(page)
    return page


async def plays_on(page: Page) -> None:
    """A second more is heard."""
    until = await played(page) + 1
    heard = "until => document.getElementById('audio').currentTime > until"
    await page.wait_for_function(heard, arg=until, timeout=HANG_MS)


async def five_hundred(evening: Evening) -> Any:
    """The audience."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hustings", "loadtest", evening.public, "--json",
        "--listeners", str(EXPECTED), "--over", "5", "--seconds", "35",
        stdout=asyncio.subprocess.PIPE, env=evening.house.environment,
    )  # fmt: skip
    out, _ = await process.communicate()
    return json.loads(out)


async def bring_up_a_hand(evening: Evening, audience: Browser, host: Page) -> Page:
    """A listener asks, is called, and speaks, without leaving the listeners' page."""
    guest = await listen(evening, audience)
    await guest.get_by_text("Raise your hand", exact=True).click()
    await guest.get_by_label("I have read these rules and agree to them.").check()
    await guest.locator("#hand-name").fill(OTTO)
    await guest.locator("#hand-question").fill("Who pays for it?")
    hand = host.locator("#hands li", has_text="Who pays for it?")
    async with asyncio.timeout(HANG_MS / 1_000):
        while not await hand.is_visible():  # a busy edge says "try again in a moment"
            if await guest.locator("#hand-lower").is_hidden():
                await guest.get_by_role("button", name="Raise hand").click()
            await asyncio.sleep(2)
    await hand.scroll_into_view_if_needed()
    await evening.picture(host, "hands")
    await hand.get_by_role("button").first.click()
    await guest.locator("#hand-way").click(timeout=HANG_MS)
    await guest.frame_locator("iframe").locator("#enter").click(timeout=HANG_MS)
    await expect(host.locator("#on-stage li", has_text=OTTO)).to_be_visible(timeout=HANG_MS)
    return guest


async def remove(host: Page, guest: Page) -> None:
    """Out, and not in again by the same ticket."""
    await host.get_by_label(f"Actions for {OTTO}").click()
    await host.get_by_role("button", name="Remove from the room").click()
    await host.locator("#ask-remove").get_by_role("button", name="Remove", exact=True).click()
    await expect(host.locator("#on-stage li", has_text=OTTO)).to_have_count(0, timeout=HANG_MS)
    await expect(guest.frame_locator("iframe").locator("#trouble-words")).to_contain_text(
        "removed", timeout=HANG_MS
    )
    await guest.context.close()


async def the_host_crashes(
    evening: Evening,
    seats: dict[str, Page],
    links: Mapping[str, str],
    figures: dict[str, object],
) -> None:
    """Her browser dies with everything in it; the co-host runs the room until she is back."""
    kim = seats[KIM]
    clock = "performance.now()"
    for process in browsers_with(evening.voices[AMINA]):
        with contextlib.suppress(psutil.NoSuchProcess):  # with its parent
            process.kill()
    died = await kim.evaluate(clock)
    await expect(kim.locator("#charge")).to_contain_text("you run the room", timeout=HANG_MS)
    figures["cohost_in_charge_s"] = (await kim.evaluate(clock) - died) / 1_000
    seats[AMINA] = await take_seat(await evening.phone(await evening.browser(AMINA)), links[AMINA])
    await expect(kim.locator("#charge")).to_be_empty(timeout=HANG_MS)
    await expect(seats[AMINA].locator("#badge")).to_have_text("Live")


def browsers_with(voice: Path) -> list[psutil.Process]:
    """The processes of the browser that has this voice at its microphone."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(
            psutil.NoSuchProcess
        ):  # ended just now, or only not yet waited for
            if any(str(voice) in word for word in child.cmdline()):
                found.append(child)
    return found


async def from_the_beginning(late: Page) -> None:
    """Somebody who comes late begins at the beginning, while the room is live."""
    await late.locator("#rewind summary").click()
    past = "document.querySelector('#rewind audio')"
    await late.wait_for_function(f"{past}.duration > 10", timeout=HANG_MS)
    await late.evaluate(f"{past}.play()")
    await late.wait_for_function(f"{past}.currentTime > 1", timeout=HANG_MS)
    assert await late.evaluate(f"{past}.currentTime") < 10


async def end(host: Page) -> None:
    """Asked once."""
    await host.get_by_role("button", name="End", exact=True).click()
    await host.get_by_role("button", name="End the room").click()
    await expect(host.locator("#trouble-words")).to_contain_text("ended", timeout=HANG_MS)


async def publish(evening: Evening, listener: Page) -> None:
    """The replay is at the room's own address by itself, and the record proves itself."""
    await listener.get_by_role("button", name="Listen to the recording").click(timeout=2 * HANG_MS)
    await expect(listener.locator("#chapters")).to_contain_text(OTTO, timeout=HANG_MS)
    await plays_on(listener)
    assert listener.url.partition("#")[0] == evening.public
    await evening.picture(listener, "replay")
    async with httpx.AsyncClient() as http:
        sound = (await http.get(f"{evening.public}/audio.m4a")).raise_for_status().content
    file = evening.house.data / "download.m4a"
    file.write_bytes(sound)
    probe = need("ffprobe", why="it reads what people download")
    shown = subprocess.run(
        [probe, "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(shown.stdout) > 20
    said = evening.ran("verify", str(evening.house.data / "rooms" / evening.room))
    assert "journal: whole\n  room " in said
    assert "  sound: " in said
