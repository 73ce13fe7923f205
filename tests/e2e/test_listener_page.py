"""The listener page in Chromium against a small real edge: it sounds, and stays alive."""

import asyncio
import re
from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from hustings.base.clock import SystemClock
from hustings.wire import kinds
from hustings.wire.rules import rules_of
from tests.e2e.barriers import barriers
from tests.e2e.chromium import SILENT, chromium, heard, played, plays_on, stretches
from tests.e2e.keyboard import tab_to
from tests.fakes.edge_pages import FakeEdge, power_at

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]
HERTZ = 440.0


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as each:
        yield each


@pytest_asyncio.fixture(loop_scope="module")
async def edge() -> AsyncIterator[FakeEdge]:
    async with FakeEdge(hertz=HERTZ) as each:
        yield each


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
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


async def test_it_sounds_at_once_near_live_and_says_how_far_behind(
    page: Page, edge: FakeEdge
) -> None:
    await listen(page, edge)
    assert power_at(await heard(page), HERTZ) > 0.9
    await expect(page.locator("#line")).to_have_text("You are listening live.")
    await expect(page.locator("#delay")).to_have_text(re.compile(r"^\d\.\d s behind$"))
    shown = float((await page.locator("#delay").inner_text()).split()[0])
    real = edge.media_time / 48_000 - await played(page)
    assert abs(shown - real) < 1.0  # the page says it twice a second
    await page.wait_for_function("navigator.mediaSession.metadata?.artist === 'Amina Berg'")
    assert edge.streams() == ["/live/square/opus.mp4"]
    assert not [path for path in edge.requests if "hand" in path or "fallback" in path]


async def test_a_cut_line_resumes_by_part_number_and_nothing_is_lost(
    page: Page, edge: FakeEdge
) -> None:
    await listen(page, edge)
    edge.drop()
    await plays_on(page, 2.5)
    assert re.fullmatch(r"/live/square/opus\.mp4\?from=3\d{5}", edge.streams()[1])
    assert len(await stretches(page)) == 1
    assert power_at(await heard(page), HERTZ) > 0.9


