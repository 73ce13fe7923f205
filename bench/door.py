"""What it costs an edge to turn somebody away, against a bare uvloop server in the same run.

Each connection asks for a stream once and reads a 503; the CPU is that of the serving process
alone, system time included, so that neither the generator nor the machine's other work counts.
"""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import cast

import psutil
import uvloop

from bench.report import Row, spread
from tests.support.house import PROGRAM, ROOT, free_ports
from tests.support.strangers import ask

RUNS = 3
CONNECTIONS = 10_000
AT_ONCE = 50
ASK = b"GET /live/demo/opus.mp4 HTTP/1.1\r\nHost: e\r\nAccept: */*\r\nUser-Agent: bench\r\n\r\n"
REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Bare(asyncio.Protocol):
    """Reads something, refuses, closes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self.transport.write(REFUSAL)
        self.transport.close()


async def bare(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Bare, "127.0.0.1", port, backlog=4_096)
    await server.serve_forever()


@contextlib.contextmanager
def serving(*words: str, **environment: str) -> Iterator[tuple[int, psutil.Process]]:
    """A server on a free port, when it answers."""
    port = free_ports(1)[0]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **environment}
    words = tuple(word.replace("PORT", str(port)) for word in words)
    with subprocess.Popen(words, env=environment, cwd=ROOT, stderr=subprocess.DEVNULL) as child:
        try:
            until = time.monotonic() + 30
            while time.monotonic() < until:
                with contextlib.suppress(OSError):
                    uvloop.run(ask(port, ASK, count=100, at_once=10))
                    break
                time.sleep(0.1)
            yield port, psutil.Process(child.pid)
        finally:
            child.kill()


def refusals(*words: str, **environment: str) -> float:
    """CPU microseconds of one."""
    with serving(*words, **environment) as (port, process):
        before = process.cpu_times()
        statuses = uvloop.run(ask(port, ASK, count=CONNECTIONS, at_once=AT_ONCE))
        after = process.cpu_times()
    assert statuses == {503: CONNECTIONS}, statuses
    return (after.user + after.system - before.user - before.system) / CONNECTIONS * 1e6


def measure() -> list[Row]:
    """About a minute. The edge has hardly any work budget, so that all are turned away."""
    edge_words = (*PROGRAM, "edge", "--edge-port", "PORT", "--set", "edge.join_share=0.00001")
    plain, edges = [], []
    for _ in range(RUNS):
        plain.append(refusals(sys.executable, "-m", "bench.door", "PORT"))
        edges.append(
            refusals(
                *edge_words, "--set", "edge.origin=http://127.0.0.1:9", HUSTINGS_EDGE_TOKEN="t",
                HUSTINGS_EDGE_LANE_PORT="0",
            )
        )  # fmt: skip
    ratios = [edge / base for edge, base in zip(edges, plain, strict=True)]
    a_second = spread([1e6 / us for us in edges], "/s", 0)
    return [
        Row("refusals of one edge process, one core", "", a_second, None, "new connection, 503, close"),
        Row("… CPU, × bare uvloop", "", spread(ratios)),
        Row("… bare uvloop", "", spread([1e6 / us for us in plain], "/s", 0)),
    ]  # fmt: skip


if __name__ == "__main__":
    uvloop.run(bare(int(sys.argv[1])))
