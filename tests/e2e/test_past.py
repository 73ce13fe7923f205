"""The past in a browser: rewinding while a room is live, hls.js from the beginning, the replay's page."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.async_api import Page, expect

from hustings.archive.replay import make_replay
from hustings.edge.past import files as files_module
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.e2e.outside import hls_site
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.evenings import EPOCH_MS, ROOM, facts, record
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow
HANG_MS = 30_000


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        yield await browser.new_page(bypass_csp=True, viewport={"width": 390, "height": 844})


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[RunningEdge]:
    """A room that has been live since part 1,206, at part 1,500 now."""
    record(tmp_path, range(1_206, 1_480), over=False)
    stage = StageFeed(first=1_500)
    stage.room(live_ms=EPOCH_MS + 1_206 * 320)
    stage.live()
    await stage.start()
    async with running_edge(stage.url, archive=str(tmp_path)) as edge:
        await edge.until("rooms.indexed")
        yield edge
    await stage.stop()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    with hls_site(tmp_path) as url:
        yield url


async def passes(page: Page, selector: str, seconds: float) -> None:
    """Wait until an element has played past a second of its timeline."""
    await page.wait_for_function(
        "([selector, at]) => document.querySelector(selector).currentTime > at",
        arg=[selector, seconds],
        timeout=HANG_MS,
    )


async def test_hls_js_plays_from_the_beginning_and_seeks(live, page, site) -> None:
    await page.goto(site)
    await page.evaluate("url => listen(url)", f"{live.url}/live/demo/aac/dvr.m3u8")
    await passes(page, "#audio", 0.5)
    assert await page.evaluate("document.getElementById('audio').currentTime") < 20
    await page.evaluate("document.getElementById('audio').currentTime = 60")
    await passes(page, "#audio", 60.5)
    errors = await page.evaluate("said.errors")
    assert [error for error in errors if error[1] != "bufferStalledError"] == []


async def test_a_late_listener_begins_at_the_beginning_and_comes_back_to_live(live, page) -> None:
    await page.goto(f"{live.url}/r/demo")
    await passes(page, "#audio", 1)
    box = page.locator("#rewind")
    await box.locator("summary").click()
    past = "#rewind audio"
    await page.wait_for_function(f"document.querySelector('{past}').duration > 80", timeout=HANG_MS)
    await page.evaluate(f"document.querySelector('{past}').play()")
    await passes(page, past, 0.5)
    assert await page.evaluate(f"document.querySelector('{past}').currentTime") < 20
    assert await page.evaluate("document.getElementById('audio').paused")
    await page.evaluate(f"document.querySelector('{past}').currentTime = 70")
    await passes(page, past, 70.5)
    assert await barriers(page) == []
    await box.locator("button").click()
    await page.wait_for_function("!document.getElementById('audio').paused", timeout=HANG_MS)
    assert await page.evaluate(f"document.querySelector('{past}').paused")


async def test_an_address_of_a_second_leads_there_while_the_room_is_live(live, page) -> None:
    await page.goto(f"{live.url}/r/demo?t={1_206 * 0.32 + 50}")
    past = "#rewind audio"
    await page.wait_for_function(
        f"document.querySelector('{past}').readyState > 1", timeout=HANG_MS
    )
    assert await page.evaluate(f"document.querySelector('{past}').currentTime") == pytest.approx(
        50, abs=1
    )


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_the_replay_plays_from_any_second_with_its_chapters(
    page, tmp_path, monkeypatch, language
) -> None:
    monkeypatch.setattr(files_module, "BLOCK", 100_000)  # a player meets many ends of blocks
    record(
        tmp_path,
        range(401, 1_000),
        holes=range(500, 520),
        chapters={401: "Housing", 801: "Schools"},
    )
    make_replay(tmp_path, ROOM)
    stage = StageFeed(first=2_000)
    over = msgspec.to_builtins(facts(401, 1_000, language="en"))
    stage.room("demo", backlog=0, **{k: v for k, v in over.items() if k not in {"room", "draw"}})
    await stage.start()
    async with running_edge(stage.url, archive=str(tmp_path)) as edge:
        await edge.until("'demo' in rooms.lines")
        await page.set_viewport_size({"width": 320, "height": 740})
        await page.goto(f"{edge.url}/r/demo?lang={language}&t={(401 + 300) * 0.32}")
        await page.wait_for_function(
            "document.getElementById('audio').duration > 0", timeout=HANG_MS
        )
        assert await page.evaluate("document.getElementById('audio').duration") == pytest.approx(
            599 * 0.32, abs=0.32
        )
        await page.evaluate("document.getElementById('audio').play()")
        await passes(page, "#audio", 96.3)
        await page.locator("#chapters a").nth(1).click()
        await passes(page, "#audio", 128.3)
        await expect(page.locator("#chapters a[aria-current]")).to_contain_text("Schools")
        await page.locator("#speed").select_option("2")
        await passes(page, "#audio", 130)
        assert await page.evaluate("document.getElementById('audio').playbackRate") == 2
        assert await page.evaluate(
            "document.querySelector('.timeline').naturalWidth > 0"
            " && document.documentElement.scrollWidth <= 320"
        )
        assert await barriers(page) == []
        await page.evaluate("document.getElementById('audio').currentTime = 185")
        await page.wait_for_function("document.getElementById('audio').ended", timeout=HANG_MS)
    await stage.stop()


async def test_without_scripts_the_recording_plays_and_chapters_lead_into_it(tmp_path) -> None:
    record(tmp_path, range(401, 460), chapters={401: "Housing"})
    make_replay(tmp_path, ROOM, formats=("m4a",))
    stage = StageFeed(first=2_000)
    over = msgspec.to_builtins(facts(401, 460))
    stage.room("demo", backlog=0, **{k: v for k, v in over.items() if k not in {"room", "draw"}})
    await stage.start()
    async with running_edge(stage.url, archive=str(tmp_path)) as edge, chromium() as browser:
        await edge.until("'demo' in rooms.lines")
        page = await (await browser.new_context(java_script_enabled=False)).new_page()
        await page.goto(f"{edge.url}/r/demo")
        await expect(page.locator("audio[controls]")).to_be_visible()
        await expect(page.locator("#tools")).to_be_hidden()
        address = await page.locator("#chapters a").first.get_attribute("href")
        assert address == "/r/demo/audio.m4a#t=0.0"
        async with asyncio.timeout(30):
            assert (await edge.get("/r/demo/audio.m4a")).status == 200
    await stage.stop()
