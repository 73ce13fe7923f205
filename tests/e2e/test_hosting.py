"""The hosts' hands in Chromium, on a phone: the room steered by keyboard, a hand brought up and down."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium, microphone
from tests.e2e.evening import go_live, take_the_stage
from tests.e2e.test_stage_page import opened
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.stage_page import LENA, FakeStage
from tests.support.house import House
from tests.support.signals import write_bursts

pytestmark = pytest.mark.slow

SMALL = {"width": 360, "height": 740}
TOPICS = ["Rent", "<b>Trams</b>"]
HANDS = [
    {"id": f"{n:020x}", "name": f"Person {n}", "question": "Who pays?", "topic": TOPICS[n % 2]}
    for n in range(130)
]
MALLORY = {**LENA, "id": "mallory", "name": "<i>Аmina</i>", "alike": True, "taken_for": "Amina"}


@pytest.fixture
async def stage() -> AsyncIterator[FakeStage]:
    async with FakeEdge() as edge:
        each = FakeStage(edge=edge.origin)
        async with each.running() as url:
            each.url = url
            yield each


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_hosts_page_on_a_phone(stage: FakeStage, language: str, tmp_path: Path) -> None:
    async with opened(viewport=SMALL) as page:
        await page.goto(f"{stage.url}/s/square?lang={language}#i=host-link")
        await page.fill("#name", "Amina")
        await page.click("#join-form button")
        await page.click("#enter")
        await expect(page.locator("#on-stage .person")).to_have_count(2)
        stage.facts["topics"] = TOPICS
        await stage.set_state("live")
        removed = [{"id": "x", "name": "Removed Person"}]
        stage.seats = {"charge": "amina", "panic": True, "removed": removed}
        stage.people["mallory"] = MALLORY
        await stage.change("otto", muted=True)
        counts = {"Rent": 60_000, "<b>Trams</b>": 39_000, "": 1_000}
        await stage.tell({"type": "hands", "hands": HANDS, "hands_up": 100_000, "topics": counts})
        stage.hands_up = 100_000
        await stage.tell({"type": "warning", "code": "seat_taken", "name": "\u202eLena"})
        await expect(page.locator("#hands li")).to_have_count(50)
        await expect(page.locator("#topic option")).to_have_count(4)
        places = ["#desk", "#on-stage", "#hands-part", "#questions-part"]
        tops = [await page.locator(each).evaluate("it => it.offsetTop") for each in places]
        assert tops == sorted(tops)  # people before what can wait
        await expect(page.locator("#warning-words")).not_to_be_empty()
        await expect(page.locator("#warning-seen")).to_be_visible()
        await expect(page.locator("#panic")).to_have_attribute("aria-pressed", "true")
        mallory = page.locator(".person", has_text="<i>Аmina</i>")  # text, never an element
        await expect(mallory.locator(".role")).to_contain_text("Amina")
        assert await page.locator("main i, main b").count() == 0
        await page.screenshot(path=tmp_path / f"host-{language}.png", full_page=True)
        assert await barriers(page) == []
        await page.select_option("#topic", "Rent")
        await expect(page.locator("#hands .topic").first).to_have_text("Rent")
        assert await page.locator("#hands .topic", has_text="Trams").count() == 0
        for control in ("#panic", "#take-hands", "#edit-topics"):
            await page.locator(control).focus()
            await page.keyboard.press("Enter")
        await page.keyboard.press("Escape")
        await page.locator("#hands button").first.focus()
        await page.keyboard.press("Enter")
        await page.locator("#removed button").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_be_empty()
        done = [each for each in stage.names()[1:] if each != "microphone"]  # silent for long
        assert done == ["calm", "close_hands", "call", "readmit"]


async def test_a_listener_goes_up_and_comes_back_without_leaving_their_page(
    tmp_path: Path, figures: dict[str, object]
) -> None:
    """Also as the hosts see it: their names, HTML in them, and who is a look-alike."""
    voice = microphone(write_bursts(tmp_path / "voice.wav", 700, every_s=1.0))
    with House(tmp_path / "house") as house:
        house.put("square", title="On the square", host="Ada", state="lobby")
        async with chromium(voice) as hosts, chromium(voice) as listeners:
            host = await hosts.new_page()
            phone = await listeners.new_context(viewport={"width": 390, "height": 844})
            page = await phone.new_page()
            await take_the_stage(host, house, "square", "host", "Ada")
            await go_live(host)
            await page.goto(f"{house.edge}/r/square")
            address = page.url
            await page.get_by_text("Raise your hand", exact=True).click()
            await page.locator("#hand-name").fill("Аda")  # Cyrillic
            await page.locator("#hand-question").fill("Who pays?")
            await page.get_by_role("button", name="Raise hand").click()
            hand = host.locator("#hands li", has_text="Who pays?")
            await expect(hand.locator(".alike")).to_contain_text("Ada", timeout=10_000)
            began = await host.evaluate("performance.now()")
            await hand.get_by_role("button").click()
            await page.locator("#hand-way").click(timeout=10_000)
            stage = page.frame_locator("iframe")
            await expect(stage.locator("#step-check")).to_be_visible()
            await stage.locator("#enter").click()
            guest = host.locator("#on-stage li", has_text="Аda")
            await expect(guest).to_be_visible(timeout=10_000)
            figures["called_to_on_stage_s"] = (
                await host.evaluate("performance.now()") - began
            ) / 1_000
            await expect(guest.locator(".role")).to_contain_text("Ada")
            assert page.url == address
            await page.screenshot(path=tmp_path / "up.png")
            await page.evaluate("history.back()")  # the sheet goes, the page stays
            await expect(page.locator("dialog.up[open]")).to_have_count(0)
            assert page.url == address
            await page.locator("#hand-way").click(timeout=10_000)
            await expect(stage.locator("#step-room")).to_be_visible(timeout=10_000)
            await stage.locator("#leave").click()
            await expect(page.locator("iframe")).to_have_count(0)
            await expect(guest).to_have_count(0)
            assert page.url == address
