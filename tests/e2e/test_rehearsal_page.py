"""A host rehearses in a browser, by keyboard alone: is heard at the edge, sees what is to be mended, ends it."""

import asyncio
import re
from pathlib import Path

import httpx
from playwright.async_api import Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium, microphone
from tests.e2e.evening import take_the_stage
from tests.support.house import House
from tests.support.signals import write_speech
from tests.support.speakers import VOICES

HEARD_MS = 60_000  # a hang guard: 2 s of speech at the edge


async def press(page: Page, name: str) -> None:
    """What a keyboard does with a button."""
    await page.get_by_role("button", name=name, exact=True).focus()
    await page.keyboard.press("Enter")


async def test_a_host_rehearses_is_heard_and_the_room_is_as_before(tmp_path: Path) -> None:
    wav = write_speech(tmp_path / "ada.wav", VOICES / "voice_a.opus")
    with House(tmp_path / "house") as house:
        house.put("square", title="On the square", host="Ada")
        async with chromium(microphone(wav)) as browser:
            context = await browser.new_context(viewport={"width": 390, "height": 844})
            page = await context.new_page()
            await take_the_stage(page, house, "square", "host", "Ada")
            badge, findings = page.locator("#badge"), page.locator("#readiness-list")
            await expect(findings).to_contain_text("Ada has not been heard yet", timeout=20_000)
            await press(page, "Rehearse")
            await expect(badge).to_have_text("Rehearsal · Lobby open", timeout=20_000)
            link = await page.locator("#rehearsal-url").input_value()
            assert re.search(r"/r/rehearsal-[a-z2-9]{26}$", link)
            await expect(findings).to_contain_text("A listener hears Ada", timeout=HEARD_MS)
            await page.get_by_label("Listeners you expect").fill("120")
            await page.keyboard.press("Enter")
            await expect(findings).to_contain_text("Expected are 120 listeners", timeout=20_000)
            assert await barriers(page) == []
            listener = await context.new_page()
            await listener.goto(link)
            await expect(listener.get_by_text("This is a rehearsal")).to_be_visible()
            await press(page, "End the rehearsal")
            await page.keyboard.press("Tab")  # from "Not yet" to the act itself
            await page.keyboard.press("Enter")
            await expect(badge).to_have_text("Not open yet", timeout=20_000)
            await expect(page.locator("#on-stage li")).to_contain_text("Ada")
            async with asyncio.timeout(20):
                while httpx.get(link).status_code != 404:
                    await asyncio.sleep(0.1)
