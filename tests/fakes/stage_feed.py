"""A stage as an edge sees it: the index and the feeds over real HTTP, records by the journal's code.

Time is real here. `live()` makes parts at their pace; tests freeze it, cut it, or let it go.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any

import msgspec

from hustings.journal.entry import Entry
from hustings.journal.records import FIRST_LINE, Position, entry_record, position_record
from hustings.media.hold import hold_frames
from hustings.stage.queue import RoomQueue, drawn
from hustings.wire import kinds
from hustings.wire.credentials import EdgeCheck, EdgeSigner
from hustings.wire.names import AAC, MP3, OPUS, OPUS_LOW, PART_SAMPLES, PART_SECONDS
from hustings.wire.places import draw_of, room_second
from hustings.wire.queues import Said
from hustings.wire.tickets import keys_of
from hustings.wire.tokens import Claims
from tests.fakes.entries import Writer

EPOCH_MS = 1_799_999_000_000
MASTER = b"m" * 32
KEYS = keys_of(MASTER, EPOCH_MS / 1_000)
TICKETS = {"tickets": KEYS.line()}
SALT = {"id": "monday", "key": base64.b64encode(b"s" * 32).decode()}


EDGE_KEY = EdgeSigner(b"e" * 32)
EDGES = EdgeCheck(EDGE_KEY.public, ["dismissed"])


def edge_credential(jti: str = "child") -> str:
    """What an edge shows to another one."""
    return EDGE_KEY.sign(Claims(typ="edge", jti=jti, iat=1_700_000_000))


def sound(n: int) -> dict[str, list[bytes]]:
    """Decodable frames that are another part's hold audio, so that they differ from hold `n`."""
    return {
        name: hold_frames(name, n + 15 if name == MP3 else n + 7)
        for name in (OPUS, OPUS_LOW, AAC, MP3)
    }


