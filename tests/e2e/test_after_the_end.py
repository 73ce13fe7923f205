"""From the end of a room to its recording, in Chromium with a real house: nobody reloads the page."""

from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium, microphone, plays_on
from tests.e2e.evening import go_live, take_the_stage
from tests.support.house import House
from tests.support.signals import write_bursts

pytestmark = pytest.mark.slow
SECONDS = "document.getElementById('audio').currentTime"


async def end(host: Page) -> None:
    await host.click("#end")
    await host.get_by_role("button", name="End the room").click()
    await expect(host.locator("#trouble-words")).to_have_text("This room has ended.")


async def test_the_page_of_a_room_that_ends_offers_the_recording_and_it_plays(
    tmp_path: Path,
) -> None:
    voice = microphone(write_bursts(tmp_path / "voice.wav", 700, every_s=1.0))
    with House(tmp_path / "house") as house:
        house.put("square", title="On the square", host="Ada", state="lobby")
        async with chromium(voice) as hosts, chromium() as listeners:
            host = await hosts.new_page()
            phone = await listeners.new_context(viewport={"width": 360, "height": 740})
            await phone.add_init_script("Math.random = () => 0")  # looks as soon as it may
            page = await phone.new_page()
            await take_the_stage(host, house, "square", "host", "Ada")
            await go_live(host)
            await page.goto(f"{house.edge}/r/square")
            await plays_on(page, 3)
            none = httpx.get(f"{house.edge}/r/square/index.json")
            assert (none.status_code, none.headers["cache-control"]) == (404, "public, max-age=1")
            await end(host)

            said = page.locator("#waiting + p")
            await expect(said).to_have_text(
                "The recording is being made. It will be here in a minute or two.", timeout=15_000
            )
            await expect(said).to_have_attribute("role", "status")
            button = page.get_by_role("button", name="Listen to the recording")
            await expect(button).to_be_visible(timeout=60_000)
            await expect(said).to_have_text("The recording is ready.")
            assert await barriers(page) == []
            await expect(page.locator("#waiting")).to_contain_text("has ended")  # still this page

            await button.press("Enter")
            await expect(page.locator(".badge")).to_have_text("Recording")
            await page.wait_for_function(f"() => {SECONDS} > 0.5", timeout=30_000)
            await expect(page.locator("#audio")).to_be_focused()
            assert page.url == f"{house.edge}/r/square"
