"""Web's pages in Chromium: from the printed link to a room and its links, by the real process."""

import asyncio
import contextlib
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from tests.e2e.barriers import barriers
from tests.e2e.chromium import chromium, phone_page
from tests.e2e.keyboard import tab_to
from tests.fakes.tree import ROOT
from tests.fakes.web_house import House, open_house

pytestmark = pytest.mark.slow


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest.fixture
async def page() -> AsyncIterator[Page]:
    async with phone_page() as each:
        yield each


def url(house: House, path: str) -> str:
    return str(house.browser.base_url).rstrip("/") + path


async def become_host(page: Page, house: House) -> None:
    await page.goto(url(house, f"/start#{await house.services.house.new_code()}"))
    await page.get_by_role("button", name="Come in with this browser").click()
    await expect(page).to_have_url(url(house, "/rooms/new"))


async def make_room(page: Page) -> None:
    await page.fill("#title", "Is the new bridge worth it?")
    await page.fill("#host", "Amina Berg")
    await page.fill("#start", "2027-02-01T19:30")
    await page.fill("#speakers", "Kim Ngo\nليلى حداد")
    await page.get_by_role("button", name="Make the room").click()
    await expect(page.locator("h1")).to_have_text("Is the new bridge worth it?")


async def test_from_the_link_to_the_invitations(page: Page, house: House) -> None:
    await page.goto(url(house, f"/start#{await house.services.house.new_code()}"))
    await expect(page.locator("#code")).to_be_hidden()  # taken from the link
    assert "#" not in page.url
    await page.get_by_role("button", name="Come in with this browser").click()
    await make_room(page)
    await expect(page.get_by_role("status")).to_contain_text("The room is made")
    seats = page.locator(".seat")
    await expect(seats).to_have_count(3)
    assert re.search(r"/s/[\w-]+#i=", await seats.nth(1).locator("input").input_value())
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await seats.nth(1).get_by_role("button", name=re.compile("Copy")).click()
    await expect(seats.nth(1).get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied == await seats.nth(1).locator("input").input_value()
    await house.turn()
    (room,) = house.stage.rooms.values()
    assert room["start_ms"] == 1_801_506_600_000  # 2027-02-01 18:30 UTC


async def test_editing_keeps_the_start_in_ones_own_zone(page: Page, house: House) -> None:
    await become_host(page, house)
    await make_room(page)
    await page.get_by_text("Edit the room").click()
    await expect(page.locator("#start")).to_have_value("2027-02-01T19:30")
    await page.fill("#title", "A better title")
    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("h1")).to_have_text("A better title")
    await house.turn()
    (room,) = house.stage.rooms.values()
    assert (room["title"], room["start_ms"]) == ("A better title", 1_801_506_600_000)


async def test_withdrawing_asks_first(page: Page, house: House) -> None:
    await become_host(page, house)
    await make_room(page)
    kim = page.locator(".seat", has_text="Kim Ngo")
    await kim.get_by_role("button", name=re.compile("Withdraw")).click()
    await page.keyboard.press("Escape")
    await expect(kim.locator("input")).to_be_visible()
    await kim.get_by_role("button", name=re.compile("Withdraw")).click()
    await page.locator("#confirm").get_by_role("button", name="Withdraw").click()
    await expect(kim).to_have_attribute("data-withdrawn", "")
    await house.turn()  # first the room itself
    await house.turn()
    assert len(house.stage.revoked) == 1


async def test_a_room_is_made_by_keyboard_alone(page: Page, house: House) -> None:
    await page.set_viewport_size({"width": 320, "height": 640})
    await page.goto(url(house, f"/start?lang=ar#{await house.services.house.new_code()}"))
    await tab_to(page, "form .primary")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(re.compile("/rooms/new"))
    await tab_to(page, "#title")
    await page.keyboard.type("الجسر")
    await tab_to(page, "#speakers")
    await page.keyboard.type("Kim Ngo")
    await tab_to(page, "form .primary")
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("الجسر")
    await tab_to(page, ".seat:last-child form button")
    await page.keyboard.press("Enter")
    await tab_to(page, "#confirm .danger")
    await page.keyboard.press("Enter")
    await expect(page.locator(".seat:last-child")).to_have_attribute("data-withdrawn", "")


async def test_without_scripts_it_works_too(house: House) -> None:
    code = await house.services.house.new_code()
    async with chromium() as browser:
        context = await browser.new_context(java_script_enabled=False, locale="de-DE")
        page = await context.new_page()
        await page.goto(url(house, "/start"))
        await page.fill("#code", code)
        await page.get_by_role("button", name="Mit diesem Browser eintreten").click()
        await page.fill("#title", "Ohne Skripte")
        await page.get_by_role("button", name="Raum anlegen").click()
        await expect(page.locator("h1")).to_have_text("Ohne Skripte")
        await page.locator(".seat").get_by_role("button", name="Zurückziehen").click()
        await page.get_by_role("button", name="Zurückziehen").click()  # it asks first
        await expect(page.locator(".seat")).to_have_attribute("data-withdrawn", "")


