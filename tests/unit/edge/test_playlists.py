"""A checker of RFC 8216bis rules over the playlists of a room's life."""

import re
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.edge.sound import playlists
from hustings.edge.sound.playlists import Cue, Window

EPOCH = 1_800_000_000_000


def window(next_part: int, *, ended: bool = False, kept: int = 125) -> Window:
    return Window(max(0, next_part - kept), next_part, EPOCH, ended)


def attributes(text: str) -> dict[str, str]:
    pairs = re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)(?:,|$)', text)
    assert ",".join(f"{k}={v}" for k, v in pairs) == text
    return {k: v.strip('"') for k, v in pairs}


class Playlist:
    """A parsed media playlist: tags once each, segments with their parts in order."""

    def __init__(self, data: bytes) -> None:
        lines = data.decode().splitlines()
        assert data.endswith(b"\n")
        assert lines[0] == "#EXTM3U"
        self.tags: dict[str, str] = {}
        self.reports: list[dict[str, str]] = []
        self.segments: list[dict[str, Any]] = []
        parts: list[dict[str, str]] = []
        seconds = 0.0
        for line in lines[1:]:
            name, _, value = line.partition(":")
            if name == "#EXT-X-PART":
                parts.append(attributes(value))
            elif name == "#EXTINF":
                seconds = float(value.rstrip(","))
            elif name == "#EXT-X-RENDITION-REPORT":
                self.reports.append(attributes(value))
            elif line.startswith("#"):
                assert name not in self.tags, f"{name} twice"
                self.tags[name] = value
            else:
                self.segments.append({"uri": line, "seconds": seconds, "parts": parts})
                parts, seconds = [], 0.0
        self.rest = parts
        self.ended = "#EXT-X-ENDLIST" in self.tags
        self.msn = int(self.tags["#EXT-X-MEDIA-SEQUENCE"])

    @property
    def last(self) -> tuple[int, int]:
        """MSN and part index of the last thing listed."""
        if self.rest:
            return self.msn + len(self.segments), len(self.rest) - 1
        return self.msn + len(self.segments) - 1, 11


