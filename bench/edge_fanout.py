"""What a listener costs at the edge, against a bare C `send` loop in the same seconds.

    python -m bench.edge_fanout [--listeners 5000] [--joined 3] [--seconds 24] [--joins 5000] [--json]

The edge and the C loop (bench/send_loop.c) send the same number of bytes at the same interval to as
many listeners each over loopback, who read and forget; both at once, as what a shared machine does
within a minute is more than what is to be measured (one after the other the ratio of the same
program went from 1.02 to 1.37). CPU is that of the sending process alone, system time included;
the stage that feeds the edge is another process. Also printed: what the edge spends with one room
and nobody listening (the feed, the room's clock), which the ratio contains and the second ratio
does not; user memory a listener (USS with all listeners minus USS with none, joins behind it), and
the wait for the first byte while they all join at once. Ends by itself in about a minute.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil

from bench.edges import ROOM
from bench.processes import asked, compiled, python, running, told


def drain(loop: str, port: int, options: argparse.Namespace, seconds: float, path: str) -> Any:
    """The listeners."""
    words = (loop, "drain", str(port), str(options.listeners), str(options.joins), str(seconds))
    return running(*words, path)


def measure(loop: str, options: argparse.Namespace) -> dict[str, Any]:
    """Microseconds of CPU a listener-second at the edge and in C; memory and joins of the edge."""
    with python("bench.edges", "stage") as stage:
        words = ("edge", told(stage)["url"], "--joined", options.joined, "--join-share", 1)
        with python("bench.edges", *words) as server:
            port = told(server)["port"]
            process = psutil.Process(server.pid)
            _warm(loop, port)
            empty = process.memory_full_info().uss
            before = asked(server)
            _sleep(5)
            idle = (asked(server)["cpu_s"] - before["cpu_s"]) / 5
            path = f"/live/{ROOM}/opus.mp4"
            with drain(loop, port, options, options.seconds + 40, path) as listeners:
                joins = told(listeners)
                first = asked(server)
                full = process.memory_full_info().uss
                _sleep(3)
                size = _a_send(first, asked(server))
                peer, before, after = _both(loop, options, size, server)
    interval_s = options.joined * 0.32
    sends = after["sends"] - before["sends"]
    return {
        "us": (after["cpu_s"] - before["cpu_s"]) / (sends * interval_s) * 1e6,
        "peer_us": peer["cpu_s"] / (peer["sends"] * interval_s) * 1e6,
        "idle_ms": idle * 1e3,
        "bytes": _a_send(before, after),
        "peer_bytes": size,
        "memory": (full - empty) / options.listeners,
        "listeners": after["listeners"],
        "jumps": after["jumps"],
        "first_byte_ms": joins["first_byte_ms"],
        "peer_first_byte_ms": peer["first_byte_ms"],
    }


def _a_send(before: dict[str, Any], after: dict[str, Any]) -> int:
    sends = after["sends"] - before["sends"]
    return int((after["sent_bytes"] - before["sent_bytes"]) // max(1, sends))


def _both(
    loop: str, options: argparse.Namespace, size: int, edge: subprocess.Popen[str]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The C loop's run, and the edge's counters when it began and when it ended."""
    interval_ms = options.joined * 320
    words = ("serve", str(options.listeners), str(interval_ms), str(size), str(options.seconds))
    with running(loop, *words) as server:
        port = told(server)["port"]
        with drain(loop, port, options, options.seconds + 30, "/") as listeners:
            joins = told(listeners)
            before = asked(edge)
            result = told(server)
            return result | {"first_byte_ms": joins["first_byte_ms"]}, before, asked(edge)


def _warm(loop: str, port: int) -> None:
    """A few listeners come and go, so that everything that is made once is there."""
    with running(loop, "drain", str(port), "50", "1000", "1", f"/live/{ROOM}/opus.mp4") as child:
        told(child)
        told(child)
    _sleep(1)


def _sleep(seconds: float) -> None:
    asyncio.run(asyncio.sleep(seconds))


def main() -> int:
    """The bench."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=5_000)
    parser.add_argument("--joined", type=int, default=3, help="parts of one send (3: 0.96 s)")
    parser.add_argument("--seconds", type=float, default=24.0)
    parser.add_argument("--joins", type=int, default=5_000, help="joins a second")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    print(json.dumps(result(options), indent=None if options.json else 2))
    return 0


def result(options: argparse.Namespace) -> dict[str, Any]:
    """All figures of one run."""
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        loop = compiled("send_loop", Path(folder))
        seen = measure(loop, options)
    own_us = seen["us"] - seen["idle_ms"] * 1e3 / options.listeners
    return {
        "listeners": seen["listeners"],
        "interval_s": options.joined * 0.32,
        "bytes_a_send": [seen["bytes"], seen["peer_bytes"]],
        "edge_us": round(seen["us"], 2),
        "c_loop_us": round(seen["peer_us"], 2),
        "ratio": round(seen["us"] / seen["peer_us"], 2),
        "edge_idle_ms_a_second": round(seen["idle_ms"], 1),
        "ratio_without_idle": round(own_us / seen["peer_us"], 2),
        "user_memory_bytes": round(seen["memory"]),
        "jumps": seen["jumps"],
        "join_first_byte_ms_p50_p99_max": seen["first_byte_ms"],
        "c_loop_first_byte_ms_p50_p99_max": seen["peer_first_byte_ms"],
        "load_before": round(load, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
