"""The speakers' page in Chromium with fake microphones, against a small real stage and edge."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Page, expect

from hustings.wire.kinds import Participant
from hustings.wire.rules import rules_of
from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium
from tests.e2e.keyboard import tab_to
from tests.fakes.edge_pages import FakeEdge
from tests.fakes.stage_page import FakeStage, problem

pytestmark = pytest.mark.slow

BEEPS = ("--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
NO_DEVICE = ("--no-sandbox", "--use-fake-ui-for-media-stream")
REFUSED = ("--no-sandbox", "--use-fake-device-for-media-stream", "--deny-permission-prompts")
LEVEL = "document.querySelector('#step-check .meter').style.getPropertyValue('--level')"
PLAIN = (
    "const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
    "navigator.mediaDevices.getUserMedia = ({ audio }) => real({ audio: {"
    "  ...audio, autoGainControl: false, noiseSuppression: false, echoCancellation: false } });"
)
PHONE = {"width": 390, "height": 844}


@pytest.fixture
async def edge() -> AsyncIterator[FakeEdge]:
    async with FakeEdge() as each:
        each.speaking = []
        yield each


@pytest.fixture
async def stage(edge: FakeEdge) -> AsyncIterator[FakeStage]:
    each = FakeStage(edge=edge.origin)
    async with each.running() as url:
        each.url = url
        yield each


@asynccontextmanager
async def opened(arguments: tuple[str, ...] = BEEPS, **options: object) -> AsyncIterator[Page]:
    """A page in a browser of its own; a script error or a broken policy fails the test."""
    async with chromium(arguments) as browser:
        context = await browser.new_context(**{"viewport": PHONE, "locale": "en-GB", **options})
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda m: errors.append(m.text) if "Security" in m.text else None)
        yield page
        assert errors == []


async def join(page: Page, stage: FakeStage, link: str = "host-link", name: str = "Amina") -> None:
    await page.goto(f"{stage.url}/s/square#i={link}")
    await page.fill("#name", name)
    await page.click("#join-form button")
    await expect(page.locator("#step-check")).to_be_visible()


async def go_in(page: Page, stage: FakeStage, link: str = "host-link") -> None:
    await join(page, stage, link)
    await expect(page.locator("#enter")).to_have_text("Join the stage")
    await page.click("#enter")
    await expect(page.locator("#connection")).to_have_text("")
    await expect(page.locator(".person[data-away]", has_text="You")).to_have_count(0)


async def test_from_the_link_to_the_ears_of_the_audience(stage: FakeStage, edge: FakeEdge) -> None:
    stage.rules = rules_of({"en": "Be brief."}, "One question each.")
    async with opened() as page:
        await page.goto(f"{stage.url}/s/square#i=host-link")
        await page.fill("#name", "Amina")
        await page.click("#join-form button")
        await expect(page.locator("#rules-text .rules")).to_have_text(
            ["Be brief.", "One question each."]
        )
        assert await barriers(page) == []
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(page.locator("#step-check")).to_be_visible()
        assert "#" not in page.url  # the invitation is not left where others may read it
        await expect(page.locator("#microphones option")).not_to_have_count(0)
        async with asyncio.timeout(10):
            while float(await page.evaluate(LEVEL)) < 0.3:
                await asyncio.sleep(0.05)
        await page.click("#enter")
        await expect(page.locator("#place")).to_have_text("You are on stage")
        assert stage.names() == ["accept"]
        light, words = page.locator("#light"), page.locator("#light-words")
        await expect(words).to_have_text("The room is not open yet: nobody listens.")
        await page.click("#lobby")
        await expect(words).to_have_text("The lobby is open: the audience hears music, not you.")
        await page.click("#go-live")
        await expect(words).to_have_text(re.compile("You are on air. Speak"))
        stage.speaking = ["amina"]
        await expect(words).to_have_text(re.compile("does not carry you yet"))
        await expect(light).to_have_attribute("data-heard", "no")
        edge.event("level", {"speaking": ["amina"]})
        await expect(words).to_have_text(
            re.compile(r"^You are heard by 12,431 people, \d\.\d s behind$")
        )
        await expect(light).to_have_attribute("data-heard", "yes")
        assert edge.streams() == ["/live/square/opus-low.mp4?probe"]
        async with asyncio.timeout(10):
            while stage.packets < 50:
                await asyncio.sleep(0.05)
        edge.event("source", {"source": "hold"})
        await expect(words).to_have_text(re.compile("^The audience hears music"))
        edge.event("source", {"source": "live"})
        await expect(light).to_have_attribute("data-heard", "yes")
        stage.frozen = True
        await expect(words).to_have_text(re.compile("^The stage does not answer right now"))
        stage.frozen = False
        await expect(light).to_have_attribute("data-heard", "yes")
        await page.click("#mute")
        await expect(words).to_have_text("The audience does not hear you: you are muted.")
        assert stage.names()[-1] == "mute"


async def test_a_host_does_not_go_on_stage_by_a_reload_after_stepping_down(
    stage: FakeStage,
) -> None:
    async with opened() as page:
        await go_in(page, stage)
        await page.click("#step-down")
        await expect(page.locator("#place")).to_have_text("You are backstage")
        await page.reload()
        await expect(page.locator("#go-up")).to_be_visible()
        assert stage.names() == ["accept", "backstage"]


async def test_a_speaker_waits_raises_a_hand_and_is_asked(stage: FakeStage) -> None:
    async with opened() as page:
        await go_in(page, stage, "speaker-link")
        await expect(page.locator("#desk")).to_be_hidden()
        await expect(page.locator("#light-words")).to_have_text(re.compile("^You are backstage"))
        await page.click("#raise")
        await page.fill("#question", "Who pays?")
        await page.keyboard.press("Enter")
        await expect(page.locator("#said")).to_have_text("Too many hands.")
        assert stage.commands[-1]["question"] == "Who pays?"
        await stage.tell({"type": "invited"})
        await page.click("#accept")
        await expect(page.locator("#place")).to_have_text("You are on stage")
        await expect(page.locator("#invited")).to_be_hidden()


async def test_a_host_steers(stage: FakeStage) -> None:
    async with opened() as page:
        await go_in(page, stage)
        otto = page.locator(".person", has_text="Otto Lind")
        await otto.locator("summary").press("Enter")
        await otto.get_by_role("button", name="Mute").focus()
        await page.keyboard.press("Enter")
        await expect(otto.locator(".role")).to_have_text("Co-host · muted")
        await page.locator(".person", has_text="Lena Roth").locator("summary").click()
        await page.get_by_role("button", name="Remove from the room").click()
        await expect(page.locator("#ask-remove")).to_contain_text("Lena Roth")
        await page.keyboard.press("Escape")
        assert "remove" not in stage.names()
        await page.locator(".person", has_text="Lena Roth").locator("summary").click()
        await page.get_by_role("button", name="Remove from the room").click()
        await page.get_by_role("button", name="Remove", exact=True).click()
        await expect(page.locator(".person", has_text="Lena Roth")).to_have_count(0)
        await expect(page.locator("#reach")).to_have_text("12,431 listeners · 7 people wait")
        stage.hands_up = 1_000
        await expect(page.locator("#hands-up")).to_have_text("1,000 hands are up")
        await page.get_by_role("button", name="Call up Jo").click()
        await page.click("#new-link")
        await page.fill("#link-name", "Kim")
        await page.select_option("#link-role", "moderator")
        await page.get_by_role("button", name="Make a link").click()
        await expect(page.locator("#link-url")).to_have_value("http://stage/s/square#i=new")
        assert stage.commands[-1]["role"] == "moderator"
        await page.get_by_role("button", name="Close").click()
        stage.facts["live_ms"] = 5
        await page.click("#lock")
        await expect(page.locator("#lock")).to_have_attribute("aria-pressed", "true")
        await page.click("#edit-notice")
        await page.fill("#notice-text", "We begin at eight.")
        await page.keyboard.press("Enter")
        await expect(page.locator("#notice")).to_have_text("We begin at eight.")
        await page.click("#end")
        await page.keyboard.press("Escape")
        assert stage.names()[-1] == "notice"
        await page.click("#end")
        await page.get_by_role("button", name="End the room").click()
        await expect(page.locator("#trouble-words")).to_have_text("This room has ended.")
        recording = page.get_by_role("link", name="Listen to the recording")
        await expect(recording).to_have_attribute("href", f"{stage.edge}/r/square")
        manage = page.get_by_role("link", name="Manage the room")
        await expect(manage).to_have_attribute("href", "http://web/rooms/square")
        assert stage.names() == (
            ["accept", "mute_other", "remove", "call", "link", "lock", "notice", "end"]
        )


async def test_an_open_menu_stays_under_the_finger_when_its_person_changes(
    stage: FakeStage,
) -> None:
    async with opened() as page:
        await go_in(page, stage)
        lena = page.locator(".person", has_text="Lena Roth")
        await lena.locator("summary").click()
        await lena.get_by_role("button", name="Remove from the room").focus()
        await stage.change("lena", place="stage")
        await expect(page.locator("#on-stage .person", has_text="Lena Roth")).to_be_visible()
        await expect(lena.get_by_role("button", name="Ask on stage")).to_have_count(0)
        await expect(lena.get_by_role("button", name="Send backstage")).to_be_visible()
        await expect(lena.get_by_role("button", name="Remove from the room")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(lena.get_by_role("button", name="Send backstage")).to_be_hidden()


async def test_a_host_delays_the_broadcast_and_takes_back_what_was_said(stage: FakeStage) -> None:
    async with opened() as page:
        await go_in(page, stage)
        await expect(page.locator("#dump")).to_be_hidden()
        await page.select_option("#delay", "5")
        await expect(page.locator("#air-words")).to_contain_text("5 seconds later")
        await stage.set_state("live")
        await expect(page.locator("#air-words")).to_contain_text("5.0 s later")
        await page.keyboard.press("Alt+Shift+KeyD")
        await expect(page.locator("#dump-said")).to_contain_text("Taken back")
        await page.click("#dump")
        await page.select_option("#delay", "0")
        await page.keyboard.press("Escape")  # not while live, then
        await expect(page.locator("#delay")).to_have_value("5")
        await page.select_option("#delay", "3")
        await page.get_by_role("button", name="Change it").click()
        await expect(page.locator("#air-words")).to_contain_text("3.0 s later")
        assert stage.names() == ["accept", "delay", "dump", "dump", "delay"]
        assert stage.commands[-1]["sure"] is True


async def test_a_second_tab_takes_over_and_the_first_can_take_back(stage: FakeStage) -> None:
    async with opened() as first:
        await go_in(first, stage)
        second = await first.context.new_page()
        await join(second, stage)
        await expect(first.locator("#trouble-words")).to_have_text(re.compile("in another tab"))
        await expect(first.locator("#step-room")).to_be_hidden()
        await first.get_by_role("button", name="Use it here").click()
        await expect(first.locator("#step-room")).to_be_visible()
        await expect(second.locator("#trouble-words")).to_have_text(re.compile("in another tab"))


async def test_it_comes_back_by_itself_and_keeps_the_seat(stage: FakeStage) -> None:
    async with opened() as page:
        await go_in(page, stage)
        offers = stage.calls.count("rtc")
        stage.refuse = problem(503, "starting")
        await stage.change("amina", connected=False)  # it forgot our sound, as after a restart
        await stage.drop()
        await expect(page.locator("#connection")).to_have_text(re.compile("Your seat is kept"))
        stage.refuse = None
        await expect(page.locator("#connection")).to_have_text("")
        await expect(page.locator(".person[data-away]", has_text="You")).to_have_count(0)
        assert stage.calls.count("rtc") > offers
        await page.reload()
        await expect(page.locator("#place")).to_have_text("You are on stage")
        await expect(page.locator(".person[data-away]", has_text="You")).to_have_count(0)
        assert stage.calls.count("join") == 1
        assert stage.names() == ["accept"]


async def test_what_is_muted_elsewhere_stays_muted(stage: FakeStage) -> None:
    async with opened() as page:
        await go_in(page, stage)
        await stage.change("amina", muted=True)
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await page.reload()
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await page.click("#mute")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "false")
        assert stage.names() == ["accept", "unmute"]


@pytest.mark.parametrize(
    ("link", "words"),
    [
        ("", "The link is not whole"),
        ("#i=forged", "This invitation is not for this room"),
    ],
)
async def test_a_bad_link_is_said_plainly(stage: FakeStage, link: str, words: str) -> None:
    async with opened() as page:
        await page.goto(f"{stage.url}/s/square{link}")
        if link:
            await page.fill("#name", "Amina")
            await page.click("#join-form button")
        await expect(page.locator("#trouble-words")).to_contain_text(words)


async def test_an_unknown_room_and_an_ended_one_are_pages(stage: FakeStage) -> None:
    async with opened() as page:
        answer = await page.goto(f"{stage.url}/s/nowhere#i=host-link")
        assert answer
        assert answer.status == 404
        await expect(page.locator("h1")).to_have_text("There is no such room on this stage")
        stage.facts["state"] = "ended"
        await page.goto(f"{stage.url}/s/square#i=host-link")
        await expect(page.locator("main")).to_contain_text("This room has ended.")


# ------------------------------------------------------------ why a microphone is off


def stage_said(stage: FakeStage) -> list[str]:
    """What the page reported of its microphone."""
    return [each["trouble"] for each in stage.commands if each["command"] == "microphone"]


async def told(page: Page, words: str) -> None:
    await expect(page.locator("#microphone-trouble")).to_contain_text(words, timeout=12_000)


async def test_refused_and_in_without_a_microphone(stage: FakeStage) -> None:
    async with opened(REFUSED) as page:
        await join(page, stage)
        await told(page, "was told not to give the microphone")
        await expect(page.locator("#retry-microphone")).to_be_visible()
        await page.get_by_role("button", name="Go in without a microphone").click()
        await expect(page.locator("#light-words")).to_have_text(
            "The audience does not hear you: your microphone is off."
        )


async def test_none_found(stage: FakeStage) -> None:
    async with opened(NO_DEVICE) as page:
        await join(page, stage)
        await told(page, "No microphone was found")


async def test_no_secure_origin(stage: FakeStage) -> None:
    port = stage.url.rsplit(":", 1)[1]
    arguments = (*BEEPS, "--host-resolver-rules=MAP stage.example 127.0.0.1")
    stage.url = f"http://stage.example:{port}"
    async with opened(arguments) as page:
        await join(page, stage)
        await told(page, "secure pages only")


def recorded(path: Path, sound: NDArray[np.float64]) -> tuple[str, ...]:
    """Arguments for a Chromium whose microphone says this, 48 kHz, over and over."""
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 48_000, 0, "NONE", ""))
        out.writeframes((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())
    return (*BEEPS, f"--use-file-for-fake-audio-capture={path}")


async def test_silent_for_five_seconds(stage: FakeStage, tmp_path: Path) -> None:
    async with opened(recorded(tmp_path / "silence.wav", np.zeros(48_000))) as page:
        await join(page, stage)
        await told(page, "on but silent")


async def test_too_loud_is_said_to_the_speaker_and_to_the_hosts(
    stage: FakeStage, tmp_path: Path
) -> None:
    """The browser's own gain control is off: a fake microphone is not a distorting one."""
    time = np.arange(96_000) / 48_000
    shout = 3 * np.sin(2 * np.pi * 300 * time) * (np.sin(2 * np.pi * 2 * time) > 0)
    async with opened(recorded(tmp_path / "loud.wav", shout)) as page:
        await page.add_init_script(PLAIN)
        await join(page, stage)
        await told(page, "the sound is distorted")
        await page.click("#enter")
        async with asyncio.timeout(10):
            while "clipping" not in stage_said(stage):
                await asyncio.sleep(0.05)
        await stage.tell({"type": "microphones", "microphones": {"otto": "quiet"}, "echoes": {}})
        otto = page.locator(".person", has_text="Otto Lind")
        await expect(otto).to_contain_text("microphone too quiet")


