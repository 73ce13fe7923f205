"""What TLS costs for each listener: in the edge (ordinary ssl), and in each proxy in front of it.

    python -m bench.tls [--listeners 1000] [--seconds 8]

Listeners at 0.96 s a send, ECDSA P-256, TLS 1.3; CPU of all serving processes together (edge, and
the proxy where there is one), without their handshakes. The proxies are configured as in deploy/:
for one domain, reading HTTP; and HAProxy also for edges with a domain of their own, where it only
decrypts and names the listener by the PROXY protocol.
"""

import argparse
import asyncio
import json
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from bench.edges import ROOM
from bench.processes import asked, charged_us, python, told
from bench.readers import Reader
from bench.report import Row, spread
from tests.fakes.certificates import certificate
from tests.support.deploy import FRONTS, haproxy_edges

PATH = f"/live/{ROOM}/opus.mp4"
PROXIES = {**FRONTS, "haproxy-edges": haproxy_edges}
WAYS = {
    "none": "no TLS",
    "edge": "TLS in the edge",
    "haproxy-edges": "HAProxy that only decrypts (deploy/haproxy-edges.cfg)",
    "haproxy": "HAProxy, one domain (deploy/haproxy.cfg)",
    "nginx": "nginx, one domain (deploy/nginx.conf)",
    "caddy": "Caddy, one domain (deploy/Caddyfile)",
}
RUNS = 3
SETTLE_S = 2.0
JOINS = 200  # a second: handshakes cost the reader too


async def drain(port: int, count: int, cert: str) -> None:
    """So many listeners by TLS (plain if `cert` is empty), until killed; says when all have begun."""
    tls = ssl.create_default_context(cafile=cert) if cert else None
    loop = asyncio.get_running_loop()
    request = f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    readers: list[Reader] = []
    transports = []
    make: Callable[[], Reader] = lambda: Reader(request)  # noqa: E731
    for number in range(count):
        transport, reader = await loop.create_connection(
            make,
            "127.0.0.1",
            port,
            ssl=tls,
            server_hostname="localhost" if tls else None,
            local_addr=(f"127.0.1.{1 + number // 2_000}", 0),
        )
        transports.append(transport)
        readers.append(reader)
        await asyncio.sleep(1 / JOINS)
    async with asyncio.timeout(30):
        while not all(reader.bytes for reader in readers):  # noqa: ASYNC110 - once, at the start
            await asyncio.sleep(0.1)
    print(json.dumps({"joined": count}), flush=True)
    await asyncio.sleep(120)


async def cost_us(way: str, folder: Path, listeners: int, seconds: float) -> float:
    """CPU of all serving processes for each listener-second."""
    cert, key = certificate(folder, "edge")
    words = {"edge": ("--cert", cert, "--key", key), "haproxy-edges": ("--proxied",)}
    async with AsyncExitStack() as stack:
        stage = stack.enter_context(python("bench.edges", "stage"))
        edge = stack.enter_context(
            python("bench.edges", "edge", told(stage)["url"], *words.get(way, ()))
        )
        port, pids, trust = told(edge)["port"], [edge.pid], str(cert)
        if way in PROXIES:
            services = {"stage": port, "web": port, "edges": (port,)}
            site = await stack.enter_async_context(PROXIES[way](folder, **services))
            port, trust = site.port, str(folder / "site.crt")
            pids.append(site.pid)
        trust = "" if way == "none" else trust
        told(stack.enter_context(python("bench.tls", "--drain", port, listeners, trust)))
        await asyncio.sleep(SETTLE_S)
        cost = await asyncio.to_thread(charged_us, pids, listeners, seconds)
        heard = asked(edge)["listeners"]
    if heard != listeners:
        raise SystemExit(f"{way}: {heard} of {listeners} listeners stayed")
    return cost


def run(listeners: int, seconds: float) -> dict[str, float]:
    """Each way once that this machine has the programs for."""
    found = {}
    for way in WAYS:
        if way in PROXIES and shutil.which(way.partition("-")[0]) is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[way] = asyncio.run(cost_us(way, Path(folder), listeners, seconds))
    return found


def measure() -> list[Row]:
    """About four minutes."""
    runs: list[dict[str, Any]] = [run(1_000, 8.0) for _ in range(RUNS)]
    return rows(runs)


def rows(runs: list[dict[str, Any]]) -> list[Row]:
    """The lines of docs/benchmarks.md."""
    return [
        Row(
            f"CPU of all for a listener-second: {WAYS[way]}",
            "",
            spread([r[way] for r in runs], " µs", 1),
        )
        for way in runs[0]
    ]


def main() -> int:
    """Figures as JSON; or the listeners."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--drain", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.drain:
        port, count, cert = options.drain
        asyncio.run(drain(int(port), int(count), cert))
        return 0
    print(json.dumps(run(options.listeners, options.seconds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
