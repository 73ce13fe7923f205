"""What another site's editor is told of a link to a room."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.archive.podcast import House
from hustings.base.errors import HustingsError
from hustings.edge.announce.oembed import HEIGHT, WIDTH, oembed, room_asked
from hustings.wire.kinds import Room

EDGE = "https://e.example"
HOUSE = House("House", "About.", "News", f"{EDGE}/i.png", "https://w.example", EDGE)


def test_a_room_here_is_a_frame_with_its_player() -> None:
    room = Room("hall", 'Is "it" <b>?', host="Ada")
    told = oembed(HOUSE, room, {"maxwidth": "300", "maxheight": "9000"})
    assert (told["version"], told["type"], told["title"]) == ("1.0", "rich", room.title)
    assert (told["width"], told["height"]) == (300, HEIGHT[1])
    frame = re.fullmatch(r'<iframe src="([^"]+)" title="([^"]+)" [^<>]*></iframe>', told["html"])
    assert frame
    assert frame[1] == f"{EDGE}/r/hall/embed"
    assert unescape(frame[2]) == room.title


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "page_unknown"),
        ("https://other.example/r/hall", "page_unknown"),
        ("https://e.example.evil.example/r/hall", "page_unknown"),
        ("http://e.example/r/hall", "page_unknown"),
        ("https://e.example/r/hall/embed", "page_unknown"),
        ("https://e.example/status", "page_unknown"),
        ("https://e.example/r/..", "room_name"),
        ("https://e.example/r/", "room_name"),
    ],
)
def test_no_other_address_is_answered(url: str, code: str) -> None:
    with pytest.raises(HustingsError) as refused:
        room_asked({"url": url}, EDGE)
    assert refused.value.code == code


def test_a_rooms_address_with_a_query_is_its_own() -> None:
    assert room_asked({"url": f"{EDGE}/r/hall?t=5#x"}, EDGE) == "hall"
    with pytest.raises(HustingsError) as refused:
        room_asked({"url": f"{EDGE}/r/hall", "format": "xml"}, EDGE)
    assert (refused.value.code, refused.value.problem()["status"]) == ("format_unknown", 501)


@given(st.text(max_size=9), st.text(max_size=9))
def test_a_frame_is_never_larger_or_smaller_than_it_may_be(width: str, height: str) -> None:
    told = oembed(HOUSE, Room("r", "R"), {"maxwidth": width, "maxheight": height})
    assert WIDTH[0] <= told["width"] <= WIDTH[1]
    assert HEIGHT[0] <= told["height"] <= HEIGHT[1]
