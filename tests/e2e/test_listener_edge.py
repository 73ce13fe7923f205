"""The listener page as the real edge serves it, in Chromium: the stage goes and comes, the room ends."""

from collections.abc import AsyncIterator

import msgspec
import numpy as np
import pytest
from playwright.async_api import Page, expect

from hustings.edge.pressure.ladder import rung
from hustings.wire import kinds
from tests.e2e.chromium import heard, played, plays_on, stretches
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import EPOCH_MS, StageFeed

pytestmark = pytest.mark.slow
ROOM = kinds.Room("demo", "Town hall", state="live", epoch_ms=EPOCH_MS, host="Ada", radio=True)


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
    async with running_edge(stage.url) as running:
        await running.until("rooms.indexed")
        yield running


async def test_it_sounds_the_stage_goes_and_comes_and_the_room_ends(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    await page.goto(f"{edge.url}/r/demo")
    await plays_on(page)
    assert np.abs(await heard(page)).max() > 0.001
    line = page.locator("#line")
    await expect(line).to_have_text("You are listening live.")

    ada = kinds.Participant("ada", "Ada Roe", "host", "stage")
    stage.rooms["demo"].add(kinds.ROSTER, kinds.Roster(ada, "on_stage"), at=stage.media_time)
    stage.rooms["demo"].add(kinds.LEVEL, kinds.Level(["ada"]), at=stage.media_time)
    await expect(page.locator(".person[data-speaking] .name")).to_have_text("Ada Roe")

    stage.frozen.clear()
    await expect(line).to_contain_text("The stage is away for a moment", timeout=15_000)
    await plays_on(page, 2)  # hold audio goes on
    stage.frozen.set()
    await expect(line).to_have_text("You are listening live.", timeout=15_000)
    assert len(await stretches(page)) == 1  # no gap by construction

    ended = msgspec.structs.replace(ROOM, state="ended")
    stage.rooms["demo"].add(kinds.ROOM, ended, at=stage.media_time)
    await expect(page.locator("#waiting")).to_contain_text("has ended", timeout=15_000)
    await page.reload()
    await expect(page.locator("#waiting")).to_contain_text("has ended")


async def test_when_parts_are_joined_the_page_gathers_its_buffer_and_loses_nothing(
    edge: RunningEdge, page: Page
) -> None:
    await page.goto(f"{edge.url}/r/demo")
    await plays_on(page, 2)
    await page.evaluate("""() => {
      const audio = document.getElementById("audio");
      window.pauses = 0;
      window.slowest = 1;
      audio.addEventListener("waiting", () => { window.pauses += 1; });
      audio.addEventListener("ratechange", () => {
        window.slowest = Math.min(window.slowest, audio.playbackRate);
      });
    }""")
    edge.edge.rooms.climb(rung(1))
    await plays_on(page, 13)
    assert await page.evaluate("window.pauses") == 0

    edge.edge.rooms.climb(rung(3))  # too much to gather in ten seconds: one pause at most
    await plays_on(page, 20)
    assert await page.evaluate("window.pauses") <= 1
    assert await page.evaluate("window.slowest") == 0.92

    assert page.context.browser is not None
    newcomer = await page.context.browser.new_page()
    await newcomer.goto(f"{edge.url}/r/demo")
    await newcomer.evaluate(
        "document.getElementById('audio').addEventListener('waiting', () => window.pauses = 1)"
    )
    await plays_on(newcomer, 6)
    assert await newcomer.evaluate("window.pauses ?? 0") == 0

    edge.edge.rooms.climb(rung(0))
    await plays_on(page, 5)
    assert len(await stretches(page)) == 1  # nothing was lost on the way


async def test_without_media_source_the_browsers_own_hls_plays_and_events_come(
    stage: StageFeed, edge: RunningEdge, page: Page
) -> None:
    await page.add_init_script("delete window.MediaSource; delete window.ManagedMediaSource;")
    await page.goto(f"{edge.url}/r/demo")
    await plays_on(page)
    assert await page.evaluate("document.getElementById('audio').src.includes('/aac/index.m3u8')")
    await expect(page.locator("#delay")).to_have_text("Some seconds behind")
    ada = kinds.Participant("ada", "Ada Roe", "host", "stage")
    stage.rooms["demo"].add(kinds.ROSTER, kinds.Roster(ada, "on_stage"), at=stage.media_time)
    await expect(page.locator(".person .name")).to_have_text("Ada Roe")
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("#line")).to_have_text("Stopped. Press play to listen.")
    assert await played(page) == 0


async def test_an_unknown_room_is_a_page(edge: RunningEdge, page: Page) -> None:
    answer = await page.goto(f"{edge.url}/r/nowhere")
    assert answer is not None
    assert answer.status == 404
    await expect(page.locator("h1")).to_have_text("There is no room at this address")
