"""Signing in by a link from a mail, in Chromium: by keyboard, in two languages, and in another browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.web.accounts import queries as accounts
from hustings.web.accounts.model import Account
from hustings.web.mailbox import queries as mailbox
from tests.e2e.barriers import barriers
from tests.e2e.keyboard import tab_to
from tests.fakes.smtp import Postman, smtp_server
from tests.fakes.web_house import House, open_house

pytestmark = pytest.mark.slow
ADA = "ada@x.example"


@pytest.fixture
async def server() -> AsyncIterator[Postman]:
    async with smtp_server() as postman:
        yield postman


@pytest.fixture
async def house(tmp_path: Path, server: Postman) -> AsyncIterator[House]:
    async with open_house(tmp_path, mail=server.settings) as opened:
        async with opened.services.database.write() as connection:
            await accounts.add_account(connection, Account("ada", "Ada", "owner", 0))
            await mailbox.add_email(connection, "ada", ADA, 0)
        yield opened
        await opened.services.post._close()


async def arriving(house: House, server: Postman) -> str:
    """The part of the next link behind its #."""
    await house.services.mailbox.turn()
    await house.services.post.turn()
    await house.services.post.settled()
    found = re.search(r"/sign-in/link#(\S{32})", server.mails[-1].get_content())
    assert found is not None
    return found[1]


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_link_from_a_mail_signs_in(
    page: Page, house: House, server: Postman, language: str
) -> None:
    base, asked = str(house.browser.base_url).rstrip("/"), f"?lang={language}"
    await page.set_viewport_size({"width": 320, "height": 720})
    await page.goto(f"{base}/sign-in{asked}")
    assert await barriers(page) == []
    await tab_to(page, "#address")
    await page.keyboard.type(ADA)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_be_visible()
    assert await barriers(page) == []
    link = f"{base}/sign-in/link{asked}#{await arriving(house, server)}"
    cookies = await page.context.cookies()
    await page.context.clear_cookies()  # as another browser
    await page.goto(link)
    await expect(page.locator("#code")).to_be_hidden()
    assert "#" not in page.url
    assert await barriers(page) == []
    await page.locator("main .primary").click()
    await expect(page.get_by_role("alert")).to_contain_text("Ada")
    assert await barriers(page) == []
    await page.context.add_cookies(cookies)  # as the one in which it was asked for
    await page.goto(link)
    await tab_to(page, "main .primary")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(re.escape(base) + r"/(\?.*)?$"))
    await page.goto(f"{base}/account{asked}")
    await expect(page.locator("h1")).to_have_text("Ada")
    await expect(page.get_by_text(ADA).first).to_be_visible()
    for path in ("/account", "/people", "/post"):
        await page.goto(f"{base}{path}{asked}")
        assert await barriers(page) == [], path