async def test_in_use_or_unplugged(stage: FakeStage) -> None:
    async with opened() as page:
        await page.add_init_script(
            "const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);"
            "window.busy = true;"
            "navigator.mediaDevices.getUserMedia = async (wanted) => {"
            "  if (window.busy) throw new DOMException('', 'NotReadableError');"
            "  return (window.stream = await real(wanted));"
            "};"
        )
        await join(page, stage)
        await told(page, "in use by another program")
        await page.evaluate("window.busy = false")
        await page.click("#retry-microphone")
        await expect(page.locator("#microphone-trouble")).to_have_text("")
        await page.evaluate("window.stream.getTracks()[0].dispatchEvent(new Event('ended'))")
        await told(page, "was unplugged")


# ------------------------------------------------------------ nobody is barred


async def test_a_host_comes_in_mutes_and_asks_for_the_end_by_keyboard_alone(
    stage: FakeStage,
) -> None:
    async with opened(viewport={"width": 320, "height": 640}) as page:
        await page.goto(f"{stage.url}/s/square?lang=ar#i=host-link")
        await tab_to(page, "#name")
        await page.keyboard.press("Control+A")
        await page.keyboard.type("أمينة")
        await page.keyboard.press("Enter")
        await expect(page.locator("#microphones option")).not_to_have_count(0)
        await tab_to(page, "#enter")
        await page.keyboard.press("Enter")
        await expect(page.locator(".person")).to_have_count(3)
        await tab_to(page, "#mute")
        await page.keyboard.press("Space")
        await expect(page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await tab_to(page, "#end")
        await page.keyboard.press("Enter")
        await expect(page.locator("#ask-end")).to_be_visible()
        await page.keyboard.press("Escape")
        assert "mute" in stage.names()
        assert "end" not in stage.names()


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark"), ("de", "light")])
async def test_nothing_bars_anyone(
    stage: FakeStage, edge: FakeEdge, language: str, scheme: str
) -> None:
    edge.roster = [Participant("otto", "Otto Lind", "cohost", "stage")]
    async with opened(viewport={"width": 320, "height": 720}, color_scheme=scheme) as page:
        await page.goto(f"{stage.url}/s/square?lang={language}#i=host-link")
        assert await barriers(page) == []
        await page.fill("#name", "أمينة" if language == "ar" else "Amina")
        await page.click("#join-form button")
        await expect(page.locator("#microphones option")).not_to_have_count(0)
        assert await barriers(page) == []
        await page.click("#enter")
        await expect(page.locator(".person")).to_have_count(3)
        await stage.tell({"type": "invited"})
        assert await barriers(page) == []
        for button, dialog in (("#new-link", "#ask-link"), ("#end", "#ask-end")):
            await page.click(button)
            await expect(page.locator(dialog)).to_be_visible()
            assert await barriers(page) == []
            await page.keyboard.press("Escape")
