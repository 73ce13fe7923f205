"""Through a real provider in a real browser: what its policies and cookies allow on the way."""

import re
import time
from pathlib import Path

import pytest
from playwright.async_api import expect

from hustings.settings import OidcSettings
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.fakes.loopback import free_port
from tests.fakes.openid import real_provider
from tests.fakes.web_house import open_house

pytestmark = pytest.mark.slow


async def test_a_link_becomes_an_account_by_a_provider_and_signs_in_again(tmp_path: Path) -> None:
    async with real_provider() as issuer:
        oidc = OidcSettings(issuer=issuer, client_id="house", client_secret="x", name="Campus")
        async with (
            open_house(tmp_path, port=free_port(), oidc=oidc) as house,
            chromium() as browser,
        ):
            house.clock.step_wall(time.time() - house.clock.wall_ms() / 1_000)
            context = await browser.new_context(viewport={"width": 320, "height": 720})
            page = await context.new_page()
            base = house.services.links.web
            await page.goto(f"{base}/sign-in?lang=ar")
            assert await barriers(page) == []
            await page.locator("form[action*='/sign-in/oidc'] button").click()
            await page.locator("input[name=sub]").fill("ada")
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(re.compile("said=oidc_unknown"))
            await page.goto(f"{base}/start#{await house.services.house.new_code('host')}")
            await page.locator("button[formaction*='/start/oidc']").click()
            await page.locator("input[name=sub]").fill("ada")
            await page.keyboard.press("Enter")
            await expect(page.locator("#codes")).to_have_value(re.compile(r"^(\S{23}\n){9}\S{23}$"))
            await page.goto(f"{base}/account?lang=ar")
            assert await barriers(page) == []
            await page.locator("form[action*='/devices/end'] button").click()
            await page.goto(f"{base}/sign-in")
            await page.locator("form[action*='/sign-in/oidc'] button").click()
            await page.locator("input[name=sub]").fill("ada")
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(f"{base}/")
