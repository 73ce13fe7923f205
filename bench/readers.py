"""Many listeners in one process: they read and throw away, and count. Run as a program.

`python -m bench.readers URL COUNT SECONDS` prints one JSON line: connected, bytes, longest silence
of any listener (s), ended early.
"""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

JOINS_A_SECOND = 200


class Reader(asyncio.Protocol):
    """One listener; keeps three numbers."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.bytes = 0
        self.last_s = 0.0
        self.silence_s = 0.0
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.last_s:
            self.silence_s = max(self.silence_s, now - self.last_s)
        self.last_s = now
        self.bytes += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended = True


async def listen(url: str, count: int, seconds: float) -> dict[str, float]:
    """Join at a steady rate, then read until the time is over."""
    parts = urlsplit(url)
    assert parts.hostname in {"127.0.0.1", "::1", "localhost"}, "loopback only"
    request = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
    loop = asyncio.get_running_loop()
    readers: list[Reader] = []
    transports: list[asyncio.BaseTransport] = []
    until = time.monotonic() + seconds
    for number in range(count):
        transport, reader = await loop.create_connection(
            lambda: Reader(request), parts.hostname, parts.port
        )
        readers.append(reader)
        transports.append(transport)
        if number % 20 == 19:
            await asyncio.sleep(20 / JOINS_A_SECOND)
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    early = sum(reader.ended for reader in readers)
    for transport in transports:
        transport.close()
    return {
        "connected": sum(reader.bytes > 0 for reader in readers),
        "bytes": sum(reader.bytes for reader in readers),
        "longest_silence_s": round(max(reader.silence_s for reader in readers), 3),
        "ended_early": early,
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(listen(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))))