class StageFeed:
    """Rooms whose journals tests write."""

    def __init__(self, *, first: int = 400) -> None:
        self.first = first
        self.rooms: dict[str, Writer] = {}
        self.queues: dict[str, RoomQueue] = {}
        self.doors = "lobby"
        self.poison: list[dict[str, Any]] = []  # lines of the index, once
        self.opened = 0  # feeds of rooms that were asked for
        self.open = 0
        self.batches: list[dict[str, Any]] = []
        self.gone, self.refused = False, 0  # batches of rooms are not taken any more, and how many
        self.index_s = 0.2  # a real stage: 1
        self.lights: dict[str, Any] = {}  # listeners of all edges, as the index tells
        self.frozen = asyncio.Event()
        self.frozen.set()  # "not frozen": feeds pass
        self.named = asyncio.Event()
        self.named.set()  # the index goes on to the rooms, behind what edges hold for the house
        self.url = ""
        self._began = asyncio.get_running_loop().time()
        self._server: asyncio.Server | None = None
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: set[asyncio.StreamWriter] = set()

    @property
    def media_time(self) -> int:
        passed = asyncio.get_running_loop().time() - self._began
        return self.first * PART_SAMPLES + int(passed * 48_000)

    @property
    def room_second(self) -> float:
        return room_second(EPOCH_MS, self.media_time)

    @staticmethod
    def _room_entry(journal: Writer) -> Entry:
        return next(e for e in reversed(journal.entries) if e.kind == kinds.ROOM)

    def facts(self, name: str) -> dict[str, Any]:
        return self._room_entry(self.rooms[name]).plain()

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """As a kill: all connections break."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def room(
        self, name: str = "demo", *, radio: bool = True, backlog: int = 130, **facts: Any
    ) -> Writer:
        """A live room with a backlog of sound."""
        writer = self.rooms[name] = Writer(name)
        room = kinds.Room(
            name,
            **(
                {"title": "Town hall", "state": "live", "epoch_ms": EPOCH_MS, "radio": radio}
                | facts
            ),
        )
        writer.add(kinds.ROOM, self.drawn(room))
        self.queues[name] = RoomQueue(name)
        now = self.media_time // PART_SAMPLES
        for n in range(max(0, now - backlog), now):
            writer.part(n, **sound(n))
        return writer

    def drawn(self, room: kinds.Room) -> kinds.Room:
        """The room with its draw, as a stage publishes it."""
        return drawn(room, MASTER, self.media_time, doors=self.doors)

    def live(self, name: str = "demo") -> None:
        """Make the room's parts from now on, each at its end."""

        async def make() -> None:
            writer = self.rooms[name]
            n = self.media_time // PART_SAMPLES
            while True:
                wait = (n + 1) * PART_SECONDS - self.media_time / 48_000
                await asyncio.sleep(max(0.0, wait))
                writer.part(n, **sound(n))
                n += 1
                await self.changed()

        task = asyncio.get_running_loop().create_task(make())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def changed(self) -> None:
        """Something was written: tell the feeds."""
        async with self._news:
            self._news.notify_all()

    # ------------------------------------------------------------ HTTP

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split(" ", 2)
                path, _, query = target.partition("?")
                if method == "POST":
                    length = next(
                        int(line.split(":")[1])
                        for line in head.splitlines()
                        if line.lower().startswith("content-length")
                    )
                    said = json.loads(await reader.readexactly(length))
                    if self.gone and path.startswith("/rooms/"):
                        self.refused += 1
                        writer.write(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
                        continue
                    self.batches.append({"path": path, **said})
                    for run, word in said.get("queues", {}).items():
                        queue = msgspec.convert(word, Said, str_keys=True)
                        name = run or said["edge"]
                        self.queues[path.split("/")[2]].hear(name, queue, self.room_second)
                    taken = len(said.get("hands", {}).get("first", []))
                    body = json.dumps({"taken": taken, "wanted": 50}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
                    writer.write(body)
                    continue
                assert "bearer edge-token" in head.lower()
                fields = dict(pair.split("=") for pair in query.split("&") if pair)
                await (
                    self._index(writer)
                    if path == "/feed"
                    else self._feed(writer, path.split("/")[2], fields)
                )
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError, RuntimeError):
            pass
        finally:
            self._connections.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    @staticmethod
    async def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
        if data:
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()

    async def _index(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        told: dict[str, Any] = {}
        await self._lines(writer, [TICKETS, {"edges": EDGES.line()}])
        await self.named.wait()
        while True:
            await self.frozen.wait()
            lines: list[dict[str, Any]] = [] if told else [{"salt": SALT}]
            if self.lights != told.get("reach"):
                told["reach"] = self.lights
                lines.append({"reach": self.lights})
            for name, journal in self.rooms.items():
                entry = self._room_entry(journal)
                if told.get(name) != entry.seq:
                    told[name] = entry.seq
                    facts = entry.plain()
                    lines.append(
                        {
                            "room": name,
                            "title": facts["title"],
                            "state": facts.get("state", "scheduled"),
                            "start_ms": 0,
                            "epoch_ms": facts.get("epoch_ms", 0),
                            "head": len(journal.entries),
                            "media_time": self.media_time,
                            "wall_ms": 1,
                            "facts": facts,
                        }
                    )
            for name, queue in self.queues.items():
                draw = draw_of(self.facts(name))
                if line := queue.step(self.room_second, draw):
                    lines.append({"queue": msgspec.to_builtins(line)})
            lines += self.poison
            self.poison.clear()
            lines.append({"tick": 1})
            await self._lines(writer, lines)
            await asyncio.sleep(self.index_s)

    async def _lines(self, writer: asyncio.StreamWriter, lines: list[dict[str, Any]]) -> None:
        await self._chunk(writer, b"".join(json.dumps(line).encode() + b"\n" for line in lines))

    async def _feed(self, writer: asyncio.StreamWriter, name: str, query: dict[str, str]) -> None:
        journal = self.rooms.get(name)
        if journal is None:
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            return
        at = int(query.get("from", 0))
        known = journal.entries[at - 1].hash.hex() if 0 < at <= len(journal.entries) else ""
        if at and known != query.get("after"):
            body = b'{"code": "fork"}'
            writer.write(
                b"HTTP/1.1 409 Conflict\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n\r\n%b"
                % (len(body), body)
            )
            return
        self.opened += 1
        self.open += 1
        try:
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            await self._chunk(writer, FIRST_LINE)
            await self._records(writer, journal, at)
        finally:
            self.open -= 1

    async def _records(self, writer: asyncio.StreamWriter, journal: Writer, at: int) -> None:
        due = 0.0
        loop = asyncio.get_running_loop()
        while True:
            await self.frozen.wait()
            fresh: list[Entry] = journal.entries[at:]
            data = b"".join(entry_record(entry, reader=0) for entry in fresh)
            at += len(fresh)
            if loop.time() >= due:
                due = loop.time() + 1.0
                data += position_record(Position(self.media_time, 1, len(journal.entries)))
            await self._chunk(writer, data)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.01, due + 0.5 - loop.time())), self._news:
                    await self._news.wait_for(_more(journal, at))


def _more(journal: Writer, at: int) -> Callable[[], bool]:
    return lambda: len(journal.entries) > at
