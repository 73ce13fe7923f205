"""Planned rooms as iCalendar events (RFC 5545, RFC 7986). Pure.

Keeps true: an event's UID is the room's for ever, wherever the house moves, and no other house's;
its SEQUENCE is the room's `revision`, so that a moved or cancelled evening takes the place of what
a calendar has; the same rooms make the same bytes. Served by `edge.announce.announcements`.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from hustings import VERSION
from hustings.archive.podcast import House, plain
from hustings.base.ids import is_private
from hustings.edge.announce.ical import lines, moment, text
from hustings.pages.render import choose_language, render
from hustings.wire.kinds import Room
from hustings.wire.pictures import picture_url
from hustings.wire.wording import told_in, worded

CALENDAR: Final = "calendar.ics"
ICS: Final = ".ics"  # behind a room's name: its event
LENGTH_MS: Final = (
    3_600_000  # nobody knows how long an evening will be; an hour is seen in every view
)
COMING: Final = 400  # of the house's calendar, the next first
PAST: Final = 100
KEPT_MS: Final = 31 * 86_400_000  # after its start an evening stays in the calendar for so long
REFRESH: Final = "PT1H"

_WORDS: Final = 4_000
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")

Property = tuple[str, str]


def listed(rooms: Iterable[Room], now_ms: int) -> list[Room]:
    """Those that the house's calendar shows, by their start; of an endless list the next ones."""
    dated = [
        room
        for room in rooms
        if room.start_ms >= max(1, now_ms - KEPT_MS)
        and not (is_private(room.room) or room.rehearsal_of or room.deleted)
    ]
    dated.sort(key=lambda room: (room.start_ms, room.room))
    coming = [room for room in dated if room.start_ms >= now_ms]
    past = [room for room in dated if room.start_ms < now_ms]
    return [*past[-PAST:], *coming[:COMING]]


def calendar(house: House, rooms: Sequence[Room], *, whole: bool, language: str = "") -> bytes:
    """Rooms with a start as a calendar, each in the words for readers of a language; "": in its own.

    whole: the house's own, which programs come back for.
    """
    return lines(
        [
            ("BEGIN", "VCALENDAR"),
            ("VERSION", "2.0"),
            ("PRODID", f"-//Hustings//Hustings {VERSION}//EN"),
            ("CALSCALE", "GREGORIAN"),
            *(_about(house, language) if whole else ()),
            *(each for room in rooms for each in _event(house, _told(room, language))),
            ("END", "VCALENDAR"),
        ]
    )


def uid(room: Room) -> str:
    """The room's name, and what tells it from a room of that name in another house.

    The draw's commitment is there as soon as there is a room, and made with a secret of its house.
    """
    house = room.draw.commit[:16] if room.draw else ""
    return f"{room.room}-{house}@hustings" if house else f"{room.room}@hustings"


def _about(house: House, language: str) -> Iterator[Property]:
    name = text(plain(house.title) or "Hustings")
    yield "NAME", name
    yield "X-WR-CALNAME", name  # what most programs read still
    yield "DESCRIPTION", text(plain(house.about, _WORDS, lines=True))
    yield "URL", f"{house.web}/"
    yield "SOURCE;VALUE=URI", f"{house.edge}/{CALENDAR}{f'?lang={language}' if language else ''}"
    yield "REFRESH-INTERVAL;VALUE=DURATION", REFRESH
    yield "X-PUBLISHED-TTL", REFRESH


def _told(room: Room, language: str) -> Room:
    """The words, and the language they are in, which an event names."""
    if not worded(room, language):
        return room
    return msgspec.structs.replace(told_in(room, language), language=language)


def _said(room: Room) -> Iterator[str]:
    """What stands above the link."""
    yield room.cancelled_why if room.cancelled_ms else ""
    yield room.description
    yield "\n".join(", ".join(filter(None, (each.name, each.line))) for each in room.guests)
    if room.lobby_min and not room.cancelled_ms:
        yield render("doors.txt", choose_language(room.language), minutes=room.lobby_min).decode()


def _event(house: House, room: Room) -> Iterator[Property]:
    page = f"{house.edge}/r/{room.room}"
    spoken = f";LANGUAGE={room.language}" if _LANGUAGE.fullmatch(room.language) else ""
    said = [plain(each, _WORDS, lines=True) for each in (*_said(room), page)]
    about = "\n\n".join(each for each in said if each)
    revised = moment(room.revised_ms)
    yield "BEGIN", "VEVENT"
    yield "UID", uid(room)
    yield "DTSTAMP", revised
    yield "LAST-MODIFIED", revised
    yield "SEQUENCE", str(room.revision)
    yield "DTSTART", moment(room.start_ms)
    yield "DTEND", moment(room.start_ms + LENGTH_MS)
    yield f"SUMMARY{spoken}", text(plain(room.title) or room.room)
    yield f"DESCRIPTION{spoken}", text(about)
    yield "URL", page
    yield "STATUS", "CANCELLED" if room.cancelled_ms else "CONFIRMED"
    yield "CONFERENCE;VALUE=URI;FEATURE=AUDIO", page
    if room.picture:
        yield "IMAGE;VALUE=URI;DISPLAY=BADGE;FMTTYPE=image/jpeg", picture_url(house.edge, room)
    else:
        yield "IMAGE;VALUE=URI;DISPLAY=BADGE", house.image
    yield "END", "VEVENT"
