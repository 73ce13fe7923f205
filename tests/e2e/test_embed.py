"""The small player in a frame of another site's page, in Chromium, by keyboard."""

import asyncio

import pytest
from playwright.async_api import expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import SOUND, chromium
from tests.e2e.keyboard import tab_to
from tests.fakes.edges import running_edge
from tests.fakes.stage_feed import StageFeed

pytestmark = pytest.mark.slow


async def page_of_a_stranger(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Another origin; its path names the port and the page to frame."""
    target = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
    body = f'<!doctype html><iframe src="http://127.0.0.1:{target[1:]}"></iframe>'.encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()
    writer.close()


async def test_it_plays_in_any_sites_frame_when_asked_and_the_whole_page_does_not() -> None:
    stage = StageFeed()
    stage.room(host="Ada")
    stage.live()
    await stage.start()
    stranger = await asyncio.start_server(page_of_a_stranger, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{stranger.sockets[0].getsockname()[1]}"
    try:
        async with running_edge(stage.url) as edge, chromium(SOUND) as browser:
            await edge.until("rooms.indexed and rooms.facts('demo')")
            page = await browser.new_page(locale="en-GB", viewport={"width": 400, "height": 300})
            await page.goto(f"{origin}/{edge.port}/r/demo/embed")
            frame = page.frame_locator("iframe")
            await expect(frame.locator("#line")).to_have_text("Press play to listen.")
            assert edge.edge.rooms.listeners == 0
            await frame.locator("#play").press("Enter")
            await expect(frame.locator("#line")).to_have_text(
                "You are listening live.", timeout=20_000
            )
            await frame.locator("#play").press("Enter")
            await expect(frame.locator("#play")).to_have_text("Listen")
            assert await page.context.cookies() == []
            await page.goto(f"{origin}/{edge.port}/r/demo")
            await expect(page.frame_locator("iframe").locator("#play")).to_have_count(0)
            for language in ("en", "ar"):
                whole = await browser.new_page(
                    bypass_csp=True, locale=language, viewport={"width": 320, "height": 220}
                )
                await whole.goto(f"{edge.url}/r/demo/embed?lang={language}")
                await tab_to(whole, "#play")
                assert await barriers(whole) == []
    finally:
        stranger.close()
        await stage.stop()
