"""The listener page in WebKit: parts, heard; and on the way of an iPhone its own HLS, seen to play.

WebKitGTK 2.50 has HLS behind a switch; it counts the time of our streams and gives no sound, where
it plays the same AAC in one endless file. So nothing is claimed of what HLS sounds like here.
"""

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

SOURCE = "document.getElementById('audio').src"
LIKE_AN_IPHONE = "(window.ManagedMediaSource = MediaSource) && delete window.MediaSource"


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


async def plays(webkit: WebKit) -> None:
    await webkit.wait_for(LIVE)
    start = await webkit.evaluate(PLAYED)
    await webkit.wait_for(f"{PLAYED} > {start + 1}")


async def test_parts_sound_and_as_on_an_iphone_its_own_hls_plays(room: str, sink: Sink) -> None:
    async with WebKit.open(sink.environment) as webkit:
        await webkit.goto(room)
        await plays(webkit)
        assert np.abs(await sink.heard(1.0)).max() > 0.001
        assert (await webkit.evaluate(SOURCE)).startswith("blob:")
        await webkit.wait_for("navigator.mediaSession?.metadata?.title === 'Town hall'")
        await webkit.evaluate("document.getElementById('play').click()")
        await webkit.wait_for("document.getElementById('play-name').textContent === 'Listen'")
        await webkit.evaluate(LIKE_AN_IPHONE)
        await webkit.evaluate("document.getElementById('play').click()")
        await plays(webkit)
        assert "/live/demo/aac/index.m3u8" in await webkit.evaluate(SOURCE)
