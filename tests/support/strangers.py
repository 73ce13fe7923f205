"""Crowds of bare clients for one event loop: each is one connection and some numbers.

They leave by a reset (SO_LINGER 0), so that no TIME_WAIT stands in the way of their next
connection, and come from 127.x addresses: each /24 of them is a network to the edge.
"""

import asyncio
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Self, cast

from hustings.media import cmaf
from hustings.wire.names import PART_SAMPLES, PART_SECONDS

_RESET = struct.pack("ii", 1, 0)


_HANG_S = 120.0
OPUS_FRAMES = 16  # of a part
BACKLOG_PARTS = 12  # at most that a newcomer gets at once


def get(path: str, *lines: str) -> bytes:
    """A request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: e", *lines, "", ""]).encode()


STREAM = get("/live/demo/opus.mp4")


class Visit(asyncio.Protocol):
    """One connection, one request: `head` is set when the answer's head is whole, or it ended."""

    def __init__(self, request: bytes, *, stay: bool = False) -> None:
        self.request = request
        self.stay = stay  # go on reading after the head
        loop = asyncio.get_running_loop()
        self.head: asyncio.Future[bytes] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.body = bytearray()
        self.on_data: Callable[[bytes], None] = self.body.extend

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass
        if self.request:
            self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.head.done():
            self.on_data(data)
            return
        self.body += data
        head, mark, rest = self.body.partition(b"\r\n\r\n")
        if mark:
            self.body.clear()
            self.head.set_result(bytes(head))
            if not self.stay:
                self.transport.abort()
            elif rest:
                self.on_data(bytes(rest))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.head.done():
            self.head.set_result(b"")
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def status(self) -> int:
        """Of the answer; 0 if there was none."""
        head = self.head.result() if self.head.done() else b""
        return int(head.split(b" ", 2)[1]) if head else 0

    def field(self, name: str) -> str:
        """A header field of the answer, or ""."""
        for line in self.head.result().decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name:
                return value.strip()
        return ""


async def visit(
    port: int, request: bytes, *, source: str = "", stay: bool = False, buffer: int = 0
) -> Visit:
    """Connect and ask. source: a 127.x address to come from; buffer: SO_RCVBUF."""
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    if buffer:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    loop = asyncio.get_running_loop()
    try:
        if source:
            sock.bind((source, 0))
        await loop.sock_connect(sock, ("127.0.0.1", port))
    except BaseException:
        sock.close()
        raise
    _, protocol = await loop.create_connection(lambda: Visit(request, stay=stay), sock=sock)
    return protocol


async def ask(port: int, request: bytes, *, count: int, at_once: int) -> Counter[int]:
    """`count` visits, so many at a time; returns how often each status came (0: none)."""
    statuses: Counter[int] = Counter()
    left = iter(range(count))

    async def one_after_another() -> None:
        for _ in left:
            here = await visit(port, request)
            await here.head
            statuses[here.status] += 1

    await asyncio.gather(*[one_after_another() for _ in range(at_once)])
    return statuses


class Ears:
    """Listeners who are there all the time, each of whom must miss nothing."""

    def __init__(self, port: int, count: int) -> None:
        self._port = port
        self._count = count

    async def __aenter__(self) -> Self:
        self.visits: list[Visit] = []
        self.parts: list[list[int]] = []
        self._delays: list[float] = []  # of each send, against an even pace
        while len(self.visits) < self._count:
            source = f"127.200.{len(self.visits)}.1"
            each = await visit(self._port, STREAM, stay=True, source=source)
            each.on_data = self._reader(parts := [])
            await each.head
            if each.status == 200:
                self.visits.append(each)
                self.parts.append(parts)
        return self

    async def __aexit__(self, *_: object) -> None:
        for each in self.visits:
            each.transport.abort()

    def _reader(self, parts: list[int]) -> Callable[[bytes], None]:
        pending, boxes = bytearray(), cmaf.BoxReader()
        loop = asyncio.get_running_loop()

        def take(data: bytes) -> None:
            pending.extend(data)
            while True:
                line, mark, rest = bytes(pending).partition(b"\r\n")
                if not mark or len(rest) < (size := int(line, 16)) + 2:
                    return
                del pending[: len(line) + 2 + size + 2]
                for fragment in cmaf.fragments(boxes.feed(rest[:size])):
                    first = fragment.media_time // PART_SAMPLES
                    parts.extend(range(first, first + len(fragment.frames) // OPUS_FRAMES))
                    if len(parts) > BACKLOG_PARTS:
                        self._delays.append(loop.time() - parts[-1] * PART_SECONDS)

        return take

    def lost(self) -> int:
        """Parts that any of them missed, and listeners that were cut off."""
        holes = sum(parts[-1] - parts[0] + 1 - len(parts) for parts in self.parts)
        return holes + sum(each.ended.done() for each in self.visits)

    def late_s(self) -> float:
        """How much later than the quickest a send came, 99th percentile."""
        ranked = sorted(self._delays)
        return ranked[int(0.99 * (len(ranked) - 1))] - ranked[0] if ranked else 0.0

    async def hear(self, count: int) -> None:
        """Until each has heard so many parts more."""
        until = [len(parts) + count for parts in self.parts]
        async with asyncio.timeout(_HANG_S):
            while any(len(p) < n for p, n in zip(self.parts, until, strict=True)):
                await asyncio.sleep(0.05)
