"""Passkeys in Chromium, with its virtual authenticator: in, out, a second device, the first gone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import CDPSession, Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import phone_page
from tests.e2e.keyboard import tab_to
from tests.fakes.web_house import House, open_house

pytestmark = pytest.mark.slow
DEVICE = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with phone_page() as each:
        yield each


async def device(page: Page) -> CDPSession:
    """Plug in an authenticator that says yes."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": DEVICE})
    return session


def url(house: House, path: str) -> str:
    """By name: an address in numbers has no passkeys."""
    return f"http://localhost:{house.browser.base_url.port}{path}"


async def start(house: House, language: str) -> str:
    return url(house, f"/start?lang={language}#{await house.services.house.new_code()}")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_an_account_by_keyboard_in_out_and_in_again(
    page: Page, house: House, language: str
) -> None:
    await page.set_viewport_size({"width": 320, "height": 720})
    await device(page)
    await page.goto(await start(house, language))
    await expect(page.locator("#code")).to_be_hidden()
    await expect(page.locator("[data-ask]")).to_be_visible()
    assert await barriers(page) == []
    await tab_to(page, "#name")
    await page.keyboard.type("Ada")
    await page.keyboard.press("Enter")
    codes = page.locator("#codes")
    await expect(codes).to_have_value(re.compile(r"^(\S{23}\n){9}\S{23}$"))
    assert await barriers(page) == []
    (code, *_) = (await codes.input_value()).split()
    await tab_to(page, "main .primary")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("Ada")
    assert await barriers(page) == []
    await page.goto(url(house, f"/people?lang={language}"))
    await expect(page.locator(".entry")).to_have_count(1)
    assert await barriers(page) == []
    await page.goto(url(house, f"/account?lang={language}"))
    await tab_to(page, "form[action*='/devices/end'] button")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/sign-in"))
    await expect(page.locator("[data-ask]")).to_be_visible()
    assert await barriers(page) == []
    await tab_to(page, "[data-ask]")
    await page.keyboard.press("Enter")
    await expect(page.locator("a[href^='/account']")).to_be_visible()
    await page.context.clear_cookies()
    await page.goto(url(house, f"/sign-in?lang={language}"))
    await page.locator("summary").click()
    await page.fill("#recovery", code)
    await page.locator("form[action*='/sign-in/code'] button").click()
    await expect(page.get_by_role("status")).to_be_visible()
    await expect(page.locator("h1")).to_have_text("Ada")


async def test_a_second_passkey_and_the_first_one_goes(page: Page, house: House) -> None:
    first = await device(page)
    await page.goto(await start(house, "en"))
    await page.fill("#name", "Ada")
    await page.get_by_role("button", name="Make my account").click()
    await page.get_by_role("link", name="I have them").click()
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.locator("[data-trouble]")).to_contain_text("has a passkey of yours already")
    await first.send("WebAuthn.disable")  # the first device is elsewhere
    await device(page)
    house.clock.advance(60)  # the list is by age
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_role("status")).to_have_text("The passkey is added.")
    keys = page.locator("section", has_text="Each of them lets you in").locator(".entry")
    await expect(keys).to_have_count(2)
    await keys.nth(0).get_by_role("button", name="Remove").click()
    await expect(page.locator("h1")).to_have_text("Remove this passkey?")
    assert await barriers(page) == []
    await page.get_by_role("button", name="Remove", exact=True).click()
    await expect(page.get_by_role("status")).to_have_text("The passkey is removed.")
    await expect(keys).to_have_count(1)
    await page.get_by_role("button", name="Sign out everywhere").click()
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_role("link", name="Your account")).to_be_visible()


async def test_somebody_who_was_invited_has_their_role_and_not_now_is_an_answer(
    page: Page, house: House
) -> None:
    await page.goto(await start(house, "en"))
    await page.get_by_role("button", name="Not now: only this browser").click()
    await expect(page).to_have_url(url(house, "/rooms/new?lang=en"))
    await page.goto(url(house, "/people"))
    await page.fill("#name", "Kim")
    await page.select_option("#role", "checker")
    await page.get_by_role("button", name="Make a link").click()
    link = await page.locator("#link").input_value()
    assert await barriers(page) == []
    await page.context.clear_cookies()
    await device(page)
    await page.goto(url(house, "/start") + "#" + link.partition("#")[2])
    await page.fill("#name", "Kim Ngo")
    await page.get_by_role("button", name="Make my account").click()
    await page.get_by_role("link", name="I have them").click()
    await expect(page.locator(".badge").first).to_have_text("Checker")
    answer = await page.goto(url(house, "/rooms/new"))
    assert answer
    assert answer.status == 403
    await expect(page.locator("main")).to_contain_text("Your role in this house")


async def test_who_says_no_to_their_device_is_told_what_to_do(page: Page, house: House) -> None:
    await page.goto(url(house, "/sign-in"))
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = DEVICE | {"automaticPresenceSimulation": True, "isUserVerified": False}
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.locator("[data-trouble]")).not_to_be_empty()
    await expect(page.get_by_role("button", name="Sign in with a passkey")).to_be_enabled()
