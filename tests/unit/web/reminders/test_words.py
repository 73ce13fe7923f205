"""What letters say: in each language, in the reader's time, as plain text."""

import json
import re
from typing import get_args

import msgspec
import pytest

from hustings.base.ids import RoomId
from hustings.pages.locales import LANGUAGES
from hustings.web.push.encryption import MOST_BYTES
from hustings.web.reminders.model import Occasion
from hustings.web.reminders.words import Event, moment, push_message, words

START = 1_800_000_000_000  # 15 January 2027, 08:00 UTC
EVENT = Event(
    RoomId("hall"),
    'Rents & "wages" <now>',
    "Ada",
    START,
    "Storm",
    "https://h/r/hall",
    "",
    "https://h",
)


@pytest.mark.parametrize(
    ("language", "zone", "said"),
    [
        ("en", "", "Friday, January 15, 2027, 8:00\u202fAM (UTC)"),
        ("de", "Europe/Berlin", "Freitag, 15. Januar 2027, 09:00 (Berlin, UTC+1)"),
        ("de", "Asia/Tokyo", "Freitag, 15. Januar 2027, 17:00 (Tokio, UTC+9)"),
        ("en", "Asia/Calcutta", "Friday, January 15, 2027, 1:30\u202fPM (Kolkata, UTC+5:30)"),
        ("en", "Etc/GMT+5", "Friday, January 15, 2027, 3:00\u202fAM (UTC-5)"),
        ("ar", "Africa/Cairo", "الجمعة، 15 يناير 2027، 10:00 ص (القاهرة، UTC+2)"),
    ],
)
def test_a_moment_is_the_readers_own_and_says_whose_clock(
    language: str, zone: str, said: str
) -> None:
    assert moment(START, language, zone) == said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("occasion", get_args(Occasion))
def test_every_text_is_whole_and_plain(language: str, occasion: Occasion) -> None:
    for part in ("subject", "body", "text", "ask_subject", "ask_text"):
        more = {"said": "…", "stop": "https://h/stop?t=a&b", "yes": "https://h/yes?t=a&b"}
        text = words(part, EVENT, occasion, language, "Europe/Berlin", **more)
        assert not re.search(r"&\w+;|<time|<bdi|%\(|\{\{", text), text
        assert "\n" not in text or part in {"text", "ask_text"}
    assert EVENT.title in words("subject", EVENT, occasion, language, "")
    assert ("Storm" in words("body", EVENT, occasion, language, "")) == (occasion == "cancelled")


def test_a_mail_reads_like_this() -> None:
    said = words("body", EVENT, "reminder", "en", "Europe/Berlin")
    text = words("text", EVENT, "reminder", "en", "Europe/Berlin", said=said, stop="https://h/x")
    assert text == (
        'Rents & "wages" <now>\n\n'
        "It begins on Friday, January 15, 2027, 9:00\u202fAM (Berlin, UTC+1), with Ada.\n\n"
        "https://h/r/hall\n\n"
        "-- \n"
        "You asked to be reminded of this conversation. Your address is deleted a day after it. "
        "To end this at once:\n"
        "https://h/x"
    )


def test_letters_say_when_the_doors_open_in_their_readers_language() -> None:
    early = msgspec.structs.replace(EVENT, lobby_min=30)
    for occasion in ("reminder", "moved"):
        said = words("body", early, occasion, "en", "")
        assert said.endswith(" The doors open 30 minutes before.")
    assert words("body", early, "reminder", "de", "").endswith(" Einlass ist 30 Minuten vorher.")
    assert "The doors open 30 minutes before." in words("ask_text", early, "reminder", "en", "")
    hours = msgspec.structs.replace(EVENT, lobby_min=120)
    assert "doors open 2 hours before" in words("body", hours, "reminder", "en", "")
    assert "doors" not in words("body", early, "cancelled", "en", "")
    undated = msgspec.structs.replace(early, start_ms=0)
    assert "doors" not in words("ask_text", undated, "reminder", "en", "")


def test_who_is_told_that_it_is_off_reads_when_it_was_to_be() -> None:
    assert words("body", EVENT, "cancelled", "en", "") == (
        "This conversation does not take place. "
        "It was planned for Friday, January 15, 2027, 8:00\u202fAM (UTC). Storm"
    )
    undated = msgspec.structs.replace(EVENT, start_ms=0, why="")
    assert words("body", undated, "cancelled", "en", "") == "This conversation does not take place."


def test_a_room_without_a_start_can_be_asked_about() -> None:
    event = Event(RoomId("hall"), "T", "", 0, "", "https://h/r/hall", "", "https://h")
    text = words("ask_text", event, "reminder", "en", "", yes="https://h/yes")
    assert "\n\nT\n\n" in text


def test_a_push_is_declarative_and_fits_whatever_the_title() -> None:
    event = Event(
        RoomId("hall"),
        "ع" * 200,
        "ع" * 80,
        START,
        "",
        "https://h/r/hall",
        "https://h/i.png",
        "https://h",
    )
    message = push_message(event, "reminder", "ar", "")
    said = json.loads(message)
    assert said["web_push"] == 8030
    assert said["notification"]["navigate"] == "https://h/r/hall"
    assert (said["notification"]["lang"], said["notification"]["dir"]) == ("ar", "rtl")
    assert said["notification"]["icon"] == "https://h/i.png"
    assert len(message) <= MOST_BYTES
