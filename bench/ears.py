"""Mouth to ear between real Chromiums on one machine, and how soon a page sounds.

A speaker's page with a coded fake microphone, a listener's page, and hls.js on somebody else's
page; times are those at which the tone begins at the microphone's track and in what the page
plays. Left out are the sound card's own buffers.
"""

import asyncio
import tempfile
from pathlib import Path

from playwright.async_api import Page

from bench.report import Row, percentile, spread
from tests.e2e.chromium import chromium, microphone, tapped
from tests.e2e.evening import delays, go_live, median, onsets, take_the_stage
from tests.e2e.outside import hls_site
from tests.support.house import House
from tests.support.signals import write_bursts

HZ = 700
RUNS = 5
HLS_RUNS = 3
RUN_S = 16.0
STALL_S = 60.0
WATCH = """
window.first = 0; window.waits = 0;
document.addEventListener("playing", () => { window.first ||= performance.now(); }, true);
document.addEventListener("waiting", () => { if (window.first) window.waits += 1; }, true);
"""


def measure() -> list[Row]:
    """About three minutes."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[Row]:
    wav = write_bursts(folder / "mouth.wav", HZ)
    with House(folder / "house") as house, hls_site(folder / "site") as site:
        house.put("ears", title="Mouth to ear", host="Ada", state="lobby")
        async with chromium(microphone(wav)) as speaking:
            ada = await (await tapped(speaking)).new_page()
            await take_the_stage(ada, house, "ears", "host", "Ada")
            await go_live(ada)
            page, stalls = await _page(ada, f"{house.edge}/r/ears")
            first = await _first_sounds(f"{house.edge}/r/ears")
            url = f"{house.edge}/live/ears/aac/index.m3u8"
            hls = [median(await _hls(ada, site, url)) for _ in range(HLS_RUNS)]
    every = [each for run in page for each in run]
    return [
        Row(
            "mouth to ear, Opus by MSE, median of runs", "≤ 650 ms",
            spread([median(run) for run in page], " ms", 0),
            median([median(run) for run in page]) <= 650, f"{len(page)} runs",
        ),
        Row(
            "mouth to ear, 95th percentile", "≤ 800 ms", f"{percentile(every, 0.95):.0f} ms",
            percentile(every, 0.95) <= 800, f"{len(every)} tones",
        ),
        Row(f"stalls of that page in {STALL_S:.0f} s", "0", str(stalls), stalls == 0),
        Row("mouth to ear, LL-HLS AAC by hls.js", "≤ 1500 ms", spread(hls, " ms", 0), median(hls) <= 1_500, f"{HLS_RUNS} runs, maxLiveSyncPlaybackRate 1.05"),
        Row(
            "page navigation to first sound", "≤ 300 ms", spread(first[1:], " ms", 0),
            median(first[1:]) <= 300, f"browser's first load {first[0]:.0f} ms",
        ),
    ]  # fmt: skip


async def _page(ada: Page, url: str) -> tuple[list[list[float]], int]:
    """Delays of each run, and the stalls of one long stay."""
    runs: list[list[float]] = []
    async with chromium() as browser:
        for number in range(RUNS):
            context = await tapped(browser)
            page = await context.new_page()
            await page.add_init_script(WATCH)
            await page.goto(url)
            await asyncio.sleep(4)  # the player's first seconds are apart
            since = await page.evaluate("Date.now()")
            await asyncio.sleep(RUN_S if number else STALL_S)
            said = [at for at in await onsets(ada, "mic", HZ) if at > since]
            runs.append(delays(said[:-1], await onsets(page, "ear", HZ), most_ms=1_900))
            if number == 0:
                stalls = int(await page.evaluate("window.waits"))
            await context.close()
    return runs, stalls


async def _first_sounds(url: str) -> list[float]:
    """ms from navigation to `playing`, in fresh contexts of one browser."""
    found = []
    async with chromium() as browser:
        for _ in range(RUNS + 1):
            context = await browser.new_context(bypass_csp=True)
            page = await context.new_page()
            await page.add_init_script(WATCH)
            await page.goto(url)
            await page.wait_for_function("window.first > 0", timeout=20_000)
            found.append(float(await page.evaluate("window.first")))
            await context.close()
    return found


async def _hls(ada: Page, site: str, playlist: str) -> list[float]:
    async with chromium() as browser:
        page = await (await tapped(browser)).new_page()
        await page.goto(site)
        await page.evaluate("url => listen(url)", playlist)
        await asyncio.sleep(8)
        since = await page.evaluate("Date.now()")
        await asyncio.sleep(RUN_S)
        said = [at for at in await onsets(ada, "mic", HZ) if at > since]
        return delays(said[:-1], await onsets(page, "ear", HZ), most_ms=1_990)
