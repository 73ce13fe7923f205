"""Calendars of rooms, as bytes and as a calendar program reads them."""

from datetime import UTC, datetime

import icalendar
import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hustings.archive.podcast import House
from hustings.base.ids import private_id
from hustings.edge.announce.calendar import (
    COMING,
    KEPT_MS,
    LENGTH_MS,
    PAST,
    calendar,
    listed,
    uid,
)
from hustings.edge.announce.ical import lines, moment, text
from hustings.wire.kinds import Deleted, Draw, Room

START_MS = 1_800_000_000_000  # 2027-01-15 08:00 UTC
HOUSE = House(
    title="Town; country, and \\ more",
    about="What is said.",
    category="News",
    image="https://edge.example/static/icon-512.png",
    web="https://house.example",
    edge="https://edge.example",
)
ROOM = Room(
    "hall",
    "Is the bridge worth it, really; or not?",
    description="First line.\nSecond\\line.",
    language="de",
    start_ms=START_MS,
    draw=Draw("ab" * 32),
    revision=3,
    revised_ms=START_MS - 1_000,
)
WORDS = st.text(st.characters(codec="utf-8"), max_size=300)


def parsed(*rooms: Room, whole: bool = True) -> icalendar.Calendar:
    found = icalendar.Calendar.from_ical(calendar(HOUSE, rooms, whole=whole))
    assert isinstance(found, icalendar.Calendar)
    assert not found.errors
    return found


def the_event(room: Room) -> icalendar.Event:
    (event,) = parsed(room).events
    assert not event.errors
    return event


def changed(base: Room = ROOM, **facts: object) -> Room:
    return msgspec.structs.replace(base, **facts)


def test_a_calendar_program_finds_everything() -> None:
    event = the_event(ROOM)
    assert event["UID"] == f"hall-{'ab' * 8}@hustings"
    assert event["SUMMARY"] == ROOM.title
    assert event["SUMMARY"].params["LANGUAGE"] == "de"
    assert event["DESCRIPTION"] == f"{ROOM.description}\n\nhttps://edge.example/r/hall"
    assert event["DTSTART"].dt == datetime(2027, 1, 15, 8, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2027, 1, 15, 9, tzinfo=UTC)
    assert event["DTSTAMP"].dt == event["LAST-MODIFIED"].dt
    assert (event["SEQUENCE"], event["STATUS"]) == (3, "CONFIRMED")
    assert event["URL"] == event["CONFERENCE"] == "https://edge.example/r/hall"
    assert event["CONFERENCE"].params["FEATURE"] == "AUDIO"
    assert event["IMAGE"] == HOUSE.image
    assert event.alarms.times == []  # whether and when somebody is reminded is theirs to say


@pytest.mark.parametrize(
    ("language", "minutes", "said"),
    [
        ("de-CH", 30, "Einlass ist 30 Minuten vorher."),
        ("fr", 1, "The doors open 1 minute before."),
        ("ar", 60, "تُفتح الأبواب قبلها بساعة."),
    ],
)
def test_an_event_says_when_the_doors_open(language: str, minutes: int, said: str) -> None:
    room = changed(language=language, lobby_min=minutes)
    about = str(the_event(room)["DESCRIPTION"])
    assert about == f"{ROOM.description}\n\n{said}\n\nhttps://edge.example/r/hall"
    assert said not in str(the_event(changed(room, cancelled_ms=1))["DESCRIPTION"])
    by_hand = str(the_event(changed(room, lobby_min=0))["DESCRIPTION"])
    assert by_hand == f"{ROOM.description}\n\nhttps://edge.example/r/hall"


def test_the_house_says_its_name_and_when_to_come_back() -> None:
    whole = parsed(ROOM)
    assert whole["NAME"] == whole["X-WR-CALNAME"] == text(HOUSE.title)
    assert whole["REFRESH-INTERVAL"].dt.total_seconds() == 3_600
    assert whole["SOURCE"] == "https://edge.example/calendar.ics"
    assert "METHOD" not in whole  # a PUBLISH would need an organizer's mail address
    assert "NAME" not in parsed(ROOM, whole=False)


