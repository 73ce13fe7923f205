"""An edge that is to end: who listens goes elsewhere, who does not understand is let go gently."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import httpx
import msgspec

from hustings.base.clock import SystemClock
from hustings.base.listening import bound_socket
from hustings.cli.line import Line
from hustings.cli.lines import line_for
from hustings.edge.app import Edge
from hustings.media import cmaf
from hustings.settings import EdgeSettings, Settings
from hustings.wire.names import PART_SAMPLES, PART_TICKS
from tests.fakes.edges import RunningEdge
from tests.fakes.stage_feed import StageFeed


class Pair:
    """Two edges on one port, as `serve` runs them."""

    def __init__(self, origin: str, **settings: float) -> None:
        own = EdgeSettings(
            origin=origin, token="edge-token", lane_port=0, share_port=True, **settings
        )  # type: ignore[arg-type]
        self.port = 0
        self.edges: list[RunningEdge] = []
        self._settings = Settings(edge=own)

    async def add(self) -> RunningEdge:
        sock: socket.socket = bound_socket("127.0.0.1", self.port, flag="", reuse_port=True)
        self.port = sock.getsockname()[1]
        edge = Edge(self._settings, SystemClock())
        await edge.start(sock, patience_s=10)
        self.edges.append(RunningEdge(edge, self.port))
        return self.edges[-1]


@contextlib.asynccontextmanager
async def pair(origin: str, **settings: float) -> AsyncIterator[Pair]:
    running = Pair(origin, **settings)
    try:
        yield running
    finally:
        for each in running.edges:
            await each.edge.close()


async def hear(line: Line, parts: list[int]) -> None:
    async with contextlib.aclosing(line.pieces()) as pieces:
        async for piece in pieces:
            first = piece.start // PART_SAMPLES
            parts += range(first, first + len(piece.frames) // PART_TICKS)


async def test_listeners_move_without_a_gap_or_a_double(stage: StageFeed) -> None:
    """F30 in small: the line that `listen` and the page's tests follow; nothing breaks."""
    async with pair(stage.url) as house, httpx.AsyncClient() as http:
        old = await house.add()
        lines = [line_for(f"{old.url}/r/demo", http, SystemClock()) for _ in range(20)]
        heard: list[list[int]] = [[] for _ in lines]
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(hear(line, parts))
                for line, parts in zip(lines, heard, strict=True)
            ]
            await old.until("rooms.listeners == 20")
            new = await house.add()
            async with asyncio.timeout(20):
                await old.edge.drain()
            assert old.edge.rooms.listeners == 0
            assert new.edge.rooms.listeners == 20
            await old.edge.close()
            moved = len(heard[0])
            async with asyncio.timeout(20):
                while min(map(len, heard)) < moved + 6:
                    await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
        for line, parts in zip(lines, heard, strict=True):
            assert parts == list(range(parts[0], parts[0] + len(parts)))
            assert line.faults == 0


async def test_it_is_ready_for_nobody_then_takes_nobody_and_ends_with_the_last(
    stage: StageFeed,
) -> None:
    async with pair(stage.url, linger_s=0.5, drain_s=2.0) as house:
        edge = await house.add()
        async with edge.stream("/live/demo/opus.mp4") as deaf, edge.stream("/healthz") as idle:
            assert idle.status == 200
            leaving = asyncio.get_running_loop().create_task(edge.edge.drain())
            await asyncio.sleep(0.1)
            ready = await edge.get("/readyz")  # a balancer must be able to ask
            assert (ready.status, ready.json["code"]) == (503, "edge_draining")  # type: ignore[index]
            assert (await edge.get("/live/demo/state.json")).status == 200
            async with asyncio.timeout(10):
                while True:
                    try:
                        await edge.get("/healthz")
                    except OSError:
                        break
                    await asyncio.sleep(0.05)
            told, whole = await rest(deaf)
            assert told["body"] == {"spread_s": 0.25}
            assert not whole  # no last chunk: a player that knows nothing comes back
            async with asyncio.timeout(5):
                await leaving


async def rest(client: object) -> tuple[dict[str, object], bool]:
    """The event `drain` of a stream, and whether it ended as a room does."""
    reader, told = cmaf.BoxReader(), {}
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
        while data := await client.some():  # type: ignore[attr-defined]
            for box in reader.feed(data):
                event = cmaf.event_of(box)
                body = msgspec.json.decode(event.data) if event else {}
                told = body if body.get("kind") == "drain" else told
    return told, client.whole  # type: ignore[attr-defined]


async def test_the_last_connection_of_a_draining_edge_says_so(stage: StageFeed) -> None:
    async with pair(stage.url) as house:
        edge = await house.add()
        reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
        ask = b"GET %b HTTP/1.1\r\nHost: e\r\n\r\n"
        writer.write(ask % b"/healthz")
        assert b"200" in await reader.readuntil(b"ok\n")
        async with edge.stream("/live/demo/opus.mp4"):
            edge.edge.server.draining = True
            writer.write(ask % b"/live/demo/opus.mp4")
            answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 503")
        assert b"Connection: close" in answer
        assert b"edge_draining" in answer
        writer.close()