def check(playlist: Playlist, *, low_latency: bool = True) -> None:
    """The rules of one playlist."""
    tags = playlist.tags
    assert int(tags["#EXT-X-VERSION"]) >= 9
    target = int(tags["#EXT-X-TARGETDURATION"])
    control = attributes(tags["#EXT-X-SERVER-CONTROL"])
    assert control["CAN-BLOCK-RELOAD"] == "YES"
    assert float(control["HOLD-BACK"]) >= 3 * target
    for i, segment in enumerate(playlist.segments):
        assert round(segment["seconds"]) <= target
        assert segment["uri"].split(".")[0] == str(playlist.msn + i)
        assert segment["uri"].endswith(f"?e={EPOCH:x}")
    if not low_latency:
        return
    part_target = float(attributes(tags["#EXT-X-PART-INF"])["PART-TARGET"])
    assert float(control["PART-HOLD-BACK"]) >= 3 * part_target
    assert attributes(tags["#EXT-X-MAP"])["URI"] == "init.mp4"
    listed = [*playlist.segments, {"seconds": None, "parts": playlist.rest}]
    for i, segment in enumerate(listed):
        durations = [float(part["DURATION"]) for part in segment["parts"]]
        assert all(0.85 * part_target <= seconds <= part_target for seconds in durations)
        assert all(part["INDEPENDENT"] == "YES" for part in segment["parts"])
        if durations and segment["seconds"] is not None:
            assert sum(durations) == pytest.approx(segment["seconds"])
        if durations:
            after = sum(s["seconds"] for s in playlist.segments[i + 1 :])
            assert after <= 3 * target, "parts only near the live edge"
    numbers = [int(re.findall(r"\d+", p["URI"])[0]) for s in listed for p in s["parts"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True
    if not playlist.ended:
        hint = attributes(tags["#EXT-X-PRELOAD-HINT"])
        assert hint["TYPE"] == "PART"
        assert not numbers or hint["URI"] == f"part/{numbers[-1] + 1}.m4s?e={EPOCH:x}"
        for report in playlist.reports:
            assert (int(report["LAST-MSN"]), int(report["LAST-PART"])) == playlist.last


def check_follows(before: Playlist, after: Playlist) -> None:
    """The rules from one playlist to the next: nothing changes, only leaves at the front."""
    assert after.msn >= before.msn
    shift = after.msn - before.msn
    for old, new in zip(before.segments[shift:], after.segments, strict=False):
        assert (old["uri"], old["seconds"]) == (new["uri"], new["seconds"])
    date = "#EXT-X-PROGRAM-DATE-TIME"
    moved = datetime.fromisoformat(after.tags[date]) - datetime.fromisoformat(before.tags[date])
    assert moved.total_seconds() == pytest.approx(shift * 3.84, abs=0.002)
    assert after.last > before.last


@pytest.mark.parametrize("rendition", ["aac", "opus", "opus-low"])
@pytest.mark.parametrize("start", [1, 337_500])
def test_a_rooms_life_follows_the_rules(rendition: str, start: int) -> None:
    before = None
    for n in range(start, start + 150):
        playlist = Playlist(playlists.media(rendition, window(n)))
        check(playlist)
        assert playlist.last == divmod(n - 1, 12)
        assert len(playlist.reports) == 2
        if before:
            check_follows(before, playlist)
        before = playlist


def test_a_full_window_is_six_segments_and_parts_in_the_last_three() -> None:
    playlist = Playlist(playlists.media("aac", window(1_000)))
    assert [len(s["parts"]) for s in playlist.segments] == [0, 0, 0, 0, 12, 12]
    assert len(playlist.rest) == 1_000 % 12
    assert sum(s["seconds"] for s in playlist.segments) >= 3 * 4


@given(st.integers(1, 10**7), st.booleans())
def test_any_window_follows_the_rules(next_part: int, ended: bool) -> None:
    check(Playlist(playlists.media("opus", window(next_part, ended=ended))))
    check(Playlist(playlists.captions(window(next_part, ended=ended))), low_latency=False)


@given(st.integers(100, 10**7), st.booleans())
def test_under_load_only_whole_segments_are_listed(next_part: int, ended: bool) -> None:
    playlist = Playlist(playlists.media("aac", window(next_part, ended=ended), parts=False))
    check(playlist, low_latency=False)
    assert not any(tag.startswith(("#EXT-X-PART", "#EXT-X-PRELOAD")) for tag in playlist.tags)
    assert not any(segment["parts"] for segment in playlist.segments)
    assert playlist.tags["#EXT-X-MAP"]
    whole = Playlist(playlists.media("aac", window(next_part, ended=ended)))
    assert [s["uri"] for s in playlist.segments] == [s["uri"] for s in whole.segments]


@pytest.mark.parametrize(("parts", "tail"), [(36, 3.84), (40, 4 * 0.32)])
def test_an_ended_room_closes_its_list(parts: int, tail: float) -> None:
    playlist = Playlist(playlists.media("aac", window(parts, ended=True)))
    check(playlist)
    assert playlist.ended
    assert "#EXT-X-PRELOAD-HINT" not in playlist.tags
    assert playlist.segments[-1]["seconds"] == pytest.approx(tail)
    assert sum(s["seconds"] for s in playlist.segments) == pytest.approx(parts * 0.32)
    assert Playlist(playlists.captions(window(parts, ended=True))).ended


def test_only_what_is_kept_is_listed() -> None:
    playlist = Playlist(playlists.media("aac", Window(907, 1_000, EPOCH)))
    assert playlist.msn * 12 >= 907


def test_the_date_is_the_rooms_epoch_and_the_number() -> None:
    playlist = Playlist(playlists.media("aac", window(12 * 100)))
    at = datetime.fromisoformat(playlist.tags["#EXT-X-PROGRAM-DATE-TIME"])
    assert at.timestamp() * 1_000 == EPOCH + playlist.msn * 3_840


def test_under_load_newcomers_are_offered_the_lowest_first() -> None:
    text = playlists.multivariant(language="en", low=True).decode()
    assert re.findall(r"^(\S+)/index.m3u8$", text, re.MULTILINE) == ["opus-low", "aac"]


def test_multivariant() -> None:
    text = playlists.multivariant(language="pt-BR").decode()
    streams = [attributes(m) for m in re.findall(r"#EXT-X-STREAM-INF:(.*)", text)]
    assert [s["CODECS"] for s in streams] == ["mp4a.40.2", "opus", "opus"]
    assert all(int(s["BANDWIDTH"]) >= int(s["AVERAGE-BANDWIDTH"]) for s in streams)
    assert {s["SUBTITLES"] for s in streams} == {"captions"}
    assert 'LANGUAGE="pt-BR"' in text
    assert 'LANGUAGE="und"' in playlists.multivariant(language='en"\n#EVIL').decode()


# ---------------------------------------------------------------- waiting


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, None),
        ({"other": "1"}, None),
        ({"_HLS_msn": "8"}, 107),
        ({"_HLS_msn": "8", "_HLS_part": "4"}, 100),
        ({"_HLS_msn": "8", "_HLS_part": "11"}, 107),
        ({"_HLS_msn": "8", "_HLS_part": "12"}, 108),
        ({"_HLS_msn": "8", "_HLS_part": "99"}, 108),
        ({"_HLS_msn": "10", "_HLS_part": "0"}, 120),
        ({"_HLS_msn": "0"}, 11),
    ],
)
def test_what_a_request_waits_for(query: dict[str, str], wanted: int | None) -> None:
    assert playlists.awaited(query, window(100)) == wanted  # last segment: 8


@pytest.mark.parametrize(
    "query",
    [
        {"_HLS_msn": "11"},
        {"_HLS_part": "1"},
        {"_HLS_msn": "x"},
        {"_HLS_msn": "-1"},
        {"_HLS_msn": "1" * 20},
        {"_HLS_msn": "8", "_HLS_part": "²"},
    ],
)
def test_what_can_never_be_is_refused(query: dict[str, str]) -> None:
    with pytest.raises(UserError) as caught:
        playlists.awaited(query, window(100))
    assert caught.value.code == "hls_query"


# ---------------------------------------------------------------- captions


def test_caption_segments() -> None:
    assert playlists.vtt(0) == b"WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"
    start = 7 * 12 * 15_360
    cues = [Cue(start + 24_000, start + 96_000, "A <b> & c\n\n--> d")]
    text = playlists.vtt(7, cues).decode()
    assert f"MPEGTS:{7 * 345_600}" in text
    assert "00:00:00.500 --> 00:00:02.000\nA &lt;b> &amp; c --&gt; d\n" in text
    assert int(re.findall(r"MPEGTS:(\d+)", playlists.vtt(10**6).decode())[0]) < 2**33
