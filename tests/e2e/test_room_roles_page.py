"""A checker on a phone, from the list of their rooms to a real stage, through a reload, and out again."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import phone_page
from tests.support.web_and_stage import evening_of

pytestmark = pytest.mark.slow


async def test_from_my_rooms_to_the_stage_and_out(tmp_path: Path) -> None:
    async with evening_of(tmp_path) as evening, phone_page() as page:
        await evening.post("ada", "/rooms/r/crew", account="mo", role="checker")
        cookie = {"name": "hustings_session", "value": await evening.session("mo")}
        await page.context.add_cookies([cookie | {"url": evening.url}])
        await page.goto(f"{evening.url}/backstage")
        assert await barriers(page) == []
        await page.get_by_role("button", name="Go backstage").click()
        await page.wait_for_url(f"{evening.stage.url}/s/r*")
        await expect(page.get_by_label("Your name, as everybody will see it")).to_have_value("Mo")
        await page.get_by_role("button", name="Join").click()
        await page.get_by_role("button", name="I agree to these rules").click()
        listening = page.get_by_text("Nobody hears you", exact=False)
        await expect(listening).to_be_visible()
        await expect(page.get_by_text("no sound connection")).to_have_count(0)
        for name in ("Mute", "Raise your hand", "Go on stage"):
            await expect(page.get_by_role("button", name=name)).to_have_count(0)
        assert await barriers(page) == []
        await page.reload()  # its pass was used: this browser has an invitation of its own
        await expect(listening).to_be_visible()
        assert "#i=" not in page.url
        await evening.post("ada", "/rooms/r/crew/mo/remove")
        await expect(page.get_by_text("removed you from this room")).to_be_visible()
