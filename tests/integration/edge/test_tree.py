"""Edges that feed on edges: sound goes down byte for byte, words come up summed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import httpx
import pytest

from hustings.wire import kinds
from hustings.wire.names import OPUS
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import EDGES, StageFeed, edge_credential


@pytest.fixture
async def parent(stage: StageFeed) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url) as running:
        await running.until("rooms.indexed")
        yield running


@contextlib.asynccontextmanager
async def below(parent: RunningEdge, jti: str = "child") -> AsyncIterator[RunningEdge]:
    async with running_edge(parent.url, token=edge_credential(jti)) as running:
        await running.until("rooms.indexed")
        yield running


async def test_three_storeys_and_one_feed_for_each(stage: StageFeed, parent: RunningEdge) -> None:
    async with below(parent) as child, below(parent, "other") as other, below(child) as leaf:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(edge.stream("/live/demo/opus.mp4"))
                for edge in (leaf, leaf, child, other, parent)
            ]
            async with asyncio.TaskGroup() as group:
                heard = [group.create_task(client.parts(8)) for client in clients]
        for task in heard:
            parts = task.result()
            assert parts == list(range(parts[0], parts[0] + 8))
        assert stage.opened == 1
        assert [len(edge.edge.rooms.live["demo"].relay) for edge in (parent, child, leaf)] == [
            2,
            1,
            0,
        ]
        program = leaf.edge.rooms.live["demo"].program  # type: ignore[index]
        n = program.next - 1
        assert program.plain(OPUS, n) == parent.edge.rooms.live["demo"].program.plain(OPUS, n)  # type: ignore[index]
        assert program.counts["hold"] == 0 or program.source == "live"


async def test_events_and_the_rooms_end_come_down(stage: StageFeed, parent: RunningEdge) -> None:
    async with below(parent) as child, child.stream("/live/demo/events") as events:
        ada = kinds.Participant("ada", "Ada Roe", "host", "stage")
        stage.rooms["demo"].add(kinds.ROSTER, kinds.Roster(ada, "on_stage"), at=stage.media_time)
        await stage.changed()
        text = b""
        async with asyncio.timeout(20):
            while b"Ada Roe" not in text:
                text += await events.some()
        ended = kinds.Room("demo", "Town hall", state="ended", epoch_ms=1)
        stage.rooms["demo"].add(kinds.ROOM, ended, at=stage.media_time)
        await stage.changed()
        async with asyncio.timeout(20):
            while data := await events.some():
                text += data
        assert events.whole


async def test_batches_are_summed(stage: StageFeed, parent: RunningEdge) -> None:
    async with (
        below(parent) as child,
        below(parent, "other") as other,
        child.stream("/live/demo/opus.mp4") as one,
        other.stream("/live/demo/opus-low.mp4"),
        parent.stream("/live/demo/opus.mp4"),
    ):
        await one.parts(1)
        raised = await child.get("/live/demo/hand", method="POST", body=b'{"name": "Eve"}')
        assert raised.status == 202
        async with asyncio.timeout(30):
            while True:
                said = [b for b in stage.batches if b["path"] == "/rooms/demo/batch"]
                full = [b for b in said if b.get("now") == {"live": 2, "low": 1}]
                hands = [h["name"] for b in said for h in b.get("hands", {}).get("first", [])]
                if full and "Eve" in hands:
                    break
                await asyncio.sleep(0.1)
        assert len({b["edge"] for b in said}) == 1  # the stage hears one edge


async def test_a_revoked_child_gets_nothing_more_and_its_sister_loses_nothing(
    stage: StageFeed, parent: RunningEdge
) -> None:
    async with (
        below(parent) as child,
        below(parent, "sister") as sister,
        child.stream("/live/demo/opus.mp4") as dismissed,
        sister.stream("/live/demo/opus.mp4") as one,
    ):
        await dismissed.parts(2)
        heard = await one.parts(2)
        stage.poison.append({"edges": EDGES.without(frozenset({"child"})).line()})
        await child.until("not edge.upstream.near")
        assert child.edge.rooms.live["demo"].program.source == "hold"  # type: ignore[index]
        heard += await one.parts(6)
        assert sister.edge.rooms.live["demo"].program.source == "live"  # type: ignore[index]
        assert sister.edge.rooms.live["demo"].program.counts["hold"] == 0  # type: ignore[index]
        assert heard == list(range(heard[0], heard[0] + 8))


async def test_the_parent_dies_and_the_child_goes_on(stage: StageFeed) -> None:
    async with contextlib.AsyncExitStack() as stack:
        first = await stack.enter_async_context(running_edge(stage.url))
        await first.until("rooms.indexed")
        child = await stack.enter_async_context(below(first))
        client = await stack.enter_async_context(child.stream("/live/demo/opus.mp4"))
        before = await client.parts(6)
        await first.edge.close()
        gap = await client.parts(8)  # by its own clock: hold
        assert child.edge.rooms.live["demo"].program.source == "hold"  # type: ignore[index]
        async with running_edge(stage.url, port=first.port):  # its successor on the same address
            async with asyncio.timeout(30):
                while child.edge.rooms.live["demo"].program.source != "live":  # type: ignore[index]
                    gap += await client.parts(1)
            after = await client.parts(4)
        heard = before + gap + after
        assert heard == list(range(heard[0], heard[0] + len(heard)))


@pytest.mark.parametrize(
    ("shown", "status", "code"),
    [
        ("Basic x", 401, "token_missing"),
        ("Bearer edge-token", 401, "token_bad"),
        (f"Bearer {edge_credential('dismissed')}", 403, "token_revoked"),
    ],
)
async def test_strangers_get_nothing(
    parent: RunningEdge, shown: str, status: int, code: str
) -> None:
    headers = {"Authorization": shown}
    async with httpx.AsyncClient(base_url=parent.url, headers=headers, trust_env=False) as http:
        for answer in (
            await http.get("/feed"),
            await http.get("/feed/demo?tail=30s"),
            await http.post("/rooms/demo/batch", json={}),
            await http.post("/report", json={}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_what_a_child_may_ask(parent: RunningEdge) -> None:
    headers = {"Authorization": f"Bearer {edge_credential()}"}
    async with httpx.AsyncClient(base_url=parent.url, headers=headers, trust_env=False) as http:
        async with http.stream("GET", "/feed/demo?tail=30s") as feed:
            assert feed.headers["content-type"] == "application/vnd.hustings.journal"
        for path, status, code in (
            ("/feed/demo?from=3&after=00", 409, "fork"),
            ("/feed/demo?from=x", 400, "feed_from"),
            ("/feed/demo?from=3&after=x", 400, "feed_after"),
            ("/feed/demo?tail=x", 400, "feed_tail"),
            ("/feed/nowhere?tail=30s", 404, "room_unknown"),
            ("/feed/demo/more", 404, "not_found"),
        ):
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (status, code)
        answer = await http.post("/rooms/demo/batch", content=b"no batch")
        assert (answer.status_code, answer.json()["code"]) == (422, "batch_bad")


async def test_a_draining_parent_lets_its_children_go_at_once(
    stage: StageFeed, parent: RunningEdge
) -> None:
    async with below(parent) as child, child.stream("/live/demo/opus.mp4") as client:
        await client.parts(2)
        async with asyncio.timeout(10):
            await parent.edge.drain()
        assert len(parent.edge.rooms.live["demo"].relay) == 0  # type: ignore[index]
        await client.parts(2)


async def test_those_who_wait_below_stand_in_the_one_queue(stage: StageFeed) -> None:
    full = {"listeners": 10, "waiting_share": 0.9}  # one seat
    async with (
        running_edge(stage.url, **full) as parent,
        running_edge(parent.url, token=edge_credential("child"), **full) as child,
        running_edge(child.url, token=edge_credential("leaf"), **full) as leaf,
    ):
        edges = (parent, child, leaf)
        async with contextlib.AsyncExitStack() as seats:
            for edge in edges:
                await edge.until("rooms.indexed")
                await seats.enter_async_context(edge.stream("/live/demo/opus.mp4"))
            for edge in (child, leaf, leaf):
                assert (await edge.get("/live/demo/opus.mp4")).status == 503
            async with asyncio.timeout(15):
                while stage.queues["demo"].waiting != 3:
                    await asyncio.sleep(0.1)
            await leaf.until("edge.waiting.waiting == 3", seconds=15)  # and its word goes down
        async with asyncio.timeout(15):
            while stage.queues["demo"].waiting:  # that seats are free is known above too
                await asyncio.sleep(0.1)
