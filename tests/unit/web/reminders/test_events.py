"""A room as reminders see it."""

from hustings.base.ids import RoomId
from hustings.web.reminders.events import evening_of, event_of
from hustings.web.reminders.model import OFF
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.wire.kinds import Guest, Picture, Room, Words
from hustings.wire.links import Links

LINKS = Links("https://web", "https://stage", "https://edge")
HALL = RoomId("hall")


def planned(**facts: object) -> PlannedRoom:
    room = Room("hall", "Town hall", start_ms=5, **facts)  # type: ignore[arg-type]
    return PlannedRoom(HALL, Wish("Town hall", start_ms=5), True, 1, room)


def test_a_room_that_the_stage_has_not_heard_of_is_as_it_was_wished() -> None:
    wished = PlannedRoom(HALL, Wish("Town hall", host="Ada", start_ms=7), True, 1)
    assert evening_of(wished).told_ms == 7
    event = event_of(wished, LINKS, "en")
    assert (event.title, event.host, event.icon, event.why) == ("Town hall", "Ada", "", "")
    assert event.page == "https://edge/r/hall"


def test_what_is_cancelled_is_known_as_that() -> None:
    off = planned(cancelled_ms=9, cancelled_why="Storm", revision=2, moved_ms=9)
    evening = evening_of(off)
    assert (evening.told_ms, evening.revision, evening.moved_ms) == (OFF, 2, 9)
    assert event_of(off, LINKS, "en").why == "Storm"


def test_its_picture_and_its_title_in_the_readers_language() -> None:
    room = planned(picture=Picture("a" * 32, "", 2, 1), texts={"de": Words("Rathaus", "")})
    assert event_of(room, LINKS, "de").title == "Rathaus"
    assert event_of(room, LINKS, "ar").title == "Town hall"
    assert event_of(room, LINKS, "ar").icon == f"https://edge/r/hall/picture.{'a' * 32}.jpg"


def test_a_notice_shows_the_one_guest_who_agreed_to_it_by_one_rule_for_all() -> None:
    room, bo, cy = Picture("a" * 32, "", 2, 1), "b" * 32, "c" * 32

    def icon(*pictures: str) -> str:
        guests = [Guest(f"g{n}", "G", picture=each) for n, each in enumerate(pictures)]
        return event_of(planned(picture=room, guests=guests), LINKS, "en").icon

    assert icon("", bo, "") == f"https://edge/r/hall/guest.{bo}.jpg"
    assert icon(bo, cy) == icon("") == icon() == f"https://edge/r/hall/{room.file}"
