"""Low-latency HLS as an outside player sees it: hls.js in Chromium, its own page, another origin."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import chromium
from tests.e2e.outside import hls_site
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    with hls_site(tmp_path) as url:
        yield url


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with chromium() as browser:
        yield await browser.new_page()


@pytest.mark.parametrize("rendition", ["index", "aac/index", "opus/index"])
async def test_hls_js_plays_close_to_live_without_an_error(
    site: str, page: Page, rendition: str
) -> None:
    stage = StageFeed()
    stage.room()
    stage.live()
    await stage.start()
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        await page.goto(site)
        await page.evaluate("url => listen(url)", f"{edge.url}/live/demo/{rendition}.m3u8")
        await page.wait_for_function(
            "() => document.getElementById('audio').currentTime > 0", timeout=20_000
        )
        at = await page.evaluate("document.getElementById('audio').currentTime")
        await asyncio.sleep(8)
        found = await page.evaluate(
            """() => ({ at: document.getElementById("audio").currentTime, latency: hls.latency,
            target: hls.targetLatency, date: hls.playingDate?.getTime() ?? 0, ...said })"""
        )
    await stage.stop()
    assert [error for error in found["errors"] if error[1] != "bufferStalledError"] == []
    assert found["at"] - at > 6
    assert found["target"] == pytest.approx(0.96, abs=0.7)  # PART-HOLD-BACK, more after a stall
    assert found["latency"] < 4.0  # plain HLS: three segments, 11.5 s
    assert found["date"] > 0
