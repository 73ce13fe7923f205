"""The status pages as the real edge serves them, looked at in Chromium, without scripts."""

import pytest
from playwright.async_api import expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import SILENT, chromium
from tests.e2e.keyboard import tab_to
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_they_tell_how_things_go_and_keep_nobody_out(language: str) -> None:
    stage = StageFeed()
    stage.room(host="Ada", start_ms=1_800_000_000_000)
    stage.live()
    stage.lights = {"demo": {"listeners": 12_431, "waiting": 7}}
    await stage.start()
    try:
        async with running_edge(stage.url) as edge, chromium(SILENT) as browser:
            await edge.until("rooms.indexed")
            await edge.get("/live/demo/state.json")
            page = await browser.new_page(
                bypass_csp=True, locale=language, viewport={"width": 360, "height": 740}
            )
            for path in ("/status", "/status/demo", "/status/nobody"):
                answer = await page.goto(edge.url + path)
                assert answer
                assert answer.status == (404 if "nobody" in path else 200)
                assert await barriers(page) == []
            await page.goto(f"{edge.url}/status")
            await tab_to(page, f"a[href='/status/demo?lang={language}']")
            await page.keyboard.press("Enter")
            await expect(page.locator("h1")).to_have_text("Town hall")
            await expect(page.locator(".figures")).to_contain_text("12,431")
    finally:
        await stage.stop()
