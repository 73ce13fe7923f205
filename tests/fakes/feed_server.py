"""A stage's feed as a script: each connection is answered by the next function of a list."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from hustings.base.tasks import Tasks


class Answer:
    """One connection: what was asked, and how to answer bit by bit (HTTP/1.1, until close)."""

    def __init__(self, target: str, headers: dict[str, str], writer: asyncio.StreamWriter) -> None:
        self.target, self.headers, self._writer = target, headers, writer

    async def start(self, status: str = "200 OK", **headers: str) -> None:
        lines = [f"HTTP/1.1 {status}", "Connection: close"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def closed(self) -> None:
        """Until the other side has gone."""
        await self._writer.wait_closed()


Script = Callable[[Answer], Awaitable[None]]


@asynccontextmanager
async def scripted_stage(scripts: Sequence[Script]):
    """Yields (base URL, targets asked so far); connections beyond the script wait for ever."""
    asked: list[str] = []
    left = list(scripts)
    open_writers = []

    async def serve(reader, writer):
        open_writers.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        target = first.split(" ")[1]
        asked.append(target)
        if left:
            await left.pop(0)(Answer(target, headers, writer))
            writer.close()

    tasks = Tasks()

    def accept(reader, writer):
        tasks.start(serve(reader, writer), name="scripted stage")

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        server.close()
        await tasks.close()
        for writer in open_writers:
            writer.close()
        await server.wait_closed()
