"""A guest's own page in Chromium, on a phone, without scripts: picture, consent, taking it back; barriers in en and ar."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.web.guests.model import Card
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.fakes.photos import photo
from tests.fakes.web_house import House, open_house

pytestmark = pytest.mark.slow


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        await opened.become_host()
        await opened.create(start="2030-05-05T20:00", zone="UTC", keep="days", keep_days="30")
        yield opened


@pytest.fixture
async def phone() -> AsyncIterator[Page]:
    """Without scripts."""
    async with chromium() as browser:
        context = await browser.new_context(
            viewport={"width": 360, "height": 740}, java_script_enabled=False
        )
        yield await context.new_page()


async def test_a_guest_gives_a_picture_agrees_and_takes_it_back(
    phone: Page, house: House, tmp_path: Path
) -> None:
    base = str(house.browser.base_url).rstrip("/")
    guest = await house.services.guests.add("hall", Card("ليلى حداد", "Mayor of Kalmar"))  # type: ignore[arg-type]
    link = house.services.guests.link(guest, base)
    await phone.goto(link)
    boxes = phone.get_by_role("checkbox")
    await expect(boxes).to_have_count(2)
    assert not any([await each.is_checked() for each in await boxes.all()])
    me = tmp_path / "me.jpg"
    me.write_bytes(photo())
    await phone.set_input_files("#photo", me)
    await phone.get_by_role("button", name="Send the picture").click()
    await expect(phone.get_by_role("status")).to_contain_text("Your picture is here")
    await phone.get_by_label("I may be announced").check()
    await phone.get_by_label("My picture may be shown").check()
    await phone.get_by_role("button", name="Save").click()
    await expect(phone.get_by_role("status")).to_contain_text("Saved")
    await expect(phone.get_by_text("agreed on")).to_have_count(2)
    await phone.get_by_role("link", name="العربية").click()  # the link goes along
    await expect(phone.get_by_role("checkbox")).to_have_count(3)
    assert phone.context.browser is not None
    own = await phone.context.browser.new_page(viewport={"width": 360, "height": 740})
    for language in ("en", "ar"):
        await own.goto(f"{link}&lang={language}")
        assert await barriers(own) == []
    for cookie in house.browser.cookies.jar:
        await own.context.add_cookies(
            [{"name": cookie.name, "value": cookie.value or "", "url": base}]
        )
    for language in ("en", "ar"):
        await own.goto(f"{base}/rooms/hall?lang={language}")
        await expect(own.locator(".guest")).to_have_count(1)
        assert await barriers(own) == []
    await phone.goto(link)
    await phone.get_by_role("button", name="Take everything back").click()
    await expect(phone.get_by_text("taken back on")).to_have_count(2)
    await expect(phone.locator("img.face-large")).to_have_count(0)
