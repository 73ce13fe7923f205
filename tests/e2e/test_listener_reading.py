"""Reading instead of hearing, in Chromium at the real edge: no sound, every caption, no listener."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from playwright.async_api import Page, Request, expect

from hustings.wire import kinds
from tests.e2e.barriers import barriers
from tests.e2e.chromium import plays_on
from tests.e2e.keyboard import tab_to
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import EPOCH_MS, StageFeed

pytestmark = pytest.mark.slow
ROOM = kinds.Room("demo", "Town hall", state="live", epoch_ms=EPOCH_MS, host="Ada")
LOG = "document.getElementById('caption-log')"
AT_END = f"() => {LOG}.scrollHeight - {LOG}.scrollTop - {LOG}.clientHeight < 2"


class Hall:
    """A live room at a real edge, and who writes its captions."""

    def __init__(self, stage: StageFeed, edge: RunningEdge) -> None:
        self.stage = stage
        self.edge = edge

    async def say(self, kind: str, body: object) -> None:
        self.stage.rooms["demo"].add(kind, body, at=self.stage.media_time)
        await self.stage.changed()

    async def caption(self, text: str, name: str = "Ada Roe") -> None:
        await self.say("caption", {"text": text, "name": name})

    def cut(self) -> None:
        """Every line of the audience breaks."""
        for connection in list(self.edge.edge.server.connections):
            connection.transport.abort()


@pytest.fixture
async def hall() -> AsyncIterator[Hall]:
    stage = StageFeed()
    stage.room(host="Ada")
    stage.live()
    await stage.start()
    async with running_edge(stage.url) as edge:
        await edge.until("rooms.indexed")
        yield Hall(stage, edge)
    await stage.stop()


async def read(page: Page, hall: Hall, language: str = "en") -> list[str]:
    """Open the page as somebody who chose to read before; what it asks for, as it does."""
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.removeprefix(hall.edge.url))

    page.on("request", note)
    await page.add_init_script("localStorage.setItem('hustings-read', 'true')")
    await page.goto(f"{hall.edge.url}/r/demo?lang={language}")
    await expect(page.locator("#captions")).to_be_visible()
    return asked


async def test_who_reads_gets_every_caption_no_sound_and_is_no_listener(
    hall: Hall, page: Page
) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    asked = await read(page, hall)
    line, log = page.locator("#line"), page.get_by_role("log")
    await expect(line).to_have_text("You are reading live, without sound.")
    await expect(page.locator("#captions")).to_contain_text("Nobody has written captions yet.")
    await expect(page.locator("#play")).to_be_hidden()

    ada = kinds.Participant("ada", "Ada Roe", "host", "stage")
    await hall.say(kinds.ROSTER, kinds.Roster(ada, "on_stage"))
    await hall.say(kinds.LEVEL, kinds.Level(["ada"]))
    await expect(page.locator(".speaking")).to_contain_text("Ada Roe")
    await hall.caption("Good evening.")
    await hall.caption("Tonight we talk about the bridge.")
    await hall.caption("And who pays for it?", name="كيم")
    await expect(log.locator("p")).to_have_text(
        ["Ada Roe: Good evening.", "Tonight we talk about the bridge.", "كيم: And who pays for it?"]
    )
    await expect(log).to_have_attribute("aria-live", "polite")
    await page.get_by_label("Screen readers read out new lines").uncheck()
    await expect(log).to_have_attribute("aria-live", "off")

    hall.cut()
    await hall.caption("Said while the line was broken.")
    await expect(log.locator("p")).to_have_count(4)
    await expect(log.locator("p").last).to_contain_text("while the line was broken")

    assert hall.edge.edge.rooms.live["demo"].listeners == 0
    sound = [url for url in asked if ".mp4" in url or ".m4s" in url or ".m3u8" in url]
    assert sound == []
    lines = [url.split("?")[0] for url in asked if url.startswith("/live/demo/events")]
    assert lines == ["/live/demo/events"] * 2
    assert await barriers(page) == []

    await hall.say(kinds.ROOM, msgspec.structs.replace(ROOM, state="ended"))
    await expect(page.locator("#waiting")).to_contain_text("has ended", timeout=15_000)
    await expect(log.locator("p")).to_have_count(4)  # to be read again


async def test_the_log_stays_with_who_scrolled_back_until_they_ask_for_the_newest(
    hall: Hall, page: Page
) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await read(page, hall, "ar")
    for n in range(30):
        await hall.caption(f"Line {n}")
    log, newest = page.get_by_role("log"), page.locator(".newest")
    await expect(log.locator("p")).to_have_count(30)
    await page.wait_for_function(AT_END)
    await expect(newest).to_be_hidden()
    await tab_to(page, "#caption-log")
    await page.keyboard.press("Home")
    await expect(newest).to_be_visible()
    await page.wait_for_function(f"() => {LOG}.scrollTop === 0")
    await hall.caption("The next one")
    await expect(log.locator("p")).to_have_count(31)
    assert await page.evaluate(f"{LOG}.scrollTop") == 0
    await tab_to(page, ".newest")
    await page.keyboard.press("Enter")
    await page.wait_for_function(AT_END)
    await expect(log).to_be_focused()
    await expect(newest).to_be_hidden()
    assert await barriers(page) == []


async def test_reading_and_hearing_are_one_click_apart_and_remembered(
    hall: Hall, page: Page
) -> None:
    await page.goto(f"{hall.edge.url}/r/demo")
    await plays_on(page)
    await page.get_by_label("Read, without sound").check()
    await expect(page.locator("#line")).to_have_text("You are reading live, without sound.")
    await hall.edge.until("rooms.live['demo'].listeners == 0")
    await page.reload()
    await expect(page.locator("#line")).to_have_text("You are reading live, without sound.")
    await page.get_by_label("Read, without sound").uncheck()
    await plays_on(page)
    await expect(page.locator("#play")).to_be_visible()
    assert hall.edge.edge.rooms.live["demo"].listeners == 1
