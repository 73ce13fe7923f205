"""An edge in the test's loop, and a client that reads what it sends."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import msgspec

from hustings.base.clock import SystemClock
from hustings.edge.app import Edge, listen
from hustings.media import cmaf
from hustings.settings import EdgeSettings, Settings, Tls
from hustings.wire.names import PART_SAMPLES


@contextlib.asynccontextmanager
async def running_edge(
    origin: str, *, tls: Tls | None = None, port: int = 0, **settings: object
) -> AsyncIterator["RunningEdge"]:
    """An edge that follows `origin`, on a port of its own, or a given one."""
    own = {"origin": origin, "token": "edge-token", "lane_port": 0, **settings}
    edge_settings = EdgeSettings(**own)  # type: ignore[arg-type]
    edge = Edge(Settings(edge=edge_settings, tls=tls or Tls()), SystemClock())
    sock = listen("127.0.0.1", port)
    port = sock.getsockname()[1]
    await edge.start(sock)
    try:
        yield RunningEdge(edge, port)
    finally:
        await edge.close()


class RunningEdge:
    def __init__(self, edge: Edge, port: int) -> None:
        self.edge = edge
        self.port = port
        self.url = f"http://127.0.0.1:{port}"

    async def until(self, condition: str, *, seconds: float = 10.0) -> None:
        """Wait until an expression over `edge` and `rooms` is true."""
        async with asyncio.timeout(seconds):
            while not eval(condition, {"edge": self.edge, "rooms": self.edge.rooms}):
                await asyncio.sleep(0.02)

    async def get(
        self, path: str, *, method: str = "GET", body: bytes = b"", **headers: str
    ) -> "Reply":
        """One request on a connection of its own."""
        async with Client(self.port, path, method=method, body=body, **headers) as client:
            return Reply(client.status, client.headers, await client.read())

    def stream(
        self, path: str, *, version: str = "1.1", buffer: int = 0, **headers: str
    ) -> "Client":
        return Client(self.port, path, version=version, buffer=buffer, **headers)


class Reply(msgspec.Struct):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> object:
        return msgspec.json.decode(self.body)


class Client:
    """One HTTP/1.1 request; its body as it comes, chunked or not."""

    def __init__(
        self,
        port: int,
        path: str,
        *,
        method: str = "GET",
        body: bytes = b"",
        version: str = "1.1",
        buffer: int = 0,
        **headers: str,
    ) -> None:
        self.port = port
        fields = {"Host": "edge", "Content-Length": str(len(body)), "Connection": "close"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {path} HTTP/{version}", *[f"{k}: {v}" for k, v in fields.items()]]
        self.request = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        self.method = method
        self.buffer = buffer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.whole = False  # the last chunk came

    async def __aenter__(self) -> Self:
        sock = socket.socket()
        if self.buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except OSError:
            sock.close()
            raise
        self.reader, self.writer = await asyncio.open_connection(sock=sock)
        self.writer.write(self.request)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        self.status = int(lines[0].split()[1])
        self.headers = {
            k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:-1])
        }
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.writer.transport.abort()

    async def some(self) -> bytes:
        """The next bytes of the body; empty at its end."""
        if self.headers.get("transfer-encoding") != "chunked":
            return await self.reader.read(65_536)
        line = await self.reader.readline()
        if not line:
            return b""
        data = await self.reader.readexactly(int(line, 16) + 2)
        self.whole = data == b"\r\n"
        return data[:-2]

    async def read(self) -> bytes:
        """The rest of the body."""
        if self.method == "HEAD" or self.status in {204, 304}:
            return b""
        if "content-length" in self.headers:
            return await self.reader.readexactly(int(self.headers["content-length"]))
        pieces = []
        while data := await self.some():
            pieces.append(data)
        return b"".join(pieces)

    async def read_for(self, seconds: float) -> bytes:
        """What comes within some seconds."""
        data = bytearray()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while piece := await self.some():
                    data += piece
        return bytes(data)

    async def parts(self, count: int) -> list[int]:
        """Numbers of the next parts of a CMAF stream, however it is cut."""
        reader, boxes, numbers = cmaf.BoxReader(), list[cmaf.Box](), list[int]()
        async with asyncio.timeout(30):
            while len(numbers) < count:
                data = await self.some()
                assert data, "the stream ended"
                boxes += reader.feed(data)
                if boxes and boxes[-1].kind == b"mdat":
                    numbers += [f.media_time // PART_SAMPLES for f in cmaf.fragments(boxes)]
                    boxes.clear()
        return numbers
