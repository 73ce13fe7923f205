"""A replay at the room's own address: its page, its files, ranges of them, whole downloads."""

import asyncio
import gzip
import json
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import podcastparser
import pytest

from hustings.archive.episodes import Episodes
from hustings.archive.podcast import PODCAST, house_of
from hustings.archive.replay import make_replay
from hustings.base.clock import SystemClock
from hustings.edge.past import files as files_module
from hustings.edge.past.places import DownloadPlaces
from hustings.journal.file import Journal
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.settings import PublicUrl, Settings
from hustings.wire import kinds
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.evenings import ROOM, facts, record
from tests.fakes.journals import KEY
from tests.fakes.stage_feed import StageFeed


@pytest.fixture
async def feed() -> AsyncIterator[StageFeed]:
    """A stage with a room that has ended."""
    stage = StageFeed(first=600)
    over = msgspec.to_builtins(facts(401, 500, description="About <b>"))
    stage.room("demo", backlog=0, **{k: v for k, v in over.items() if k not in {"room", "draw"}})
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def house(feed: StageFeed, tmp_path: Path) -> AsyncIterator[RunningEdge]:
    """An edge beside the journal of that room, with its replay."""
    record(tmp_path, range(401, 500))
    make_replay(tmp_path, ROOM)
    async with running_edge(feed.url, archive=str(tmp_path)) as running:
        await running.until("'demo' in rooms.lines")
        yield running


async def test_the_page_of_an_ended_room_is_its_replay(house, tmp_path):
    reply = await house.get("/r/demo")
    html = reply.body.decode()
    assert reply.status == 200
    assert '<audio id="audio" controls preload="metadata" src="/r/demo/audio.m4a">' in html
    assert "Who spoke when" in html
    assert "About &lt;b&gt;" in html
    for name in ("audio.m4a", "audio.opus", "audio.mp3", "audio.wav", "index.json", "timeline.svg"):
        assert f"/r/demo/{name}" in html
    (tmp_path / "replays" / "demo").rename(tmp_path / "elsewhere")
    house.edge.past._shelf._kept.clear()
    assert "This conversation has ended" in (await house.get("/r/demo")).body.decode()


async def test_every_file_is_served_as_it_is(house, tmp_path):
    folder = tmp_path / "replays" / "demo"
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            continue
        name = str(path.relative_to(folder))
        reply = await house.get(f"/r/demo/{name}")
        assert reply.status == 200, name
        assert reply.body == path.read_bytes(), name
        assert reply.headers["content-type"].startswith(("audio/", "application/", "image/"))


@pytest.mark.parametrize(
    "path",
    ["../../rooms/demo/journal", "..", "audio.exe", "aac/..%2findex.json", "sound", ".making"],
)
async def test_nothing_but_a_replays_files_can_be_asked_for(house, path):
    reply = await house.get(f"/r/demo/{path}")
    assert reply.status == 404


async def test_ranges_are_true_bytes_a_block_at_a_time(house, tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "BLOCK", 10_000)
    data = (tmp_path / "replays" / "demo" / "audio.m4a").read_bytes()
    got = bytearray()
    while len(got) < len(data):
        reply = await house.get("/r/demo/audio.m4a", Range=f"bytes={len(got)}-")
        assert reply.status == 206
        last = len(got) + len(reply.body) - 1
        assert reply.headers["content-range"] == f"bytes {len(got)}-{last}/{len(data)}"
        got += reply.body
    assert bytes(got) == data
    reply = await house.get("/r/demo/audio.m4a", Range="bytes=9990-10020")
    assert reply.body == data[9_990:10_000]
    reply = await house.get("/r/demo/audio.m4a", Range="bytes=5-9")
    assert reply.body == data[5:10]
    assert (await house.get("/r/demo/audio.m4a", Range=f"bytes={len(data)}-")).status == 416
    changed = await house.get("/r/demo/audio.m4a", Range="bytes=5-9", If_Range='"other"')
    assert (changed.status, changed.body) == (200, data)
    head = await house.get("/r/demo/audio.m4a", method="HEAD")
    assert int(head.headers["content-length"]) == len(data)


async def test_a_reader_who_stops_holds_one_block_and_not_for_ever(house, monkeypatch):
    monkeypatch.setattr(files_module, "PATIENCE_S", 0.5)
    async with house.stream("/r/demo/audio.wav", buffer=4_096) as slow:
        assert slow.status == 200
        await house.until("not edge.past.files._tasks", seconds=30)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await slow.read()


async def test_downloads_have_a_bound(house):
    house.edge.past.files._places = DownloadPlaces(0)
    reply = await house.get("/r/demo/audio.wav")
    assert (reply.status, reply.json["code"]) == (503, "past_busy")
    assert "retry-after" in reply.headers


async def test_one_address_does_not_take_all_places_from_the_others(house):
    """Readers who take nothing, as seen through a proxy; the places come back when they go."""
    places = house.edge.past.files._places = DownloadPlaces(4)
    greedy, other = {"X_Forwarded_For": "198.51.100.7"}, {"X_Forwarded_For": "203.0.113.1"}
    async with (
        house.stream("/r/demo/audio.wav", buffer=4_096, **greedy) as one,
        house.stream("/r/demo/audio.wav", buffer=4_096, **greedy) as two,
    ):
        assert (one.status, two.status, places.taken) == (200, 200, 2)
        refused = await house.get("/r/demo/audio.wav", **greedy)
        assert (refused.status, refused.json["code"]) == (429, "request_rate")
        assert int(refused.headers["retry-after"]) > 0
        ranged = await house.get("/r/demo/audio.wav", Range="bytes=0-", **greedy)
        assert ranged.status == 206  # whoever only listens is not asked
        whole = await house.get("/r/demo/audio.wav", **other)
        assert whole.status == 200
    await house.until("not edge.past.files._places.taken")


