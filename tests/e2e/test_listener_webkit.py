"""The listener page in WebKit: parts, and the browser's own HLS as on an iPhone, both heard."""

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from tests.e2e.firefox import Sink
from tests.e2e.webkit import WebKit
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow
PLAYED = "document.getElementById('audio').currentTime"
LIVE = "document.getElementById('line').textContent === 'You are listening live.'"


@pytest.fixture
async def sink(tmp_path: Path) -> AsyncIterator[Sink]:
    async with Sink.open(tmp_path) as each:
        yield each


@pytest.fixture
async def room() -> AsyncIterator[str]:
    """The address of a live room at a real edge."""
    stage = StageFeed()
    stage.room(host="Ada")
    stage.live()
    await stage.start()
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        yield f"{edge.url}/r/demo"
    await stage.stop()


@pytest.mark.parametrize("media_source", [True, False], ids=["parts", "hls"])
async def test_it_sounds_and_says_who_it_is(room: str, sink: Sink, media_source: bool) -> None:
    async with WebKit.open(sink.environment, media_source=media_source) as webkit:
        await webkit.goto(room)
        assert await webkit.evaluate("'MediaSource' in window") is media_source
        await webkit.wait_for(LIVE)
        start = await webkit.evaluate(PLAYED)
        await webkit.wait_for(f"{PLAYED} > {start + 1}")
        assert np.abs(await sink.heard(1.0)).max() > 0.001
        source = await webkit.evaluate("document.getElementById('audio').src")
        assert source.startswith("blob:") if media_source else "/live/demo/aac/index.m3u8" in source
        await webkit.wait_for("navigator.mediaSession?.metadata?.title === 'Town hall'")