async def test_it_jumps_over_what_the_edge_left_out(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    edge.skip(8)
    async with asyncio.timeout(20):
        while len(await stretches(page)) < 2:
            await asyncio.sleep(0.1)
    await plays_on(page, 3)
    (_, hole), (resumed, _) = (await stretches(page))[-2:]
    assert resumed - hole > 1.5
    assert await played(page) > resumed
    assert len(edge.streams()) == 1


async def test_joined_parts_play_without_a_break(page: Page, edge: FakeEdge) -> None:
    edge.join = 4
    await page.goto(edge.url)
    await plays_on(page, 3)
    await page.evaluate("window.waits = 0; audio.addEventListener('waiting', () => (waits += 1))")
    await plays_on(page, 5)
    assert await page.evaluate("window.waits") <= 1  # a busy machine may be late once


async def test_a_crowd_is_told_to_wait_and_then_hears(page: Page, edge: FakeEdge) -> None:
    edge.refuse = (503, 3)
    await page.goto(edge.url)
    await expect(page.locator("#line")).to_contain_text("Very many people are here")
    await expect(page.locator("#delay")).to_have_text(re.compile(r"^Next try in \d+ seconds?$"))
    edge.refuse = None
    await plays_on(page)
    await expect(page.locator("#line")).to_have_text("You are listening live.")


async def test_people_and_states_change_with_the_sound(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    speaking = page.locator(".person[data-speaking] .name")
    await expect(speaking).to_have_text(["Amina Berg"])
    edge.event("level", kinds.Level(["otto"]))
    await expect(speaking).to_have_text(["Otto Lind"])
    nora = kinds.Participant("nora", "نورة", "speaker", "stage")
    edge.event("roster", kinds.Roster(nora, "on_stage"))
    await expect(page.locator(".person .name")).to_have_text(["Amina Berg", "Otto Lind", "نورة"])
    assert edge.room
    edge.event("room", msgspec.structs.replace(edge.room, notice="The hall is being cleared."))
    await expect(page.locator("#notice")).to_have_text("The hall is being cleared.")
    edge.event("source", {"source": "hold"})
    await expect(page.locator("#line")).to_contain_text("The stage is away for a moment")
    edge.event("source", {"source": "live"})
    await expect(page.locator("#line")).to_have_text("You are listening live.")
    edge.event("caption", {"text": "Good evening.", "name": "Amina Berg"})
    await expect(page.get_by_role("log")).to_have_text("Amina Berg: Good evening.")
    edge.event("room", msgspec.structs.replace(edge.room, state="ended"))
    await expect(page.locator("#waiting")).to_contain_text("This conversation has ended")
    await expect(page.locator("#play")).to_be_hidden()


async def test_a_browser_that_wants_a_tap_is_told_so(edge: FakeEdge) -> None:
    async with chromium(SILENT) as browser:
        page = await browser.new_page()
        await page.goto(edge.url)
        await expect(page.locator("#line")).to_have_text("Press play to listen.")
        await page.get_by_role("button", name="Listen").click()
        await plays_on(page)
        assert power_at(await heard(page), HERTZ) > 0.9


async def test_everything_works_by_keyboard(page: Page, edge: FakeEdge) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await listen(page, edge)
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_text("Skip to content")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.locator(":focus")).to_have_attribute("id", "play")
    await page.keyboard.press("Enter")
    await expect(page.locator("#line")).to_have_text("Stopped. Press play to listen.")
    await page.keyboard.press("Space")
    await plays_on(page)
    await page.keyboard.press("m")
    await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
    await page.keyboard.press("m")
    await page.keyboard.press("k")
    await expect(page.locator("#play")).to_have_accessible_name("Listen")


def rules_hold(edge: FakeEdge, rules: kinds.Rules) -> None:
    assert edge.room is not None
    edge.rules, edge.room = rules, msgspec.structs.replace(edge.room, rules=rules.id)


async def test_in_arabic_too_a_hand_goes_up_by_keyboard_alone(page: Page, edge: FakeEdge) -> None:
    rules_hold(edge, rules_of({"ar": "أوجزوا.", "en": "Be brief."}, ""))
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(f"{edge.url}?lang=ar")
    await plays_on(page)
    for selector in ("#play", "#mute", "#volume", "#save-data", "#share", "#hand > summary"):
        await tab_to(page, selector)  # in this order
    await page.keyboard.press("Enter")
    await expect(page.locator(".rules")).to_have_text("أوجزوا.")
    assert await barriers(page) == []
    await tab_to(page, "#hand-form [type=checkbox]")
    await page.keyboard.press("Space")
    await tab_to(page, "#hand-name")
    await page.keyboard.type("كيم")
    await tab_to(page, "#hand-question")
    await page.keyboard.type("من يدفع؟")
    await tab_to(page, "#hand-form .primary")
    await page.keyboard.press("Enter")
    await expect(page.locator("#hand-lower")).to_be_visible()
    assert edge.hands == [
        {"name": "كيم", "question": "من يدفع؟", "topic": "", "rules": edge.rules.id}
    ]


async def test_keys_in_a_text_are_text_and_a_hand_goes_up(page: Page, edge: FakeEdge) -> None:
    await listen(page, edge)
    await page.get_by_text("Raise your hand", exact=True).click()
    await page.locator("#hand-name").fill("Kim")
    await page.locator("#hand-question").press_sequentially("makes me ask")
    await page.get_by_role("button", name="Raise hand").click()
    await expect(page.locator("#hand-answer")).to_contain_text("Your hand is up")
    assert edge.hands == [{"name": "Kim", "question": "makes me ask", "topic": "", "rules": ""}]
    await page.get_by_role("button", name="Lower your hand").click()
    await expect(page.locator("#hand-answer")).to_have_text("Your hand is down.")
    async with asyncio.timeout(10):
        while len(edge.hands) < 2:
            await asyncio.sleep(0.05)
    assert edge.hands[1] == {"ticket": "t", "raised": False}
    rules_hold(edge, rules_of({"en": "Be brief."}, ""))  # meanwhile
    await page.get_by_role("button", name="Raise hand").click()
    await expect(page.locator("#hand-answer")).to_contain_text("Read the rules above")
    await page.get_by_role("button", name="Raise hand").click()  # the browser asks for the tick
    assert len(edge.hands) == 2
    await page.get_by_label("I have read these rules and agree to them.").check()
    await page.get_by_role("button", name="Raise hand").click()
    await expect(page.locator("#hand-answer")).to_contain_text("Your hand is up")
    await expect(page.locator("#play")).to_have_accessible_name("Stop")
    edge.event("call", kinds.Call("h1", "Kim"))
    await expect(page.locator("#hand-answer")).to_have_text("The hosts call on you.")


async def test_without_opus_it_plays_aac(page: Page, edge: FakeEdge) -> None:
    await page.add_init_script(
        "const knows = MediaSource.isTypeSupported;"
        "MediaSource.isTypeSupported = (type) => !/opus/i.test(type) && knows.call(MediaSource, type);"
    )
    await listen(page, edge)
    assert edge.streams() == ["/live/square/aac.mp4"]
    assert power_at(await heard(page), HERTZ) > 0.9


async def test_a_player_that_breaks_is_rebuilt(page: Page, edge: FakeEdge) -> None:
    await page.add_init_script(
        "const add = SourceBuffer.prototype.appendBuffer; let count = 0;"
        "SourceBuffer.prototype.appendBuffer = function (data) {"
        "  count += 1; if (count === 6) throw new DOMException('broken', 'InvalidStateError');"
        "  return add.call(this, data); };"
    )
    await listen(page, edge)
    await plays_on(page, 4)
    assert power_at(await heard(page), HERTZ) > 0.9
    assert len(edge.streams()) == 1


async def test_a_waiting_page_begins_by_itself(page: Page, edge: FakeEdge) -> None:
    assert edge.room
    live = edge.room
    start = SystemClock().wall_ms() + 90_000
    edge.room = msgspec.structs.replace(live, state="scheduled", start_ms=start)
    await page.add_init_script("Math.random = () => 0")
    await page.goto(edge.url)
    await expect(page.locator("#countdown")).to_have_text(re.compile(r"^\u206600:0\d:\d\d\u2069$"))
    await expect(page.locator("#waiting time, #waiting")).not_to_have_text("UTC")
    edge.room = live
    await plays_on(page)


async def test_without_scripts_the_page_says_all_and_has_a_player(
    browser: Browser, edge: FakeEdge
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(edge.url)
    await expect(page.locator("h1")).to_have_text("Is the new bridge worth its price?")
    await expect(page.locator(".person .name")).to_have_text(["Amina Berg", "Otto Lind"])
    await expect(page).to_have_title("Is the new bridge worth its price? · Hustings")
    await expect(page.locator("#badge")).to_have_text("Live")
    await expect(page.locator("noscript audio")).to_have_attribute("controls", "")
    await expect(page.locator("#transcript-name")).to_have_text("Transcript")
    assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    await expect(page.locator("#controls, #hand, #keyboard")).to_have_count(3)
    for hidden in ("#controls", "#hand", "#keyboard"):
        await expect(page.locator(hidden)).to_be_hidden()
    await context.close()


@pytest.mark.parametrize("language", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_bars_anyone(
    browser: Browser, edge: FakeEdge, language: str, scheme: str
) -> None:
    context = await browser.new_context(
        viewport={"width": 320, "height": 720}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = await context.new_page()
    await page.goto(f"{edge.url}?lang={language}")
    await plays_on(page)
    assert await barriers(page) == []
    await context.close()
