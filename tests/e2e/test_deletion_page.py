"""How long a recording stays, and its deletion, in Chromium: the form, two steps, the page that stays."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.wire.kinds import Deleted
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.e2e.keyboard import tab_to
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed
from tests.fakes.web_house import open_house

pytestmark = pytest.mark.slow


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        context = await browser.new_context(viewport={"width": 320, "height": 720})
        yield await context.new_page()


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_host_keeps_a_recording_for_a_while_and_then_deletes_it_by_keyboard(
    page: Page, tmp_path: Path, language: str
) -> None:
    async with open_house(tmp_path) as house:
        base = str(house.browser.base_url).rstrip("/")
        await page.goto(f"{base}/start?lang={language}#{await house.services.house.new_code()}")
        await page.locator("form .primary").click()
        await expect(page.locator("#keep-ever")).to_be_checked()
        await tab_to(page, "#title")
        await page.keyboard.type("Town hall")
        await tab_to(page, "#keep-ever")
        await page.keyboard.press("ArrowDown")
        await expect(page.locator("#keep-for")).to_be_checked()
        await tab_to(page, "#keep_days")
        await page.keyboard.type("30")
        assert await barriers(page) == []
        await page.keyboard.press("Enter")
        await expect(page.locator("h1")).to_have_text("Town hall")
        await house.turn()
        (room,) = house.stage.rooms.values()
        assert room["keep_days"] == 30
        room["state"] = "ended"
        await house.turn()
        await page.reload()
        await tab_to(page, "#delete summary")
        await page.keyboard.press("Enter")
        await tab_to(page, "#delete-reason")
        await page.keyboard.type("A guest asked us to")
        assert await barriers(page) == []
        await page.keyboard.press("Enter")
        await expect(page).to_have_url(re.compile("/delete"))
        assert "deleted" not in room  # asked, and not yet done
        assert await barriers(page) == []
        await tab_to(page, "main .danger")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_be_visible()
        await expect(page.locator("#gone")).to_be_visible()
        assert room["deleted"]["reason"] == "A guest asked us to"
        assert await barriers(page) == []
    await _what_listeners_see(page, language)


async def _what_listeners_see(page: Page, language: str) -> None:
    stage = StageFeed()
    ended = {"state": "ended", "live_ms": 1_799_999_000_000, "backlog": 0}
    gone = Deleted(1_800_000_000_000, "host", "A guest asked us to")
    stage.room("demo", **ended, deleted=gone)
    stage.room("other", keep_days=7)
    await stage.start()
    async with running_edge(stage.url) as edge:
        await edge.until("'demo' in rooms.lines and 'other' in rooms.lines")
        await page.goto(f"{edge.url}/r/demo?lang={language}")
        await expect(page.locator("main")).to_contain_text("A guest asked us to")
        assert await page.locator("audio, script").count() == 0
        assert await barriers(page) == []
        await page.goto(f"{edge.url}/r/other?lang={language}")
        await expect(page.locator("#kept")).to_contain_text("7")
    await stage.stop()
