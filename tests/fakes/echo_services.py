"""Stage, edge and web as a proxy sees them: each says who it is and what it was asked."""

import asyncio
import contextlib

import websockets


class Echo:
    """An HTTP/1.1 server that answers with its name, the path and who is said to ask."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.go_on = asyncio.Event()
        self.ready = True  # what /readyz says
        self.asked = 0  # other requests

    async def stop(self):
        """As a kill of an idle service: its port is closed."""
        self._server.close()
        await self._server.wait_closed()

    @contextlib.asynccontextmanager
    async def running(self):
        server = self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            self.go_on.set()
            server.close()

    async def _answer(self, reader, writer):
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = head.split()[1]
            self.asked += path != "/readyz"
            if path.endswith(".mp4"):
                await self._endless(writer)
            elif path == "/readyz" and not self.ready:
                writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
            else:
                headers = dict(
                    line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line
                )
                forwarded = headers.get("x-forwarded-for"), headers.get("x-forwarded-proto")
                body = f"{self.name} {path} {forwarded}".encode()
                writer.write(
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"
                    % (len(body), body)
                )
        writer.close()

    async def _endless(self, writer):
        """A first part at once; the second only when the test has seen the first."""
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await self.go_on.wait()
        writer.write(b"6\r\nsecond\r\n0\r\n\r\n")


@contextlib.asynccontextmanager
async def control_socket():
    """A WebSocket echo; yields its port."""

    async def echo(socket):
        async for message in socket:
            await socket.send(message)

    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
