"""Rewinding at an edge: segments of any hour from the journal's file, a playlist over them all."""

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.wire import kinds
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.evenings import EPOCH_MS, facts, record
from tests.fakes.stage_feed import StageFeed, sound


@pytest.fixture
async def long_stage() -> AsyncIterator[StageFeed]:
    """A stage at part 4,000 of a room that went live with part 12, and a room of the past."""
    feed = StageFeed(first=4_000)
    feed.room(live_ms=EPOCH_MS + 12 * 320)
    over = msgspec.to_builtins(facts(1_200, 1_260))
    feed.room("past", backlog=0, **{k: v for k, v in over.items() if k not in {"room", "draw"}})
    brief = {k: v for k, v in over.items() if k not in {"room", "draw"}}
    feed.room("brief", backlog=0, **(brief | {"keep_days": 0}))  # its deletion is seconds away
    feed.room(
        "taken", live_ms=EPOCH_MS + 12 * 320, erased=[kinds.Erased(1_215, 1_216, 1, "a name")]
    )
    await feed.start()
    yield feed
    await feed.stop()


@pytest.fixture
async def archive(long_stage: StageFeed, tmp_path: Path) -> AsyncIterator[RunningEdge]:
    """An edge on the machine that holds the journals."""
    record(tmp_path, range(1_200, 1_260), holes={1_213})
    for name in ("past", "taken", "brief"):
        (tmp_path / "rooms" / name).symlink_to("demo")
    async with running_edge(long_stage.url, archive=str(tmp_path)) as running:
        await running.until("rooms.indexed")
        yield running


@pytest.mark.parametrize("rendition", CMAF_RENDITIONS)
@pytest.mark.parametrize("room", ["demo", "past"])
async def test_a_segment_of_an_hour_ago_comes_from_the_journal(archive, room, rendition):
    reply = await archive.get(f"/live/{room}/{rendition}/101.m4s")
    assert reply.status == 200
    assert "immutable" not in reply.headers["cache-control"]
    found = cmaf.fragments(list(cmaf.boxes(reply.body)))
    assert [each.media_time // PART_SAMPLES for each in found] == list(range(1_212, 1_224))
    assert found[1].frames == hold_frames(rendition, 1_213)
    assert found[2].frames == sound(1_214)[rendition]


async def test_what_was_taken_back_is_not_heard_even_before_it_is_erased(archive, long_stage):
    async with running_edge(long_stage.url, archive=archive.url) as far:
        await far.until("rooms.indexed")
        for edge in (archive, far):
            reply = await edge.get("/live/taken/opus/101.m4s")
            frames = cmaf.frames_of(reply.body)
            assert frames[32:48] == sound(1_214)["opus"]
            assert frames[48:80] == hold_frames("opus", 1_215) + hold_frames("opus", 1_216)
            assert frames[80:96] == sound(1_217)["opus"]


async def test_the_playlist_goes_back_to_the_beginning_and_every_address_answers(archive):
    reply = await archive.get("/live/demo/dvr.m3u8")
    assert [*re.findall(r"^(\S+)/dvr", reply.body.decode(), re.MULTILINE)] == [
        "aac",
        "opus",
        "opus-low",
    ]
    reply = await archive.get("/live/demo/aac/dvr.m3u8", Accept_Encoding="gzip")
    text = gzip.decompress(reply.body).decode()
    assert "#EXT-X-PLAYLIST-TYPE:EVENT" in text
    addresses = re.findall(r"^(\d+\.m4s\S+)", text, re.MULTILINE)
    assert addresses[0].startswith("1.m4s?e=")
    assert len(addresses) > 330  # 21 minutes of them
    for address in (addresses[0], addresses[101], addresses[-1]):
        reply = await archive.get(f"/live/demo/aac/{address}")
        assert len(cmaf.frames_of(reply.body)) == 12 * 15


async def test_a_room_that_has_ended_is_whole_and_over(archive):
    reply = await archive.get("/live/past/opus/dvr.m3u8")
    text = reply.body.decode()
    assert "#EXT-X-PLAYLIST-TYPE:VOD" in text
    assert text.endswith("#EXT-X-ENDLIST\n")
    last = re.findall(r"^(\d+)\.m4s", text, re.MULTILINE)[-1]
    reply = await archive.get(f"/live/past/opus/{last}.m4s")
    assert len(cmaf.frames_of(reply.body)) == 16  # the part in which it ended
    assert (await archive.get("/live/past/opus/init.mp4")).body == cmaf.init_segment("opus")
    assert (await archive.get("/live/past/opus/999.m4s")).status == 404
    assert (await archive.get("/live/past/opus/x.m4s")).status == 404


async def test_nothing_is_heard_again_of_an_evening_that_is_not_kept(archive):
    for name in ("dvr.m3u8", "aac/dvr.m3u8", "opus/101.m4s", "opus/part/1215.m4s"):
        assert (await archive.get(f"/live/past/{name}")).status == 200
        refused = await archive.get(f"/live/brief/{name}")
        assert refused.status == 404
        assert msgspec.json.decode(refused.body)["code"] in {"past_none", "part_gone"}


async def test_an_edge_elsewhere_asks_the_archive_and_never_in_a_circle(archive, long_stage):
    async with running_edge(long_stage.url, archive=archive.url) as far:
        await far.until("rooms.indexed")
        replies = await asyncio.gather(*(far.get("/live/demo/opus/102.m4s") for _ in range(5)))
        near = await archive.get("/live/demo/opus/102.m4s")
        assert {reply.body for reply in replies} == {near.body}
        asked = await far.get("/live/demo/opus/103.m4s", Hustings_Archive="1")
        assert asked.status == 404


async def test_without_an_archive_the_past_is_gone_and_said_so(long_stage):
    async with running_edge(long_stage.url) as edge:
        await edge.until("rooms.indexed")
        for path in ("dvr.m3u8", "opus/dvr.m3u8", "opus/101.m4s"):
            reply = await edge.get(f"/live/demo/{path}")
            assert reply.status == 404
            assert reply.json["code"] in {"past_none", "part_gone"}


async def test_a_room_that_was_never_live_has_no_past(archive, long_stage):
    long_stage.room("young")
    await long_stage.changed()
    await archive.until("'young' in rooms.lines")
    assert (await archive.get("/live/young/dvr.m3u8")).json["code"] == "past_none"
