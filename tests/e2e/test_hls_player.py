"""Low-latency HLS as an outside player sees it: hls.js in Chromium, its own page, another origin."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import chromium
from tests.e2e.outside import hls_site
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow

RENDITIONS = ("index", "aac/index", "opus/index")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    with hls_site(tmp_path) as url:
        yield url


async def played_8_s(page: Page, site: str, playlist: str) -> dict[str, Any]:
    """What a player of that playlist says of itself after eight seconds of sound."""
    await page.goto(site)
    await page.evaluate("url => listen(url)", playlist)
    await page.wait_for_function(
        "() => document.getElementById('audio').currentTime > 0", timeout=20_000
    )
    at = await page.evaluate("document.getElementById('audio').currentTime")
    await asyncio.sleep(8)
    found: dict[str, Any] = await page.evaluate(
        """() => ({ at: document.getElementById("audio").currentTime, latency: hls.latency,
        target: hls.targetLatency, date: hls.playingDate?.getTime() ?? 0, ...said })"""
    )
    return {**found, "heard_s": found["at"] - at}


async def test_hls_js_plays_close_to_live_without_an_error(site: str) -> None:
    """Each rendition in a page of its own; side by side, since all of it is waiting."""
    stage = StageFeed()
    stage.room()
    stage.live()
    await stage.start()
    async with running_edge(stage.url) as edge, chromium() as browser:
        await edge.until("rooms.indexed")
        contexts = [await browser.new_context() for _ in RENDITIONS]
        pages = [await each.new_page() for each in contexts]
        urls = [f"{edge.url}/live/demo/{each}.m3u8" for each in RENDITIONS]
        told = await asyncio.gather(
            *(played_8_s(page, site, url) for page, url in zip(pages, urls, strict=True))
        )
    await stage.stop()
    for name, found in zip(RENDITIONS, told, strict=True):
        errors = [error for error in found["errors"] if error[1] != "bufferStalledError"]
        assert errors == [], name
        assert found["heard_s"] > 6, name
        # PART-HOLD-BACK, more after a stall
        assert found["target"] == pytest.approx(0.96, abs=0.7), name
        assert found["latency"] < 4.0, name  # plain HLS: three segments, 11.5 s
        assert found["date"] > 0, name
