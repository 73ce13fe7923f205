"""Other platforms on the hosts' page: the picture that is drawn, the key that is not kept, how it goes."""

import time
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.stage.push.card import is_card
from tests.e2e.barriers import barriers
from tests.e2e.test_stage_page import opened
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.stage_page import FakeStage

pytestmark = pytest.mark.slow

SMALL = {"width": 360, "height": 740}
TITLES = {
    "en": "Is the new bridge worth its price? A debate with both candidates for mayor",
    "ar": "هل يستحقّ الجسر الجديد ثمنه؟ مناظرة مع المرشّحَين لرئاسة البلدية",
}


def target(number: int, state: str, code: str = "") -> dict[str, object]:
    since_ms = int(time.time() * 1_000) - 12 * 60_000 - 5_000
    told = {"id": str(number), "host": "live.example.org", "hold": False, "state": state}
    return told | {"code": code, "since_ms": since_ms}


async def tries(page: Page, stage: FakeStage, picture: Path) -> None:
    """The address without the key, then the key; what failed stands beside its own field."""
    stage.tried = {"step": "address", "code": "push_refused"}
    await page.click("#push-try-url")
    await expect(page.locator("#push-url-said")).to_have_class("small error")
    await expect(page.locator("#push-url")).to_have_attribute("aria-invalid", "true")
    await page.screenshot(path=picture, full_page=True)
    stage.tried = {"step": "key", "code": ""}
    await page.click("#push-try-key")
    await expect(page.locator("#push-key-said")).not_to_be_empty()
    await expect(page.locator("#push-url-said")).to_be_empty()
    await expect(page.locator("#push-url")).not_to_have_attribute("aria-invalid", "true")
    address, key = stage.tries
    assert (address["key"], address["publish"]) == ("", False)
    assert (key["key"], key["publish"]) == ("secret-key", True)
    assert await barriers(page) == []
    await page.focus("#push-key")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_host_sends_the_programme_elsewhere(language: str, tmp_path: Path) -> None:
    async with FakeEdge() as edge, opened(viewport=SMALL) as page:
        stage = FakeStage(edge=edge.origin)
        stage.facts["title"] = TITLES[language]
        async with stage.running() as url:
            await page.goto(f"{url}/s/square?lang={language}#i=host-link")
            await page.fill("#name", "Amina Berg")
            await page.click("#join-form button")
            await page.click("#enter")
            await expect(page.locator("#push-part")).to_be_hidden()  # the house allows none
            await stage.tell({"type": "push", "push": [], "most": 3})
            await page.locator("#push-more summary").focus()
            await page.keyboard.press("Enter")
            await page.fill("#push-url", "rtmps://live.example.org/app")
            await page.fill("#push-key", "secret-key")
            assert await page.get_attribute("#push-key", "type") == "password"
            await tries(page, stage, tmp_path / f"tried-{language}.png")
            await page.screenshot(path=tmp_path / f"form-{language}.png", full_page=True)
            await page.keyboard.press("Enter")
            await expect(page.locator("#push-key")).to_have_value("")
            [command] = [each for each in stage.commands if each["command"] == "push_add"]
            assert (command["key"], command["hold"]) == ("secret-key", False)
            [card] = stage.cards
            assert is_card(card)
            (tmp_path / f"card-{language}.jpg").write_bytes(card)
            shown = [target(1, "on"), target(2, "trouble", "push_key"), target(3, "waiting")]
            await stage.tell({"type": "push", "push": shown, "most": 3})
            await expect(page.locator("#pushes li")).to_have_count(3)
            await expect(page.locator("#push-more")).to_be_hidden()
            if language == "en":
                first = page.locator("#pushes .how").first
                await expect(first).to_have_text("On air there. For 12 minutes.")
            assert "secret-key" not in await page.content()
            await page.screenshot(path=tmp_path / f"pushes-{language}.png", full_page=True)
            assert await barriers(page) == []
            await page.locator("#pushes button").nth(1).focus()
            await page.keyboard.press("Enter")
            await expect(page.locator("#said")).to_be_empty()
            assert stage.commands[-1]["command"] == "push_drop"
            assert stage.commands[-1]["target"] == "2"
