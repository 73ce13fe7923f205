"""What a listener costs at the edge, against a bare C `send` loop in the same run.

    python -m bench.edge_fanout [--listeners 5000] [--joined 3] [--seconds 12] [--joins 5000] [--json]

The C loop (bench/send_loop.c), the edge, the C loop again: each sends the same bytes at the same
interval to as many listeners over loopback, who read and forget. CPU is that of the sending
process alone, system time included; the stage that feeds the edge is another process. Also
printed: what the edge spends with one room and nobody listening (the feed, the room's clock), which
the ratio contains and the second ratio does not; user memory a listener (USS with all listeners minus USS with none, joins behind it), and
the wait for the first byte while they all join at once. Ends by itself in under a minute.
"""

import argparse
import asyncio
import json
import os
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


def measure_loop(loop: str, options: argparse.Namespace, size: int) -> dict[str, Any]:
    """Microseconds of CPU a listener-second in C."""
    interval_ms = options.joined * 320
    words = ("serve", str(options.listeners), str(interval_ms), str(size), str(options.seconds))
    with running(loop, *words) as server:
        port = told(server)["port"]
        with drain(loop, port, options, options.seconds + 30, "/") as listeners:
            joins = told(listeners)
            result = told(server)
    served = result["sends"] * interval_ms / 1e3
    return {"us": result["cpu_s"] / served * 1e6, "first_byte_ms": joins["first_byte_ms"]}


def measure_edge(loop: str, options: argparse.Namespace) -> dict[str, Any]:
    """The same at the edge, with its memory."""
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
            with drain(loop, port, options, options.seconds + 30, path) as listeners:
                joins = told(listeners)
                before = asked(server)
                full = process.memory_full_info().uss
                _sleep(options.seconds)
                after = asked(server)
    sends = after["sends"] - before["sends"]
    served = sends * options.joined * 0.32
    return {
        "us": (after["cpu_s"] - before["cpu_s"]) / served * 1e6,
        "idle_ms": idle * 1e3,
        "bytes": (after["sent_bytes"] - before["sent_bytes"]) // max(1, sends),
        "memory": (full - empty) / options.listeners,
        "listeners": after["listeners"],
        "jumps": after["jumps"],
        "first_byte_ms": joins["first_byte_ms"],
    }


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
    parser.add_argument("--seconds", type=float, default=12.0)
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
        edge = measure_edge(loop, options)
        floors = [measure_loop(loop, options, edge["bytes"]) for _ in range(2)]
    floor = sum(each["us"] for each in floors) / 2
    return {
        "listeners": edge["listeners"],
        "interval_s": options.joined * 0.32,
        "bytes_a_send": edge["bytes"],
        "edge_us": round(edge["us"], 2),
        "c_loop_us": [round(each["us"], 2) for each in floors],
        "ratio": round(edge["us"] / floor, 2),
        "edge_idle_ms_a_second": round(edge["idle_ms"], 1),
        "ratio_without_idle": round(
            (edge["us"] - edge["idle_ms"] * 1e3 / options.listeners) / floor, 2
        ),
        "user_memory_bytes": round(edge["memory"]),
        "jumps": edge["jumps"],
        "join_first_byte_ms_p50_p99_max": edge["first_byte_ms"],
        "c_loop_first_byte_ms_p50_p99_max": floors[0]["first_byte_ms"],
        "load_before": round(load, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