async def test_the_first_start_prints_a_link_that_works(page: Page, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hustings", "web", "--data", str(tmp_path), "--web-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )
    try:
        assert process.stdout
        async with asyncio.timeout(60):
            line = (await process.stdout.readline()).decode()
        found = re.search(r"http://localhost:[1-9]\S+/start#\S+", line)
        assert found, line
        await page.goto(found[0])  # localhost: passkeys are offered
        await page.get_by_role("button", name="Not now: only this browser").click()
        await expect(page.locator("h1")).to_have_text("New room")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        assert await process.wait() == 0


@pytest.mark.parametrize(("language", "scheme"), [("en", "light"), ("ar", "dark"), ("de", "light")])
async def test_nothing_bars_anyone(page: Page, house: House, language: str, scheme: str) -> None:
    await page.set_viewport_size({"width": 320, "height": 720})
    await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in ("/", "/start", "/nothing", "/api/docs"):
        await page.goto(url(house, f"{path}?lang={language}"))
        assert await barriers(page) == [], path
    await become_host(page, house)
    await page.goto(url(house, f"/rooms/new?lang={language}"))
    assert await barriers(page) == []
    answer = await page.request.post(
        url(house, "/rooms"), form={"title": "A room", "address": "hall"}
    )
    assert answer.ok
    for path in ("/", "/all", "/rooms/hall"):
        await page.goto(url(house, f"{path}?lang={language}"))
        assert await barriers(page) == [], path


async def test_the_board_shows_numbers_that_move_and_keeps_nobody_out(
    house: House, page: Page
) -> None:
    await become_host(page, house)
    edge = house.stage.board["edges"][0]
    reach = {"now": 12_431, "live": 12_000, "low": 400, "hls": 31, "hands_up": 9, "peak": 15_000}
    house.stage.board["rooms"][0] |= reach
    edge |= {"listeners": 12_431, "connections": 12_500, "limit": 20_000}
    edge |= {"rung": {"name": "joined_2", "reason": "cpu"}}

    async def pass_s(seconds: int, joins: int, busy: int) -> None:
        house.clock.advance(seconds)
        house.stage.board["wall_ms"] += seconds * 1_000
        edge.update(joins=joins, sent_bytes=joins * 1_000, refusals={"busy": busy})

    await pass_s(5, 100, 0)
    await page.goto(url(house, "/board"))
    await expect(page.locator("#edges")).to_contain_text("paris :8010")
    await pass_s(5, 200, 10)
    await expect(page.locator("#edges")).to_contain_text("20")
    await expect(page.locator("#plot-joins .now")).to_have_text("20")
    await expect(page.locator("#refusals")).to_contain_text("busy")
    await expect(page.locator("#rooms")).to_contain_text("12,431")
    await expect(page.locator("#edges")).to_contain_text("joined_2: cpu")
    assert await barriers(page) == []
    house.stage.away = True
    house.clock.advance(5)
    await expect(page.locator("#trouble")).to_contain_text("does not answer")


@pytest.mark.parametrize("language", ["en", "ar"])
async def test_a_room_is_cancelled_in_two_steps_and_keeps_nobody_out(
    page: Page, house: House, language: str
) -> None:
    await become_host(page, house)
    await make_room(page)
    await house.turn()
    room = urlsplit(page.url).path.rpartition("/")[2]
    await page.goto(url(house, f"/rooms/{room}?lang={language}"))
    await page.locator("#cancel summary").click()
    await page.fill("#why", "The guest is ill.")
    await page.locator("#cancel button").click()
    await expect(page.locator(".card.off")).to_contain_text("The guest is ill.")
    assert await barriers(page) == []
    await expect(page.locator("#restart")).to_have_value("2027-02-01T19:30")
    await expect(page.locator("#restart-zone")).to_have_value("Europe/Berlin")
    await page.fill("#restart", "2027-10-31T02:30")
    await page.locator(".card.off button.primary").click()
    assert await barriers(page) == []
    await page.check("#restart-which-1")
    await page.locator(".card.off button.primary").click()
    await house.turn()
    told = house.stage.rooms[room]
    assert (told["cancelled"], told["start_ms"]) == (False, 1_824_946_200_000)


@pytest.mark.parametrize("language", ["de", "ar"])
async def test_a_hosts_pages_fit_a_small_phone_with_text_twice_as_large(
    page: Page, house: House, language: str
) -> None:
    await become_host(page, house)
    await house.become_host()
    await house.create(speakers="Anneliese Wolkenstein-Trostburg")
    encoder = {"name": "Radio", "role": "speaker", "kind": "whip"}
    await house.browser.post("/rooms/hall/invitations", data=encoder)
    await house.create(address="past", title="Donaudampfschifffahrt im Rathaus")
    await house.turn()
    house.stage.rooms["past"] |= {"state": "ended", "live_ms": 1, "ended_ms": 2}
    await house.turn()
    await page.set_viewport_size({"width": 320, "height": 720})
    for path in ("/", "/rooms/new", "/rooms/hall", "/rooms/past"):
        await page.goto(url(house, f"{path}?lang={language}"))
        await page.evaluate("document.querySelectorAll('details').forEach((d) => (d.open = true))")
        await page.evaluate("document.documentElement.style.fontSize = '200%'")
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (path, wide) == (path, 0)


async def test_days_that_are_typed_are_chosen(page: Page, house: House) -> None:
    await become_host(page, house)
    await page.fill("#keep_days", "30")
    await expect(page.locator("#keep-for")).to_be_checked()
    await page.check("#keep-none")
    await expect(page.locator("#keep_days")).to_have_value("")
