"""A speaker lets their voice be kept by itself, and takes it back: by keyboard, against a real stage."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from hustings.stage.consent import AGAIN_S
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.e2e.keyboard import tab_to
from tests.support.stage import Person, Stage

pytestmark = pytest.mark.slow

BEEPS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
PHONE = {"width": 320, "height": 700}
SHOTS = os.environ.get("HUSTINGS_TEST_SHOTS")  # a folder for pictures of what the test sees


async def picture(page: Page, name: str) -> None:
    if SHOTS:
        await page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def agreed(stage: Stage) -> list[str]:
    """Who agrees, as the stage has it."""
    return stage.engine.studio.hall("r").model.facts.tracks


async def until_agreed(stage: Stage, *who: str) -> None:
    async with asyncio.timeout(10):
        while agreed(stage) != list(who):
            await asyncio.sleep(0.05)


async def go_in(page: Page, stage: Stage, link: str, language: str) -> None:
    await page.goto(f"{stage.url}/s/r?lang={language}#i={link}")
    await page.fill("#name", "Amina")
    await page.keyboard.press("Enter")
    await page.click("#enter")
    await expect(page.locator("#step-room")).to_be_visible()


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_box_is_off_until_it_is_chosen_and_what_is_taken_back_is_gone(
    tmp_path: Path, language: str
) -> None:
    async with Stage(tmp_path) as stage, chromium(BEEPS) as browser:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        context = await browser.new_context(viewport=PHONE)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        await go_in(page, stage, stage.invite("r", "host"), language)
        box, said = page.locator("#keep-track"), page.locator("#own-track-said")
        await tab_to(page, "#own-track > summary")
        await page.keyboard.press("Enter")
        await expect(box).not_to_be_checked()
        await tab_to(page, "#keep-track")
        await page.keyboard.press("Space")
        await expect(said).not_to_be_empty()
        me = next(each for each in stage.engine.studio.hall("r").model.people if each != host.id)
        await until_agreed(stage, me)
        assert await barriers(page) == []
        await picture(page, f"track-{language}")
        await page.reload()
        await expect(box).to_be_checked()  # as the stage has it
        await expect(page.locator("#backstage .person", has_text="Ada")).to_be_visible()
        if language == "en":
            await expect(page.locator(f'[data-id="{me}"] .role')).to_contain_text("own track")
        await tab_to(page, "#own-track > summary")
        await page.keyboard.press("Enter")
        await tab_to(page, "#keep-track")
        await page.keyboard.press("Space")
        await until_agreed(stage)
        await asyncio.sleep(AGAIN_S)
        await page.keyboard.press("Space")
        await until_agreed(stage, me)
        async with host.control():
            await host.socket.send('{"type": "do", "id": 9, "command": "end"}')
            await host.hear("bye")
        way = page.locator("#trouble-way")  # to what remains to be decided
        await expect(way).to_be_visible()
        await way.press("Enter")
        await expect(page.locator("#drop-track")).to_be_visible()
        await tab_to(page, "#drop-track")
        assert await barriers(page) == []
        await picture(page, f"after-{language}")
        await page.keyboard.press("Enter")
        await tab_to(page, "#ask-drop button[value=yes]")  # asked once: it is final
        await page.keyboard.press("Enter")
        await expect(page.locator("#drop-track")).to_be_hidden()
        await expect(page.locator("#own-track-words")).to_be_hidden()
        await expect(said).not_to_be_empty()
        await until_agreed(stage)
        assert errors == []


async def test_whoever_did_not_agree_is_asked_nothing_when_all_is_over(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage, chromium(BEEPS) as browser:
        await stage.put("r", title="R", state="lobby")
        host = await Person(stage, "r", "host").join("Ada")
        async with host.control():
            await host.do("keep_track")
            await host.socket.send('{"type": "do", "id": 9, "command": "end"}')
            await host.hear("bye")
        await stage.stop()
        await stage.start()  # an evening of the past
        page = await browser.new_page()
        await page.goto(f"{stage.url}/s/r#i={stage.invite('r', 'speaker')}")
        await expect(page.get_by_text("This room has ended")).to_be_visible()
        await page.wait_for_function("() => !location.hash")
        await expect(page.locator("#own-track")).to_be_hidden()
        await page.goto(f"{stage.url}/s/r?lang=en#i={host.invitation}")
        await expect(page.locator("#own-track")).to_be_visible()
