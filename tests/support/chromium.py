"""Debian's Chromium under Playwright: with a coded fake microphone and an ear on what it plays."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Playwright

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
TAPS = Path(__file__).with_name("taps.js")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
)


def need_chromium() -> None:
    """Skip (on a user's machine) or fail (in CI) without Chromium."""
    if Path(CHROMIUM).exists():
        return
    if os.environ.get("CI"):
        pytest.fail("Chromium is missing: apt-get install chromium")
    pytest.skip("needs Chromium: apt-get install chromium")


@contextmanager
def browser(
    playwright: Playwright, *, microphone: Path | None = None, autoplay: bool = True
) -> Iterator[Browser]:
    """A Chromium of its own; `microphone` is a WAV that its fake microphone repeats."""
    need_chromium()
    flags = [*QUIET]
    if autoplay:
        flags.append("--autoplay-policy=no-user-gesture-required")
    if microphone is not None:
        flags += [
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-audio-capture={microphone}",
        ]
    launched = playwright.chromium.launch(
        executable_path=CHROMIUM, args=flags, ignore_default_args=["--mute-audio"]
    )
    try:
        yield launched
    finally:
        launched.close()


def tapped(launched: Browser, **options: object) -> BrowserContext:
    """A context whose pages carry taps.js."""
    context = launched.new_context(bypass_csp=True, **options)  # type: ignore[arg-type]
    context.add_init_script(path=str(TAPS))
    return context
