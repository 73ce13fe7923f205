"""1,000 low-latency HLS listeners through Varnish and nginx, as shipped in deploy/: what reaches the edge.

    python -m bench.caches [--listeners 1000] [--seconds 12]

Each listener asks for the playlist that has the next part, which the cache holds back until it
does, and then for the part: 6.25 requests a second. One more does the same at the edge itself;
latency is from the moment that one has the playlist to the whole part here. Also printed: CPU of
the cache for each listener-second. The readers are one C program (bench/hls_readers.c).
"""

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.edges import ROOM
from bench.processes import asked, compiled, cpu_s, python, running, told
from bench.report import Row
from tests.support.deploy import CACHES

LISTENERS = 1_000
SECONDS = 12.0
PROGRAMS = {"varnish": "varnishd", "nginx": "nginx"}


async def through(name: str, readers: str, folder: Path, listeners: int, seconds: float) -> Any:
    """One cache; its figures."""
    with (
        python("bench.edges", "stage") as stage,
        python("bench.edges", "edge", told(stage)["url"]) as edge,
    ):
        port = told(edge)["port"]
        async with CACHES[name](folder, port) as cache:
            await _warm(cache.port)
            first = asked(edge)["next"] + 3
            room = f"/live/{ROOM}/opus"
            words = (readers, "follow", cache.port, port, listeners, seconds, room, "?e=1", first)
            before = cpu_s([cache.pid])
            with running(*words) as child:
                found = await asyncio.to_thread(told, child)
            found["us"] = (cpu_s([cache.pid]) - before) / listeners / seconds * 1e6
            counted = asked(edge)
    # The one at the edge itself asks once for each object too.
    found["objects"] = counted["objects"]
    found["most"] = counted["most_an_object"] - 1
    return found


async def _warm(port: int) -> None:
    """The edge begins to follow the room."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live/{ROOM}/opus/index.m3u8 HTTP/1.0\r\n\r\n".encode())
    await reader.read()
    writer.close()


def run(listeners: int, seconds: float) -> dict[str, Any]:
    """Both caches that this machine has."""
    found: dict[str, Any] = {}
    for name, program in PROGRAMS.items():
        if shutil.which(program) is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            readers = compiled("hls_readers", Path(folder))
            found[name] = asyncio.run(through(name, readers, Path(folder), listeners, seconds))
    return found


def measure() -> list[Row]:
    """About half a minute."""
    rows = []
    for name, found in run(LISTENERS, SECONDS).items():
        p50, p95, p99, longest = found["latency_ms"]
        what = f"{LISTENERS:,} LL-HLS listeners through {name}"
        whole = found["failed"] == 0
        rows += [
            Row(
                f"{what}: most requests of the edge for one object",
                "≤ 1",
                f"{found['most']}",
                found["most"] <= 1 and whole,
                f"{found['objects']} objects, {found['answers']:,} answers, {found['failed']} failed",
            ),
            Row(
                "… part here after its playlist at the edge, median",
                "",
                f"{p50:.0f} ms",
                None,
                f"p95 {p95:.0f}, p99 {p99:.0f}, longest {longest:.0f} ms; cache's CPU {found['us']:.0f} µs a listener-second",
            ),
        ]
    return rows


def main() -> int:
    """Figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=LISTENERS)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    options = parser.parse_args()
    print(json.dumps(run(options.listeners, options.seconds), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
