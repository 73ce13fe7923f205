"""Debian's Chromium by Playwright, with sound; and what tests ask a page about its sound."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.fakes.tools import need

SOUND = ("--no-sandbox", "--autoplay-policy=no-user-gesture-required")
SILENT = ("--no-sandbox", "--autoplay-policy=user-gesture-required")

# What the element plays, as it leaves it: `seconds` of samples at 48 kHz.
_RECORD = """
async (seconds) => {
  const audio = document.getElementById("audio");
  const context = new AudioContext({ sampleRate: 48000 });
  const analyser = context.createAnalyser();
  analyser.fftSize = 8192;
  context.createMediaStreamSource(audio.captureStream()).connect(analyser);
  await context.resume();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  const samples = new Float32Array(8192);
  analyser.getFloatTimeDomainData(samples);
  await context.close();
  return [...samples];
}
"""


def microphone(wav: Path) -> tuple[str, ...]:
    """Arguments for a Chromium whose microphone says what the file holds, over and over."""
    return (
        *SOUND,
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}",
    )


async def tapped(browser: Browser, **options: Any) -> BrowserContext:
    """A context whose pages note when each coded tone begins where (taps.js)."""
    context = await browser.new_context(bypass_csp=True, **options)
    await context.add_init_script(path=str(Path(__file__).with_name("taps.js")))
    return context


@asynccontextmanager
async def chromium(arguments: tuple[str, ...] = SOUND) -> AsyncIterator[Browser]:
    """A headless Chromium whose sound is not muted."""
    path = need("chromium", why="tests of the pages run in it")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=path, args=list(arguments), ignore_default_args=["--mute-audio"]
        )
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def phone_page() -> AsyncIterator[Page]:
    """A page on a phone in Berlin, in English; a script error or a broken policy fails the test."""
    async with chromium() as browser:
        context = await browser.new_context(
            viewport={"width": 390, "height": 844}, locale="en-GB", timezone_id="Europe/Berlin"
        )
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if "Security" in m.text else None)
        yield page
        assert errors == []


async def heard(page: Page, seconds: float = 0.6) -> "np.ndarray[Any, Any]":
    """The last 8,192 samples (48 kHz) of what the page's player gives out now."""
    return np.asarray(await page.evaluate(_RECORD, seconds), dtype=np.float64)


async def played(page: Page) -> float:
    """Media time of the player in seconds."""
    return float(await page.evaluate("document.getElementById('audio').currentTime"))


async def plays_on(page: Page, seconds: float = 1.0) -> None:
    """Wait until the player has gone on by `seconds` from now."""
    until = await played(page) + seconds
    await page.wait_for_function(
        "until => { const a = document.getElementById('audio'); return !a.paused && a.currentTime > until }",
        arg=until,
        timeout=30_000,
    )


async def stretches(page: Page) -> list[tuple[float, float]]:
    """What is buffered: (start, end) in seconds of media time."""
    found = await page.evaluate(
        """() => { const b = document.getElementById('audio').buffered;
        return [...Array(b.length).keys()].map((i) => [b.start(i), b.end(i)]) }"""
    )
    return [(float(start), float(end)) for start, end in found]
