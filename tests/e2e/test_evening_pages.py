"""Running order, reactions, questions and polls on both pages, by keyboard, on a phone, in en and ar."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import SOUND, chromium
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.stage_page import FakeStage

pytestmark = pytest.mark.slow

PHONE = {"width": 390, "height": 844}
FAKE = (*SOUND, "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
POINT = {"id": "i1", "title": "Who pays for the bridge?", "who": "Otto Lind", "at": 0}
POLL = {"id": "p1", "question": "Shall it be built?", "choices": ["Yes", "No", "I do not know"]}
QUESTIONS = {
    "mode": "open",
    "top": [
        {"id": "q1", "text": "Why not a tunnel?", "name": "Jo", "votes": 12},
        {"id": "q2", "text": "When does it open?", "answered": True},
    ],
}


@asynccontextmanager
async def opened(language: str = "en", **options: Any) -> AsyncIterator[Page]:
    """A page on a phone; a script error or a broken policy fails the test."""
    async with chromium(FAKE) as browser:
        context = await browser.new_context(viewport=PHONE, locale=language, **options)
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if "Security" in m.text else None)
        yield page
        assert errors == []


async def until(found: Any) -> None:
    async with asyncio.timeout(20):
        while not found():
            await asyncio.sleep(0.05)


async def test_a_listener_votes_asks_and_reacts_by_keyboard() -> None:
    async with FakeEdge() as edge, opened() as page:
        edge.shown = {"agenda": POINT, "questions": QUESTIONS}
        await page.goto(edge.url)
        await expect(page.locator("#point")).to_contain_text("Who pays for the bridge?")
        await expect(page.locator("#line")).to_have_text("You are listening live.")
        edge.event("poll", POLL)
        await expect(page.locator("#poll")).to_be_visible()
        await page.get_by_label("No", exact=True).focus()
        await page.keyboard.press("Space")
        await page.keyboard.press("Enter")
        await expect(page.locator("#poll-said")).to_contain_text("Your vote is in")
        await page.get_by_label("Yes", exact=True).check()
        await page.locator("#poll-form button").press("Enter")
        await until(lambda: len(edge.said) == 2)
        votes = [{key: body[key] for key in ("poll", "choice", "again")} for _, body in edge.said]
        assert votes == [
            {"poll": "p1", "choice": 1, "again": False},
            {"poll": "p1", "choice": 0, "again": True},
        ]
        edge.event("poll", POLL | {"state": "counted", "counts": [3, 1, 0], "votes": 4, "moved": 1})
        await expect(page.locator("#poll-said")).to_have_text("4 votes · at most 1 counted twice")
        await expect(page.locator("#poll-result li").first).to_contain_text("75%")

        await page.locator("#ask summary").press("Enter")
        vote = page.get_by_role("button", name="Vote for: Why not a tunnel?")
        await vote.press("Enter")
        await expect(vote).to_have_attribute("aria-pressed", "true")
        await expect(vote).to_contain_text("13")
        await page.fill("#ask-text", "Who asked for it?")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask-answer")).to_have_text("Your question is with the hosts.")
        assert edge.said[-1] == ("question", {"text": "Who asked for it?", "name": ""})

        await page.get_by_role("button", name="Applaud").press("Enter")
        await until(lambda: edge.said[-1] == ("react", {"kind": "clap"}))
        edge.event("reactions", {"counts": {"clap": 41}})
        await expect(page.locator("[data-kind=clap] .count")).to_have_text("41")
        assert await barriers(page) == []


async def test_a_poll_without_scripts_is_a_plain_form() -> None:
    async with FakeEdge() as edge, opened(java_script_enabled=False) as page:
        edge.shown = {"poll": POLL}
        await page.goto(edge.url)
        await page.get_by_label("No", exact=True).check()
        await page.locator("#poll-form button").click()
        await until(lambda: edge.said == [("poll", {"poll": "p1", "choice": "1"})])
        await expect(page.locator("#poll-question")).to_have_text("Shall it be built?")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_hosts_run_the_evening_on_a_phone(language: str) -> None:
    async with FakeEdge() as edge:
        stage = FakeStage(edge=edge.origin)
        async with stage.running() as url, opened(language) as page:
            await page.goto(f"{url}/s/square#i=host-link")
            await page.fill("#name", "Amina")
            await page.click("#join-form button")
            await page.click("#enter")
            await page.locator("#agenda-new").press("Enter")
            await page.keyboard.type("Opening")
            await page.fill("#point-who", "Amina")
            await page.fill("#point-minutes", "2.5")
            await page.keyboard.press("Enter")
            await until(lambda: stage.commands[-1]["command"] == "agenda_put")
            wanted = {"title": "Opening", "who": "Amina", "participant": "amina", "planned_s": 150}
            assert wanted.items() <= stage.commands[-1].items()
            item = {"id": "i1", **wanted, "spent_s": 100}
            order = {"items": [item, {**item, "id": "i2", "spent_s": 0}], "now": "i1"}
            await stage.tell({"type": "agenda", "agenda": order})
            await expect(page.locator("#turn[data-mine][data-stand=soon]")).to_be_visible()
            await stage.tell({"type": "spoken", "spoken": {"amina": 61, "otto": 12}})
            asked = {"name": "Jo", "state": "asked", "votes": 3}
            questions = [
                {"id": "q1", "text": "Why?", **asked},
                {"id": "q2", "text": "When?", **asked},
            ]
            told = {"mode": "review", "questions": questions, "open": 2}
            await stage.tell({"type": "questions", "questions": told})
            await page.locator("[data-id=q1] button").first.press("Enter")
            await until(lambda: stage.commands[-1]["command"] == "question")
            assert (stage.commands[-1]["question"], stage.commands[-1]["state"]) == ("q1", "shown")
            await page.locator("#poll-new").press("Enter")
            await page.keyboard.type("Shall it be built?")
            await page.fill("#ask-poll-choices", "Yes\n\nNo\n")
            await page.locator("#ask-poll button[value=yes]").press("Enter")
            await until(lambda: stage.commands[-1]["command"] == "poll_open")
            assert stage.commands[-1]["choices"] == ["Yes", "No"]
            poll = {**POLL, "state": "open", "counts": [5, 2, 1], "votes": 8, "moved": 0}
            await stage.tell({"type": "poll", "poll": poll})
            await stage.tell({"type": "reactions", "reactions": {"clap": 12}})
            await expect(page.locator("#poll-result meter")).to_have_count(3)
            await expect(page.locator("#applause")).to_contain_text("12")
            assert await barriers(page) == []
