"""Low-latency HLS as an outside player sees it: hls.js in Chromium, its own page, another origin."""

import asyncio
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.async_api import Page

from tests.e2e.chromium import chromium
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed
from tests.fakes.tools import need_module

pytestmark = pytest.mark.slow

PAGE = """<!doctype html><meta charset="utf-8"><audio id="audio" controls></audio>
<script src="/hls.min.js"></script><script src="/page.js"></script>"""
SCRIPT = """
window.said = { errors: [], stalls: 0 };
window.listen = (url, levels) => {
  const audio = document.getElementById("audio");
  audio.addEventListener("waiting", () => { window.said.stalls += 1; });
  window.hls = new Hls({ lowLatencyMode: true });
  hls.on(Hls.Events.ERROR, (_, data) => {
    window.said.errors.push([data.type, data.details, data.fatal, String(data.error || data.reason || "")]);
  });
  hls.loadSource(url);
  hls.attachMedia(audio);
  audio.play();
};
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A page of somebody else's with hls.js on it."""
    player = need_module("hls.js", why="it is the player we test HLS against")
    (tmp_path / "index.html").write_text(PAGE)
    (tmp_path / "page.js").write_text(SCRIPT)
    (tmp_path / "hls.min.js").write_bytes((player / "dist" / "hls.min.js").read_bytes())

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


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
            "document.getElementById('audio').currentTime > 0", timeout=20_000
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
