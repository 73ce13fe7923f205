"""A full house in Chromium: the third page hears the room at once, sees its place, and moves up."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from playwright.async_api import Page, expect

from hustings.wire import kinds
from tests.e2e.barriers import barriers
from tests.e2e.chromium import heard, plays_on, stretches
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import EPOCH_MS, KEYS, StageFeed

pytestmark = pytest.mark.slow
TAKEN = "All seats at the live sound are taken"
# Seconds for which the element stood still, in all: what a listener would hear as silence.
WATCH = """
() => {
  const audio = document.getElementById("audio");
  window.still = 0;
  let before = audio.currentTime, at = performance.now();
  setInterval(() => {
    const now = performance.now();
    if (audio.currentTime === before) window.still += (now - at) / 1000;
    before = audio.currentTime; at = now;
  }, 20);
}
"""


@pytest.fixture
async def stage() -> AsyncIterator[StageFeed]:
    feed = StageFeed()
    feed.room(host="Ada")
    feed.live()
    await feed.start()
    yield feed
    await feed.stop()


@pytest.fixture
async def edge(stage: StageFeed) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url, listeners=100, waiting_share=0.98) as running:
        await running.until("rooms.indexed")
        yield running


async def test_the_third_hears_the_room_at_once_and_moves_up_without_a_silence(
    edge: RunningEdge, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    async with contextlib.AsyncExitStack() as first, edge.stream("/live/demo/opus.mp4") as second:
        await first.enter_async_context(edge.stream("/live/demo/opus.mp4"))
        assert second.status == 200
        await page.goto(f"{edge.url}/r/demo")
        await expect(page.locator("#line")).to_contain_text(TAKEN)
        await plays_on(page)
        assert np.abs(await heard(page)).max() > 0.001
        await expect(page.locator("#delay")).to_have_text("You are next.")
        assert any("/opus-low/" in url for url in asked)
        await expect(page.locator("#hand")).to_be_hidden()
        await plays_on(page, 9)  # over two segments

        await page.reload()  # keeps the place
        await expect(page.locator("#line")).to_contain_text(TAKEN)
        await plays_on(page)
        assert edge.edge.waiting.waiting == 1  # one person, one place

        await page.evaluate(WATCH)
        await first.aclose()
        await expect(page.locator("#line")).to_have_text("You are listening live.", timeout=30_000)
        await plays_on(page, 4)
        assert await page.evaluate("window.still") < 0.3
        assert len(await stretches(page)) == 1
    streams = [url for url in asked if "/opus.mp4" in url]
    assert "from=" in streams[-1]
    assert "ticket=" in streams[-1]
    await expect(page.locator("#hand")).to_be_visible()


async def test_who_was_in_keeps_the_seat_over_a_reload(edge: RunningEdge, page: Page) -> None:
    await page.goto(f"{edge.url}/r/demo")
    await plays_on(page)
    async with edge.stream("/live/demo/opus.mp4"), edge.stream("/live/demo/opus.mp4") as third:
        assert third.status == 503
        await page.reload()
        await expect(page.locator("#line")).to_have_text("You are listening live.")


async def test_the_place_is_worked_out_by_the_page(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    async with edge.stream("/live/demo/opus.mp4"), edge.stream("/live/demo/opus.mp4"):
        for _ in range(40):
            await edge.get("/live/demo/opus.mp4")
        await asyncio.sleep(1.1)  # another second of arrival
        await page.goto(f"{edge.url}/r/demo")
        await expect(page.locator("#delay")).to_have_text("40 people before you")
        await asyncio.sleep(5)  # the stage has counted them, and the page works it out by itself
        await expect(page.locator("#delay")).to_have_text("40 people before you")


async def test_a_start_that_is_late_is_said_in_plain_words(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    now_ms = int(await page.evaluate("Date.now()"))
    room = kinds.Room("demo", "Town hall", state="lobby", epoch_ms=EPOCH_MS)
    late = msgspec.structs.replace(room, start_ms=now_ms - 150_000)
    stage.rooms["demo"].add(kinds.ROOM, stage.drawn(late), at=stage.media_time)
    await stage.changed()
    await page.goto(f"{edge.url}/r/demo")
    await expect(page.locator("#line")).to_contain_text("It was to begin 2 minutes ago.")


@pytest.mark.parametrize("language", ["en", "de", "ar"])
async def test_the_waiting_room_in_other_languages(
    edge: RunningEdge, page: Page, language: str, tmp_path: Path
) -> None:
    words = {"en": TAKEN, "de": "Alle Plätze", "ar": "كل أماكن"}
    async with edge.stream("/live/demo/opus.mp4"), edge.stream("/live/demo/opus.mp4"):
        for _ in range(3):
            await edge.get("/live/demo/opus.mp4")
        await page.set_viewport_size({"width": 390, "height": 844})
        await page.goto(f"{edge.url}/r/demo?lang={language}")
        await expect(page.locator("#line")).to_contain_text(words[language])
        await expect(page.locator("#hand-later")).to_be_visible()
        await expect(page.locator("#hand")).to_be_hidden()
        await expect(page.locator("#delay")).not_to_be_empty()
        await page.screenshot(path=tmp_path / f"{language}.png")
        assert await barriers(page) == []


async def test_beyond_every_place_the_page_is_silent_and_says_so_and_comes_by_itself(
    stage: StageFeed, page: Page
) -> None:
    async with running_edge(stage.url, listeners=4, waiting_share=0.5) as edge:
        await edge.until("rooms.indexed")
        async with contextlib.AsyncExitStack() as stack:
            for path in ("opus.mp4", "opus.mp4", "events", "events"):
                await stack.enter_async_context(edge.stream(f"/live/demo/{path}"))
            await page.goto(f"{edge.url}/r/demo")  # from memory, whatever else is full
            await expect(page.locator("#title")).to_have_text("Town hall")
            await expect(page.locator("#line")).to_contain_text("every place is taken")
            await expect(page.locator("#delay")).to_contain_text("next")
            assert edge.edge.waiting.waiting == 1
        await expect(page.locator("#line")).to_have_text("You are listening live.", timeout=60_000)
        await plays_on(page)


async def test_F3_at_go_live_an_early_page_asks_for_nothing(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    room = kinds.Room("demo", "Town hall", state="lobby", epoch_ms=EPOCH_MS)
    stage.rooms["demo"].add(kinds.ROOM, stage.drawn(room), at=stage.media_time)
    await stage.changed()
    await page.add_init_script("Math.random = () => 0")  # what is spread over a minute: at once
    await edge.until("rooms.lines['demo'][0].facts.get('state') == 'lobby'")
    await page.goto(f"{edge.url}/r/demo")
    await plays_on(page)
    await expect(page.locator("#line")).to_contain_text("has not begun yet")
    await page.evaluate(
        "navigator.serviceWorker.ready.then(() => true)"
    )  # the last that it asks for
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    live = msgspec.structs.replace(room, state="live")
    stage.rooms["demo"].add(kinds.ROOM, stage.drawn(live), at=stage.media_time)
    await stage.changed()
    await expect(page.locator("#line")).to_have_text("You are listening live.")
    await plays_on(page, 3)
    assert asked == []
    assert len(await stretches(page)) == 1


async def test_a_page_that_waits_for_the_lobby_has_its_lot_and_shows_it_at_the_opening(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    now_ms = int(await page.evaluate("Date.now()"))
    planned = kinds.Room("later", "Later", start_ms=now_ms + 60_000)
    stage.room("later", state="scheduled", epoch_ms=0, backlog=0, start_ms=planned.start_ms)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await edge.until("'later' in rooms.lines")
    await page.goto(f"{edge.url}/r/later")
    await page.wait_for_function("() => sessionStorage.getItem('hustings-ticket /live/later')")
    ticket = await page.evaluate("sessionStorage.getItem('hustings-ticket /live/later')")
    assert KEYS.check(ticket, room="later", now_s=0).at_s == 0
    lobby = msgspec.structs.replace(planned, state="lobby", epoch_ms=EPOCH_MS)
    stage.rooms["later"].add(kinds.ROOM, stage.drawn(lobby), at=stage.media_time)
    await stage.changed()
    await plays_on(page)  # its next look at the news is within 16 s
    streams = [url for url in asked if "/opus.mp4" in url]
    assert f"ticket={ticket}" in streams[0]
