"""People's own tracks at the room's address: while they agree, and not a moment longer."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import msgspec
import pytest

from hustings.archive.index import Track
from hustings.archive.replay import made, make_replay
from hustings.media.opus import OpusEncoder
from hustings.media.pcm import SILENCE
from hustings.wire import kinds
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.evenings import ROOM, facts, record
from tests.fakes.stage_feed import StageFeed

FRAMES = [OpusEncoder(48_000).encode(SILENCE)] * 16


@pytest.fixture
async def feed() -> AsyncIterator[StageFeed]:
    """A stage with a room that has ended, of which Ada and Ben agreed."""
    stage = StageFeed(first=600)
    over = msgspec.to_builtins(facts(401, 440, tracks=["ada", "ben"]))
    stage.room("demo", backlog=0, **{k: v for k, v in over.items() if k not in {"room", "draw"}})
    await stage.start()
    yield stage
    await stage.stop()


@pytest.fixture
async def house(feed: StageFeed, tmp_path: Path) -> AsyncIterator[RunningEdge]:
    voices = {"ada": {405: FRAMES}, "ben": {410: FRAMES}}
    record(tmp_path, range(401, 440), voices=voices, agreed=["ada", "ben"])
    make_replay(tmp_path, ROOM, formats=("m4a",))
    async with running_edge(feed.url, archive=str(tmp_path)) as running:
        await running.until("'demo' in rooms.lines")
        yield running


def tracks(data: Path) -> list[Track]:
    replay = made(data, ROOM)
    assert replay is not None
    return replay.tracks


async def agree(house: RunningEdge, feed: StageFeed, *who: str) -> None:
    """The stage says who agrees from now on."""
    feed.rooms["demo"].add(kinds.ROOM, facts(401, 440, tracks=list(who)))
    await feed.changed()
    await house.until(f"list((rooms.facts('demo') or {{}}).get('tracks', ())) == {list(who)}")


async def test_the_page_names_them_and_each_is_saved_under_a_name_that_tells(house, tmp_path):
    ada, ben = tracks(tmp_path)
    html = (await house.get("/r/demo")).body.decode()
    assert "Voices by themselves" in html
    assert f'href="/r/demo/{ada.file}"' in html
    assert "<bdi>Ben &lt;b&gt;</bdi>" in html
    reply = await house.get(f"/r/demo/{ben.file}")
    assert reply.body == (tmp_path / "replays" / "demo" / ben.file).read_bytes()
    assert reply.headers["content-type"] == "audio/flac"
    saved_as = reply.headers["content-disposition"]
    assert saved_as.startswith('attachment; filename="demo-track-2.flac"; filename*=')
    assert unquote(saved_as.rpartition("''")[2]) == "demo Ben <b>.flac"
    part = await house.get(f"/r/demo/{ada.file}", Range="bytes=0-3")
    assert (part.status, part.body) == (206, b"fLaC")


async def test_who_agrees_no_more_is_served_no_more_before_anything_is_made_anew(
    house, feed, tmp_path
):
    ada, ben = tracks(tmp_path)
    assert (await house.get(f"/r/demo/{ada.file}")).status == 200
    async with running_edge(feed.url, archive=house.url) as far:
        await far.until("'demo' in rooms.lines")
        assert (await far.get(f"/r/demo/{ada.file}")).status == 200
        await agree(house, feed, "ben")
        await agree(far, feed, "ben")
        for edge in (house, far):
            reply = await edge.get(f"/r/demo/{ada.file}")
            assert (reply.status, reply.json["code"]) == (404, "past_none")
            ranged = await edge.get(f"/r/demo/{ada.file}", Range="bytes=0-99")
            assert ranged.status == 404
            assert (await edge.get(f"/r/demo/{ben.file}")).status == 200
            html = (await edge.get("/r/demo")).body.decode()
            assert ada.file not in html
            assert ben.file in html
            index = (await edge.get("/r/demo/index.json")).json
            assert [each["who"] for each in index["tracks"]] == ["ben"]
            assert (await edge.get("/r/demo/audio.m4a")).status == 200  # the evening itself stays
    await agree(house, feed)
    assert "Voices by themselves" not in (await house.get("/r/demo")).body.decode()


@pytest.mark.parametrize(
    "name", ["tracks/1.flac", "tracks/", "tracks/..", "tracks/" + "0" * 16 + ".flac"]
)
async def test_no_other_file_of_that_folder_can_be_asked_for(house, tmp_path, name):
    (tmp_path / "replays" / "demo" / "tracks" / f"{'0' * 16}.flac").write_bytes(b"stray")
    assert (await house.get(f"/r/demo/{name}")).status == 404
