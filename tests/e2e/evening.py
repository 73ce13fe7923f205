"""Pages of an evening in real browsers: somebody takes the stage, somebody listens, and what each hears."""

import statistics
from typing import Any

from playwright.async_api import Page

from tests.support.house import House


async def take_the_stage(page: Page, house: House, room: str, role: str, name: str) -> None:
    """Join by an invitation, check the microphone; hosts and co-hosts then are on stage."""
    await page.goto(house.seat_url(room, role, name))
    await page.get_by_role("button", name="Join", exact=True).click()
    await page.get_by_role("button", name="Join the stage").click()
    await page.locator("#on-stage li").filter(has_text=name).wait_for(timeout=20_000)


async def go_live(page: Page) -> None:
    """The host's button."""
    await page.locator("#go-live").click()
    asked = "document.getElementById('ask-live').open"
    live = "document.getElementById('badge').classList.contains('live')"
    await page.wait_for_function(f"() => {asked} || {live}", timeout=10_000)
    if await page.evaluate(f"() => {asked}"):  # a line of the readiness is red
        await page.locator("#ask-live button[value=yes]").click()
    await page.wait_for_function(
        "() => document.getElementById('badge').classList.contains('live')", timeout=10_000
    )


async def onsets(page: Page, where: str, hz: int) -> list[float]:
    """Wall ms at which the coded tone began at that place of the page."""
    found: list[dict[str, Any]] = await page.evaluate("window.taps.onsets")
    return [each["at"] for each in found if each["where"] == where and each["hz"] == hz]


async def power(page: Page, where: str, hz: int) -> float:
    """The greatest power of that tone heard there so far."""
    levels: dict[str, dict[str, float]] = await page.evaluate("window.taps.levels")
    return levels.get(where, {}).get(str(hz), 0.0)


def delays(said: list[float], heard: list[float], *, most_ms: float) -> list[float]:
    """How long after each beginning at the mouth it began at the ear; unmatched ones are left out."""
    found = []
    for at in said:
        after = [each - at for each in heard if 0 < each - at < most_ms]
        if after:
            found.append(min(after))
    return found


def median(values: list[float]) -> float:
    """Of at least one value."""
    assert values, "nothing was heard"
    return statistics.median(values)
