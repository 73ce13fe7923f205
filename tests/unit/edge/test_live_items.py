"""What podcast players are told of evenings that come or are on."""

import io
import xml.etree.ElementTree as ET

import podcastparser
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hustings.archive.podcast import House, feed
from hustings.base.ids import private_id
from hustings.edge.announce.live_items import (
    AHEAD_MS,
    BEHIND_MS,
    ITEMS,
    live_items,
    put_in,
    status_of,
)
from hustings.wire.kinds import Deleted, Guest, Imported, Picture, Room

NOW = 1_800_000_000_000
HOUR = 3_600_000
HOUSE = House("House", "About.", "News", "https://e.example/i.png", "https://w.example", "https://e.example")  # fmt: skip
SPACE = {"podcast": "https://podcastindex.org/namespace/1.0"}


def whole(*rooms: Room) -> bytes:
    return put_in(feed(HOUSE, []), live_items(HOUSE, rooms, NOW))


def items(*rooms: Room) -> list[ET.Element]:
    return ET.fromstring(whole(*rooms)).findall("channel/podcast:liveItem", SPACE)


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ({"start_ms": NOW + HOUR}, "pending"),
        ({"start_ms": NOW + AHEAD_MS}, None),
        ({"start_ms": NOW - HOUR}, "pending"),  # late
        ({"start_ms": NOW - BEHIND_MS}, None),  # nobody opened it
        ({}, None),
        ({"state": "lobby", "epoch_ms": NOW}, "pending"),
        ({"state": "live", "live_ms": NOW}, "live"),
        ({"state": "ended", "live_ms": 5, "ended_ms": NOW - HOUR}, "ended"),
        ({"state": "ended", "live_ms": 5, "ended_ms": NOW - BEHIND_MS}, None),
        ({"state": "ended", "ended_ms": NOW - HOUR}, None),  # never live
        (
            {"state": "ended", "live_ms": 5, "ended_ms": NOW, "imported": Imported("a.mp3", "", 5)},
            None,
        ),
        ({"start_ms": NOW + HOUR, "cancelled_ms": 5}, None),
        ({"state": "live", "rehearsal_of": "hall"}, None),
        ({"state": "live", "room": private_id("soundcheck")}, None),
        ({"state": "ended", "live_ms": 5, "ended_ms": NOW, "deleted": Deleted(5, "host")}, None),
    ],
)
def test_which_rooms_players_see(facts: dict[str, object], status: str | None) -> None:
    room = Room(**{"room": "r", "title": "R", **facts})  # type: ignore[arg-type]
    assert status_of(room, NOW) == status
    assert [each.attrib["status"] for each in items(room)] == ([status] if status else [])


def test_an_item_has_what_the_namespace_asks_for() -> None:
    radio = Room("may", "A debate", start_ms=NOW, live_ms=NOW + 60_000, state="live", host="Ada", radio=True)  # fmt: skip
    (item,) = items(radio)
    assert item.attrib == {
        "status": "live",
        "start": "2027-01-15T08:01:00Z",
        "end": "2027-01-15T09:01:00Z",
    }
    assert [item.findtext(name) for name in ("title", "guid", "link")] == [
        "A debate",
        "urn:hustings:room:may:live",
        "https://e.example/r/may",
    ]
    sound = item.find("enclosure")
    assert sound is not None
    assert sound.attrib["url"] == "https://e.example/live/may/radio.mp3"
    assert sound.attrib["type"] == "audio/mpeg"
    link = item.find("podcast:contentLink", SPACE)
    assert link is not None
    assert link.attrib["href"] == "https://e.example/r/may"
    source = item.find("podcast:alternateEnclosure/podcast:source", SPACE)
    assert source is not None
    assert source.attrib["uri"] == "https://e.example/live/may/index.m3u8"
    (plain,) = items(Room("may", "A debate", start_ms=NOW))
    sound = plain.find("enclosure")
    assert sound is not None
    assert sound.attrib["url"].endswith("/live/may/aac.mp4")


@given(st.text(max_size=200), st.text(max_size=200))
@example("</channel></rss>", "]]>\x00\u202e")
def test_whatever_people_write_the_feed_is_read_by_a_player(title: str, description: str) -> None:
    room = Room("r", title, state="live", live_ms=NOW, description=description, host=title)
    assert len(items(room)) == 1
    found = podcastparser.parse("https://e.example/podcast.xml", io.BytesIO(whole(room)))
    assert found["title"] == "House"
    assert found["episodes"] == []  # who does not know the element sees replays alone


def test_a_feed_without_them_is_unchanged_and_a_long_list_has_an_end() -> None:
    assert whole() == feed(HOUSE, [])
    assert put_in(b"no feed", b"<x/>") == b"no feed"
    many = [Room(f"r{n}", "R", start_ms=NOW + n) for n in range(200)]
    found = [each.findtext("title") for each in items(*many)]
    assert len(found) == ITEMS


def test_a_room_has_its_own_picture_if_it_has_one() -> None:
    picture = Picture("0" * 32, "A bridge", 640, 480)
    one, other = items(
        Room("a", "A", state="live", live_ms=1, picture=picture), Room("b", "B", "live", live_ms=2)
    )
    itunes = "{http://www.itunes.com/dtds/podcast-1.0.dtd}image"
    assert one.find(itunes).attrib["href"] == f"https://e.example/r/a/{picture.file}"  # type: ignore[union-attr]
    assert other.find(itunes) is None


def test_guests_who_are_announced_are_persons_with_their_pictures() -> None:
    guests = [Guest("a", "Bo <b>", picture="a" * 32), Guest("b", "Cy", url="https://cy.example")]
    [item] = items(Room("hall", "Hall", "live", live_ms=NOW, host="Ada", guests=guests))
    persons = [(each.text, dict(each.attrib)) for each in item.findall("podcast:person", SPACE)]
    assert persons == [
        ("Ada", {"role": "host"}),
        ("Bo <b>", {"role": "guest", "img": f"https://e.example/r/hall/guest.{'a' * 32}.jpg"}),
        ("Cy", {"role": "guest", "href": "https://cy.example"}),
    ]
