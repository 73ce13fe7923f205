"""An announcement in Chromium, at a real house: picture and words by the host, seen by the audience."""

import asyncio
import os
import subprocess
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.fakes.photos import photo
from tests.support.house import PROGRAM, House

pytestmark = pytest.mark.slow

SHOTS = os.environ.get("PICTURES_OF_PAGES")  # a folder for pictures of what the test sees


async def look(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def host_link(house: House) -> str:
    words = [*PROGRAM, "host-link"]
    done = subprocess.run(
        words, env=house.environment, capture_output=True, text=True, check=True, timeout=60
    )
    return next(word for word in done.stdout.split() if "/start#" in word)


async def test_a_host_gives_a_room_a_picture_and_words_in_two_languages(tmp_path: Path) -> None:
    large = tmp_path / "large.jpg"
    with large.open("wb") as file:
        file.truncate(12_000_001)
    with House(tmp_path / "house") as house:
        async with chromium() as browser:
            context = await browser.new_context(viewport={"width": 390, "height": 844})
            page = await context.new_page()
            link = await asyncio.to_thread(host_link, house)
            await page.goto(link.replace("/start#", "/start?lang=ar#"))
            await page.locator("form button.quiet[formnovalidate]").click()
            await page.fill("#title", "القاعة")
            await page.locator("details:has(#address) summary").click()
            await page.fill("#address", "hall")
            await page.locator("form .primary").click()
            await page.locator("#picture summary").click()
            assert await barriers(page) == []
            await page.set_input_files("#photo", large)
            await expect(page.locator("#photo-large")).to_be_visible()  # before it is sent
            await page.set_input_files(
                "#photo",
                {"name": "a.png", "mimeType": "image/png", "buffer": photo(1_500, 900, "PNG")},
            )
            await expect(page.locator("#photo-large")).to_be_hidden()
            await page.fill("#alt", "A red bank and a blue one")
            await page.locator("#picture .primary").click()
            await expect(page.locator("#picture img")).to_be_visible()
            assert await page.evaluate("document.querySelector('#picture img').naturalWidth") > 500
            await look(page, "host")
            assert await barriers(page) == []
            await page.reload()
            await page.locator("#languages summary").click()
            await page.fill("#title-en", "The hall")
            await look(page, "languages")
            await page.locator("#languages .primary").click()
            await expect(page.get_by_role("status")).to_be_visible()
            await asyncio.sleep(2)  # of the outbox and the feed; the page keeps for 5 s
            picture = page.locator("#picture")
            for language, title in (("ar", "القاعة"), ("en", "The hall")):
                await page.goto(f"{house.edge}/r/hall?lang={language}")
                await expect(page.locator("h1")).to_have_text(title)
                await picture.scroll_into_view_if_needed()
                await expect(picture).to_have_attribute("alt", "A red bank and a blue one")
                await expect(picture).to_have_js_property("naturalWidth", 1_050)
                await look(page, f"phone-{language}")
                assert await barriers(page) == []