async def test_what_is_taken_back_later_is_served_no_more_until_it_is_made_anew(
    house, feed, tmp_path
):
    before = (await house.get("/r/demo/audio.m4a")).body
    journal = Journal.open(tmp_path / "rooms", ROOM, KEY, SystemClock())
    journal.append(kinds.DUMP, kinds.Dump(420, 430), media_time=500 * 15_360)
    journal.close()
    told = facts(401, 500, erased=[kinds.Erased(420, 430, 1, "a name")])
    feed.rooms["demo"].add(kinds.ROOM, told)
    await feed.changed()
    await house.until("(rooms.facts('demo') or {}).get('erased')")
    for name in ("audio.m4a", "aac/35.m4s", "index.json"):
        assert (await house.get(f"/r/demo/{name}")).status == 404
    assert "This conversation has ended" in (await house.get("/r/demo")).body.decode()
    make_replay(tmp_path, ROOM)
    reply = await house.get("/r/demo/aac/35.m4s")
    assert cmaf.frames_of(reply.body)[:15] == hold_frames("aac", 420)
    made = (tmp_path / "replays" / "demo" / "audio.m4a").read_bytes()
    assert (await house.get("/r/demo/audio.m4a")).body == made != before


async def test_an_edge_elsewhere_serves_the_same_replay(house, feed, tmp_path):
    data = (tmp_path / "replays" / "demo" / "audio.m4a").read_bytes()
    async with running_edge(feed.url, archive=house.url) as far:
        await far.until("'demo' in rooms.lines")
        assert "/r/demo/audio.m4a" in (await far.get("/r/demo")).body.decode()
        assert (await far.get("/r/demo/audio.m4a")).body == data
        reply = await far.get("/r/demo/audio.m4a", Range="bytes=100-199")
        assert reply.body == data[100:200]
        assert (await far.get("/r/demo/index.json", Hustings_Archive="1")).status == 404


def published(data: Path, edge: str) -> bytes:
    """The podcast's feed of what is there, for an edge that people reach at that address."""
    Episodes(data, house_of(Settings(public_url=PublicUrl(edge=edge)))).write()
    return (data / "replays" / PODCAST).read_bytes()


async def test_a_podcast_player_subscribes_downloads_and_plays(house, tmp_path):
    published(tmp_path, house.url)
    reply = await house.get("/podcast.xml")
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/rss+xml; charset=utf-8"
    (tmp_path / "feed.xml").write_bytes(reply.body)
    with (tmp_path / "feed.xml").open("rb") as file:
        (item,) = podcastparser.parse(f"{house.url}/podcast.xml", file)["episodes"]
    (enclosure,) = item["enclosures"]
    path = enclosure["url"].removeprefix(house.url)
    head = await house.get(path, method="HEAD")
    assert int(head.headers["content-length"]) == enclosure["file_size"]
    assert head.headers["content-type"] == enclosure["mime_type"]
    sound = await house.get(path)
    assert len(sound.body) == enclosure["file_size"]
    (tmp_path / "episode.m4a").write_bytes(sound.body)
    probe = ["ffprobe", "-v", "error", "-show_format", "-show_streams", "-of", "json"]
    told = json.loads(subprocess.check_output([*probe, str(tmp_path / "episode.m4a")]))
    assert [
        stream["codec_name"] for stream in told["streams"] if stream["codec_type"] == "audio"
    ] == ["aac"]
    assert abs(float(told["format"]["duration"]) - item["total_time"]) < 1
    assert (await house.get(item["link"].removeprefix(house.url))).status == 200


async def test_the_podcast_may_be_asked_for_again_and_again_for_little(house, tmp_path):
    written = published(tmp_path, house.url)
    reply = await house.get("/podcast.xml")
    data = reply.body
    assert data.startswith(written.rpartition(b"</channel>")[0])  # then who is on
    assert reply.headers["cache-control"] == "public, max-age=60"
    tag = reply.headers["etag"]
    again = await house.get("/podcast.xml", If_None_Match=tag)
    assert (again.status, again.body) == (304, b"")
    assert (await house.get("/podcast.xml", If_None_Match='"other"')).status == 200
    head = await house.get("/podcast.xml", method="HEAD")
    assert (head.status, head.headers["content-length"]) == (200, str(len(data)))
    small = await house.get("/podcast.xml", Accept_Encoding="gzip")
    assert gzip.decompress(small.body) == data
    assert small.headers["etag"] != tag
    assert (await house.get("/podcast.xml/x")).status == 404


async def test_an_edge_elsewhere_has_the_same_podcast_and_none_where_there_is_none(
    house, feed, tmp_path
):
    assert (await house.get("/podcast.xml")).json["code"] == "past_none"
    data = published(tmp_path, "https://edge.example")
    async with running_edge(feed.url, archive=house.url) as far:
        told = (await far.get("/podcast.xml")).body
        assert told.startswith(data.rpartition(b"</channel>")[0])
        assert (await far.get("/podcast.xml", Hustings_Archive="1")).status == 404


async def test_the_page_of_a_replay_names_the_podcast(house):
    html = (await house.get("/r/demo")).body.decode()
    assert '<link rel="alternate" type="application/rss+xml"' in html
    assert '<a href="/podcast.xml" type="application/rss+xml">Podcast feed</a>' in html
