"""The operator's lane: it answers when the edge is full, and only those who run the machine."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from tests.fakes.edges import Client, Reply, RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed


@pytest.fixture
async def edge() -> AsyncIterator[RunningEdge]:
    stage = StageFeed()
    stage.room()
    stage.live()
    await stage.start()
    async with running_edge(stage.url, listeners=2) as running:
        await running.until("rooms.indexed")
        await running.edge.lane.open()
        yield running
    await stage.stop()


async def ask(edge: RunningEdge, path: str, **more: str) -> Reply:
    async with Client(edge.edge.lane.port, path, **more) as client:  # type: ignore[arg-type]
        return Reply(client.status, client.headers, await client.read())


async def test_it_answers_when_the_edge_is_full(edge: RunningEdge) -> None:
    async with edge.stream("/live/demo/opus.mp4"), edge.stream("/live/demo/opus.mp4"):
        assert (await edge.get("/live/demo/opus.mp4")).status == 503
        assert (await ask(edge, "/healthz")).status == 200
        assert (await ask(edge, "/readyz")).status == 200
        status = msgspec.json.decode((await ask(edge, "/status.json")).body)
        assert (status["listeners"], status["stage"]) == (2, "near")
        assert [(each["room"], each["source"]) for each in status["rooms"]] == [("demo", "live")]
        assert b"hustings_edge_listeners 2\n" in (await ask(edge, "/metrics")).body


async def test_it_is_not_for_the_audience_nor_for_web_pages(edge: RunningEdge) -> None:
    assert (await ask(edge, "/live/demo/opus.mp4")).status == 404
    assert (await ask(edge, "/drain")).status == 405
    for mark in ("Origin", "Sec-Fetch-Site"):
        asked = await ask(edge, "/drain", method="POST", **{mark: "null"})
        assert (asked.status, asked.json["code"]) == (403, "origin")  # type: ignore[index]


async def test_the_next_edge_takes_it_when_the_one_before_lets_go(edge: RunningEdge) -> None:
    port = edge.edge.lane.port
    async with running_edge("http://127.0.0.1:9", lane_port=port) as following:
        await asyncio.sleep(0.3)
        assert (await ask(edge, "/readyz")).status == 200
        edge.edge.lane.close()
        async with asyncio.timeout(10):
            while True:
                try:
                    reply = await ask(following, "/readyz")
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        assert reply.status == 503  # it has heard of no stage: another edge indeed
