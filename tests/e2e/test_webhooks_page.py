"""The pages about webhooks: by keyboard, on a small phone, in two directions of writing."""

import re
from pathlib import Path

import pytest
from playwright.async_api import expect

from hustings.settings import OutboundSettings
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.e2e.keyboard import tab_to
from tests.fakes.receiver import receiver
from tests.fakes.web_house import open_house

pytestmark = pytest.mark.slow


async def test_a_webhook_by_keyboard_its_secret_once_and_its_answer(tmp_path: Path) -> None:
    async with receiver() as taking:
        outbound = OutboundSettings(allow=(taking.origin,))
        async with open_house(tmp_path, outbound=outbound) as house, chromium() as browser:
            context = await browser.new_context(viewport={"width": 320, "height": 720})
            page = await context.new_page()
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            base = str(house.browser.base_url).rstrip("/")
            code = await house.services.house.new_code()
            await page.goto(f"{base}/start#{code}")
            await page.locator("form button").last.click()
            await page.goto(f"{base}/webhooks?lang=ar")
            assert await barriers(page) == []
            await tab_to(page, "#url")
            await page.keyboard.type(taking.url)
            await page.keyboard.press("Enter")
            await expect(page.locator("#secret")).to_have_value(re.compile("^whsec_"))
            await tab_to(page, "form[action*='/test'] button")
            await page.keyboard.press("Enter")
            await expect(page.locator(".entry")).to_have_count(1)
            await expect(page.locator("#secret")).to_have_count(0)
            await house.services.post.turn()
            await house.services.post.settled()
            await page.reload()
            await expect(page.locator(".entry")).to_contain_text("200 thanks")
            await page.locator("summary").click()
            assert await barriers(page) == []
            width = await page.evaluate("document.documentElement.scrollWidth")
            assert width <= 320
            assert len(taking.came) == 1
            assert errors == []
