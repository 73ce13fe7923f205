"""The listener page as a thing on somebody's device: held, offline, thrifty, shared, by keys."""

import re
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium, played, plays_on, stretches
from tests.fakes.edge_pages import FakeEdge

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
HELD_LONG = "Date.now = () => new Date().getTime() + 60_000"  # as if a minute had passed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as each:
        yield each


@pytest_asyncio.fixture(loop_scope="module")
async def edge() -> AsyncIterator[FakeEdge]:
    async with FakeEdge() as each:
        yield each


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    await context.grant_permissions(["clipboard-read", "clipboard-write"])
    each = await context.new_page()
    errors: list[str] = []
    each.on("pageerror", lambda error: errors.append(str(error)))
    each.on("console", lambda said: errors.append(said.text) if "Security" in said.text else None)
    yield each
    await context.close()
    assert errors == []


async def listen(page: Page, edge: FakeEdge) -> None:
    await page.goto(edge.url)
    await plays_on(page)


async def interrupt(page: Page) -> None:
    """As a call does it: the element is paused by somebody else."""
    await page.evaluate("document.getElementById('audio').pause()")
    await expect(page.locator("#line")).to_have_text("On hold. Press play to go on.")


async def test_after_a_short_call_it_goes_on_where_it_was(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    await interrupt(page)
    await expect(page.locator("#play")).to_have_accessible_name("Listen")
    held = await played(page)
    await page.evaluate("document.getElementById('audio').play()")  # the browser, by itself
    await plays_on(page)
    await expect(page.locator("#line")).to_have_text("You are listening live.")
    assert len(edge.streams()) == 1
    ((start, end),) = await stretches(page)
    assert start <= held < end  # nothing between is missing


async def test_after_a_long_call_it_goes_on_live(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    await interrupt(page)
    await page.evaluate(HELD_LONG)
    await page.get_by_role("button", name="Listen").click()
    await plays_on(page)
    assert edge.streams() == ["/live/square/opus.mp4"] * 2
    assert edge.media_time / 48_000 - await played(page) < 10


async def test_a_connection_that_is_back_is_used_at_once(page: Page, edge: FakeEdge) -> None:
    await page.add_init_script("Math.random = () => 100")  # seconds until the next try
    await listen(page, edge)
    edge.away = True
    edge.drop()
    await expect(page.locator("#delay")).to_have_text(
        re.compile(r"^Next try in (9\d|100) seconds$")
    )
    tries = len(edge.streams())
    edge.away = False
    await page.evaluate("dispatchEvent(new Event('online'))")
    await plays_on(page)
    assert len(edge.streams()) == tries + 1


async def test_a_script_that_did_not_come_is_asked_for_again(page: Page, edge: FakeEdge) -> None:
    tries = []

    async def cut_once(route: Route) -> None:
        tries.append(route.request.url)
        await (route.abort() if len(tries) == 1 else route.continue_())

    await page.route("**/listener/device.*.js", cut_once)
    await listen(page, edge)
    await expect(page.locator("#share")).to_be_visible(timeout=30_000)
    assert len(tries) == 2


async def test_without_a_connection_a_page_says_what_is_known_and_comes_back(
    page: Page, edge: FakeEdge
) -> None:
    assert edge.room
    live = edge.room
    edge.room = msgspec.structs.replace(live, state="scheduled", start_ms=1_900_000_000_000)
    await page.add_init_script("Math.random = () => 0.02")
    await page.goto(f"{edge.url}?lang=de")
    await page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    edge.away = True
    await page.reload()
    await expect(page.locator("h1")).to_have_text("Keine Verbindung")
    await expect(page.locator("#title")).to_have_text(live.title)
    await expect(page.locator("#host")).to_contain_text("Amina Berg")
    await expect(page.locator("#start")).to_contain_text("2030")
    assert await barriers(page) == []
    edge.room = live
    edge.away = False
    await expect(page.locator("h1")).to_have_text(live.title)  # by itself
    await plays_on(page)
    scopes = (
        "navigator.serviceWorker.getRegistrations().then((all) => all.map((each) => each.scope))"
    )
    assert await page.evaluate(scopes) == [f"{edge.origin}/r/"]


async def test_saving_data_goes_on_where_it_is_and_is_remembered(
    page: Page, edge: FakeEdge
) -> None:
    await listen(page, edge)
    await page.get_by_label("Save data").check()
    await plays_on(page, 2)
    full, low = edge.streams()
    assert full == "/live/square/opus.mp4"
    assert low.startswith("/live/square/opus-low.mp4?from=")
    assert len(await stretches(page)) == 1
    await page.reload()
    await plays_on(page)
    assert edge.streams()[-1] == "/live/square/opus-low.mp4"
    await expect(page.get_by_label("Save data")).to_be_checked()


async def test_who_asks_the_browser_to_save_data_gets_the_small_stream(
    page: Page, edge: FakeEdge
) -> None:
    await page.add_init_script(
        "Object.defineProperty(navigator, 'connection', { value: { saveData: true } })"
    )
    await listen(page, edge)
    assert edge.streams() == ["/live/square/opus-low.mp4"]


async def test_this_second_can_be_shared(page: Page, edge: FakeEdge) -> None:
    await page.add_init_script("delete Navigator.prototype.share")
    await listen(page, edge)
    await page.get_by_role("button", name="Share").click()
    await expect(page.locator("#share-said")).to_have_text("The link is copied.")
    url, _, second = str(await page.evaluate("navigator.clipboard.readText()")).partition("?t=")
    assert url == edge.url
    assert 0 <= await played(page) - int(second) < 30


async def test_single_keys_can_be_turned_off(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    await page.get_by_text("Keyboard", exact=True).click()
    await page.get_by_label("Use these keys on this page").uncheck()
    await page.locator("h1").click()
    await page.keyboard.press("m")
    await page.keyboard.press("k")
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "false")
    await expect(page.locator("#play")).to_have_accessible_name("Stop")
    await page.reload()
    await expect(page.locator("#single-keys")).not_to_be_checked()