def test_a_moved_and_a_cancelled_evening_take_the_place_of_the_one_before() -> None:
    """As RFC 5546 3.2.1 has a client do it: the same UID, the higher SEQUENCE."""
    kept: dict[str, icalendar.Event] = {}
    later = changed(start_ms=START_MS + LENGTH_MS, was_ms=START_MS, revision=4)
    off = changed(later, cancelled_ms=1, cancelled_why="The guest is ill", revision=5)
    for room in (later, ROOM, off):  # the first answer came late, out of a cache
        event = the_event(room)
        old = kept.get(event["UID"])
        if old is None or event["SEQUENCE"] > old["SEQUENCE"]:
            kept[event["UID"]] = event
    (event,) = kept.values()
    assert event["DTSTART"].dt == datetime(2027, 1, 15, 9, tzinfo=UTC)
    assert event["STATUS"] == "CANCELLED"
    assert str(event["DESCRIPTION"]).startswith("The guest is ill\n\nFirst line.")


@given(WORDS, WORDS, WORDS)
@example("x\r\nATTENDEE:mailto:a@b.c", "y\nEND:VEVENT\r\nBEGIN:VALARM", "\u2028\x85z")
@example("ن" * 90, '\\n;,:"', "a\u202eb")
def test_whatever_people_write_is_one_value(title: str, description: str, why: str) -> None:
    room = changed(title=title, description=description, cancelled_ms=1, cancelled_why=why)
    data = calendar(HOUSE, [room], whole=True)
    written = data.split(b"\r\n")
    assert written.pop() == b""
    assert all(len(line) <= 75 for line in written)
    assert not [line for line in written if b"\n" in line or b"\r" in line]
    for line in written:
        line.decode()  # no letter is cut in two
    event = the_event(room)
    assert sorted(event) == sorted(the_event(ROOM))
    assert len(event.subcomponents) == 0
    assert len(str(event["SUMMARY"]).splitlines()) <= 1


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zl", "Zp"]), max_size=400))
def test_folding_and_escaping_lose_nothing(words: str) -> None:
    made = lines([("BEGIN", "VEVENT"), ("SUMMARY", text(words)), ("END", "VEVENT")])
    assert icalendar.Event.from_ical(made)["SUMMARY"] == words


def test_an_arabic_title_is_whole() -> None:
    title = "هل يستحق الجسر الجديد ثمنه؟ " * 6
    assert the_event(changed(title=title))["SUMMARY"] == title.strip()


def test_a_uid_stays_wherever_the_house_is_and_is_no_other_houses() -> None:
    assert uid(ROOM) != uid(changed(draw=Draw("cd" * 32)))
    assert uid(ROOM) == uid(changed(title="x", start_ms=5, revision=9))
    assert uid(ROOM) == uid(changed(draw=Draw("ab" * 32, seed="00", doors_s=5)))
    assert uid(changed(draw=None)) == "hall@hustings"


@pytest.mark.parametrize(
    "facts",
    [
        {"start_ms": 0},
        {"start_ms": START_MS - KEPT_MS - 1},
        {"room": private_id("rehearsal")},
        {"rehearsal_of": "hall"},
        {"deleted": Deleted(at_ms=5, by="host")},
    ],
)
def test_what_is_in_no_calendar(facts: dict[str, object]) -> None:
    assert listed([ROOM], START_MS) == [ROOM]
    assert listed([changed(**facts)], START_MS) == []


def test_of_an_endless_list_the_next_ones_are_shown() -> None:
    rooms = [changed(room=f"r{n}", start_ms=START_MS + (n - 200) * 60_000) for n in range(1_000)]
    shown = listed(reversed(rooms), START_MS)
    assert len(shown) == PAST + COMING
    assert [room.room for room in shown] == [f"r{n}" for n in range(100, 600)]


def test_moments_are_utc_to_the_second() -> None:
    assert moment(START_MS + 999) == "20270115T080000Z"


def test_the_same_rooms_make_the_same_bytes() -> None:
    assert calendar(HOUSE, [ROOM], whole=True) == calendar(HOUSE, [ROOM], whole=True)
