"""What of a room can be heard again, and the playlists over it."""

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hustings.archive import playlists
from hustings.archive.playlists import Evening, evening
from tests.fakes.evenings import EPOCH_MS, facts


def plain(room: object) -> dict[str, object]:
    return msgspec.to_builtins(room)


def test_a_room_that_was_never_live_has_no_past():
    assert evening({}, 500) is None
    assert evening(plain(facts(10, live_ms=0)), 500) is None
    assert evening(plain(facts(30)), 5) is None


def test_the_evening_begins_with_the_segment_in_which_the_room_went_live():
    assert evening(plain(facts(30)), 100) == Evening(24, 100, EPOCH_MS)
    assert evening(plain(facts(30, 100)), 0) == Evening(24, 101, EPOCH_MS, over=True)


@given(st.integers(0, 10_000), st.integers(1, 5_000), st.booleans())
def test_a_playlist_has_each_complete_part_once_and_in_order(first, parts, over):
    first -= first % 12
    past = Evening(first, first + parts, EPOCH_MS, over)
    text = playlists.media(past).decode()
    numbers = [int(n) for n in re.findall(r"^(\d+)\.m4s", text, re.MULTILINE)]
    lengths = [float(s) for s in re.findall(r"EXTINF:([\d.]+),", text)]
    assert numbers == list(past.segments)
    assert len(lengths) == len(numbers)
    whole = parts if over else parts - parts % 12
    assert abs(sum(lengths) - whole * 0.32) < 0.01 * len(numbers) + 0.01
    assert ("#EXT-X-ENDLIST" in text) == over
    assert f"#EXT-X-MEDIA-SEQUENCE:{first // 12}\n" in text


def test_all_who_ask_get_the_renditions_that_there_are():
    text = playlists.multivariant(("aac", "opus"), "index.m3u8").decode()
    assert re.findall(r"^(\S+)/index.m3u8", text, re.MULTILINE) == ["aac", "opus"]
    assert text.count("#EXT-X-STREAM-INF:") == 2
