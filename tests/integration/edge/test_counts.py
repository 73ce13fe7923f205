"""Who listens, as an edge counts them and pages are told; on loopback."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from hustings.media import cmaf
from tests.fakes.edges import Client, RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed


@pytest.fixture
async def edge(stage: StageFeed) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url) as running:
        await running.until("rooms.indexed and rooms.salt")
        yield running


async def told(stage: StageFeed, **wanted: Any) -> dict[str, Any]:
    """The first batch from now on that says so."""
    seen = len(stage.batches)
    async with asyncio.timeout(10):
        while True:
            for batch in stage.batches[seen:]:
                if all(batch.get(name) == value for name, value in wanted.items()):
                    return batch
            await asyncio.sleep(0.05)


async def receipt(edge: RunningEdge, **said: Any) -> int:
    body = msgspec.json.encode({"id": "a tab's word", **said})
    return (await edge.get("/live/demo/receipt", method="POST", body=body)).status


async def test_streams_players_and_pages_are_counted_apart(
    edge: RunningEdge, stage: StageFeed
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for name in ("opus.mp4", "aac.mp4", "radio.mp3", "opus-low.mp4", "events"):
            await stack.enter_async_context(edge.stream(f"/live/demo/{name}"))
        await edge.get("/live/demo/aac/index.m3u8", User_Agent="player 1")
        await edge.get("/live/demo/opus/index.m3u8", User_Agent="player 1")
        await edge.get("/live/demo/opus/index.m3u8", User_Agent="player 2")
        await edge.get("/live/demo/aac/index.m3u8?page", User_Agent="page")
        assert await receipt(edge, hears="hls") == 204
        assert await receipt(edge, id="another tab", hears="low", waits=True) == 204
        assert await receipt(edge, id="a third tab", hears="colours") == 400
        batch = await told(stage, now={"live": 3, "low": 2, "hls": 3}, waiting=1)
    assert batch["joins"] == 4
    await told(stage, now={"low": 1, "hls": 3})


async def test_a_crowd_of_hands_makes_small_batches_and_only_the_oldest_go_up(
    edge: RunningEdge, stage: StageFeed
) -> None:
    bodies = [b'{"name": "n%d", "question": "Why?"}' % n for n in range(1_000)]

    async def raise_some(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        for body in mine:
            writer.write(
                b"POST /live/demo/hand HTTP/1.1\r\nHost: e\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 202 " in answer
            length = int(answer.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(raise_some(bodies[n::10]) for n in range(10)))
    async with asyncio.timeout(10):
        while sum(b.get("hands", {}).get("up", 0) == 1_000 for b in stage.batches) < 2:
            await asyncio.sleep(0.05)
    first = [hand["name"] for b in stage.batches for hand in b.get("hands", {}).get("first", [])]
    assert len(first) == len(set(first))
    assert all(len(b.get("hands", {}).get("first", [])) <= 50 for b in stage.batches)
    assert all(len(msgspec.json.encode(b)) < 16_384 for b in stage.batches)


async def test_pages_show_the_listeners_of_all_edges(edge: RunningEdge, stage: StageFeed) -> None:
    async with edge.stream("/live/demo/opus.mp4") as client:
        await client.parts(2)
        stage.lights = {"demo": {"listeners": 12_431, "waiting": 7}}
        event = await reach(client)
        assert event["body"] == {"now": 12_431, "waiting": 7}
        state: Any = (await edge.get("/live/demo/state.json")).json
        assert state["listeners"] == 12_431
        status: Any = (await edge.get("/status/demo.json")).json
        assert (status["listeners"], status["waiting"]) == (12_431, 7)


async def reach(client: Client) -> dict[str, Any]:
    """The next event `reach`."""
    reader = cmaf.BoxReader()
    async with asyncio.timeout(10):
        while True:
            for box in reader.feed(await client.some()):
                if (event := cmaf.event_of(box)) is None:
                    continue
                said: dict[str, Any] = msgspec.json.decode(event.data)
                if said["kind"] == "reach":
                    return said


async def test_F21_one_address_that_raises_a_thousand_hands_is_slowed_and_others_are_not(
    edge: RunningEdge, stage: StageFeed
) -> None:
    edge.edge.door.pressure = lambda: 0.0  # this client's work, in the edge's own process, is none

    async def raised(address: str, name: int) -> tuple[int, str]:
        body = b'{"name": "n%d"}' % name
        reply = await edge.get("/live/demo/hand", method="POST", body=body, X_Forwarded_For=address)
        return reply.status, reply.headers.get("retry-after", "")

    rude = [await raised("203.0.113.9", n) for n in range(1_000)]
    polite = [await raised(f"198.51.100.{n}", n) for n in range(20)]
    assert {status for status, _ in polite} == {202}
    assert {status for status, _ in rude} == {202, 429}
    assert sum(status == 202 for status, _ in rude) <= 30  # 10, and one each 5 s
    assert all(2 <= int(after) <= 120 for status, after in rude if status == 429)
    up = 20 + sum(status == 202 for status, _ in rude)
    async with asyncio.timeout(10):
        while not any(b.get("hands", {}).get("up", 0) == up for b in stage.batches):
            await asyncio.sleep(0.05)


async def test_the_stage_is_told_no_more_of_a_room_once_it_says_that_it_is_over(
    edge: RunningEdge, stage: StageFeed, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hustings.edge.feed.upstream")
    async with edge.stream("/live/demo/events"):
        await told(stage, now={})
        stage.gone = True
        await edge.until("rooms.live['demo'].closed")
        asked = stage.refused
        await edge.get("/live/demo/react", method="POST", body=b'{"name": "x"}')
        await asyncio.sleep(2.5)  # two batches would have gone
    assert stage.refused == asked == 1
    assert [each for each in caplog.messages if "lost" in each] == [
        "batch for demo lost: HTTPStatusError"
    ]
