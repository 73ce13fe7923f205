"""What reminders and notices say, in their reader's language and time; the words are in templates. Pure."""

import html
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from babel.dates import format_date, format_time, get_datetime_format, get_timezone_location

from hustings.base.ids import RoomId
from hustings.pages.locales import direction
from hustings.pages.render import render
from hustings.web.reminders.model import Occasion
from hustings.web.rooms.local_time import offset, zone_named

_TITLE_CHARS: Final = 160  # in a notification, which shows about 60
_BODY_CHARS: Final = 400


class Event(msgspec.Struct, frozen=True):
    """What all who are told of a room read."""

    room: RoomId
    title: str
    host: str
    start_ms: int
    why: str  # it was cancelled
    page: str  # the listeners', for ever the same
    icon: str  # of a picture that may be shown beside it; "": none
    house: str  # base address of web
    lobby_min: int = 0  # so long before the start the doors open; 0: by hand


def moment(wall_ms: int, language: str, zone: str) -> str:
    """Day, hour and whose clock: Tuesday, 5 May 2026, 20:00 (Berlin, UTC+2).

    zone: IANA, the reader's; "": not known, then UTC, since nobody says where a room is.
    """
    clock = zone_named(zone)
    at = datetime.fromtimestamp(wall_ms / 1_000, clock)
    pattern = str(get_datetime_format("medium", locale=language))
    hour = f"{format_time(at, 'short', locale=language)} ({_clock_name(wall_ms, clock, language)})"
    return pattern.replace("{1}", format_date(at, "full", locale=language)).replace("{0}", hour)


def words(
    part: str, event: Event, occasion: Occasion, language: str, zone: str, **more: Any
) -> str:
    """One text of `letter_reminder.html`: subject, body, text (which holds `said`), ask_subject, ask_text."""
    page = render(
        "letter_reminder.html",
        language,
        part=part,
        occasion=occasion,
        event=event,
        minutes=event.lobby_min if event.start_ms else 0,
        moment=moment(event.start_ms, language, zone) if event.start_ms else "",
        **{"stop": "", "yes": "", "said": "", **more},
    )
    return html.unescape(page.decode()).strip()


def push_message(event: Event, occasion: Occasion, language: str, zone: str) -> bytes:
    """A push's payload, in the declarative form that some browsers show without our script.

    Others hand it to `push_worker.js`, which shows the same. Source: WebKit, Declarative Web Push.
    """
    notification = {
        "title": event.title[:_TITLE_CHARS],
        "body": words("body", event, occasion, language, zone)[:_BODY_CHARS],
        "navigate": event.page,
        "lang": language,
        "dir": direction(language),
        "tag": f"hustings-{event.room}",
    }
    if event.icon:
        notification["icon"] = event.icon
    return msgspec.json.encode({"web_push": 8030, "notification": notification})


def _clock_name(wall_ms: int, zone: ZoneInfo, language: str) -> str:
    """City and distance from UTC; of a zone that is named after no place the distance alone."""
    away = "UTC" if zone.key == "UTC" else offset(wall_ms, zone)
    if "/" not in zone.key or zone.key.startswith("Etc/"):
        return away
    city = get_timezone_location(zone, locale=language, return_city=True)
    return f"{city}{'،' if direction(language) == 'rtl' else ','} {away}"
