"""An evening is announced, moved and cancelled: from the stage to a calendar, in the real house."""

import time
from pathlib import Path

import httpx
import icalendar
import pytest

from tests.support.house import House

pytestmark = pytest.mark.slow
START_MS = 4_000_000_000_000


def event(house: House, sequence: int) -> icalendar.Event:
    """As soon as the edge has heard of it: the index is told at once."""
    for _ in range(100):
        answer = httpx.get(f"{house.edge}/r/hall.ics")
        if answer.is_success:
            (found,) = icalendar.Calendar.from_ical(answer.content).events
            if found["SEQUENCE"] == sequence:
                return found
        time.sleep(0.1)
    raise AssertionError(answer.text)


def test_a_calendar_follows_until_the_lobby_is_called_off(tmp_path: Path) -> None:
    with House(tmp_path) as house:
        house.put("hall", title="A debate", start_ms=START_MS, state="scheduled")
        first = event(house, 1)
        house.put("hall", start_ms=START_MS + 3_600_000)
        moved = event(house, 2)
        assert moved["UID"] == first["UID"]
        assert "-" in first["UID"].removesuffix("@hustings")
        assert moved["DTSTART"].dt > first["DTSTART"].dt
        house.put("hall", cancelled=True, cancelled_why="Snow")
        assert event(house, 3)["STATUS"] == "CANCELLED"
        page = httpx.get(f"{house.edge}/r/hall?lang=en").text
        assert "This conversation was cancelled." in page
        speakers = httpx.get(f"{house.stage}/s/hall").text
        assert '<span id="badge" class="badge off">Cancelled</span>' in speakers
        assert house.put("hall", state="lobby").get("state", "scheduled") == "scheduled"
        assert house.put("hall", cancelled=False, state="lobby")["state"] == "lobby"
        assert event(house, 4)["STATUS"] == "CONFIRMED"
        ended = house.put("hall", cancelled=True, cancelled_why="Still snow")
        assert ended["state"] == "ended"
        off = event(house, 5)
        assert (off["UID"], off["STATUS"]) == (first["UID"], "CANCELLED")
        page = httpx.get(f"{house.edge}/r/hall?lang=en").text
        assert "Still snow" in page
        assert "Thank you for listening" not in page
