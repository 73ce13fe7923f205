"""What a listener costs at Hustings' edge, in a bare C loop, at Icecast and at nginx with LL-HLS.

    python -m bench.peers [--listeners 5000] [--seconds 6] [--save RUN.json]
    python -m bench.peers --table RUN.json ... [--plot docs/pictures/peers.svg]

All in one run on one machine, each in turn, with the same 32 kbit/s of Opus and the same readers
(bench/send_loop.c, bench/hls_readers.c), who throw it away. CPU is that of the serving process
with its threads, system time included. An HLS listener of nginx asks for a playlist and a part of
500 ms twice a second over a kept connection. One run takes about four minutes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench import peers_servers
from bench.edges import ROOM
from bench.plot import bars, lines
from bench.processes import asked, charged_us, compiled, python, running, told
from bench.report import Row, machine, spread, table

RUNS = 3
JOINED = (1, 3, 8)  # parts of one send: 0.32, 0.96, 2.56 s
FLAT = (1_000, 5_000, 10_000, 15_000)
PATH = f"/live/{ROOM}/opus.mp4"
SETTLE_S = 2.0
PAGE = Path(__file__).parents[1] / "docs" / "pictures"


class Run:
    """One pass over all measurements; the programs are built once."""

    def __init__(self, folder: Path, options: argparse.Namespace) -> None:
        self.folder = folder
        self.listeners: int = options.listeners
        self.seconds: float = options.seconds
        self.loop = compiled("send_loop", folder)
        self.readers = compiled("hls_readers", folder)
        self.bytes = 0  # of one part at the edge, boxes included

    @contextmanager
    def edge(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """An edge with a live room behind it; `told` gives its port."""
        with (
            python("bench.edges", "stage") as stage,
            python("bench.edges", "edge", told(stage)["url"], *words) as edge,
        ):
            yield edge

    @contextmanager
    def listening(
        self, port: int, count: int, path: str, joins: int = 5_000
    ) -> Iterator[dict[str, Any]]:
        """So many listeners; yields when the first byte of the slowest has come."""
        words = (self.loop, "drain", port, count, joins, 90, path)
        with running(*words) as drain:
            joined = told(drain)
            time.sleep(SETTLE_S)
            yield joined

    def edge_us(self, count: int, joined: int) -> float:
        with (
            self.edge("--joined", joined, "--join-share", 1) as edge,
            self.listening(told(edge)["port"], count, PATH),
        ):
            before = asked(edge)
            cost = charged_us([edge.pid], count, self.seconds)
            after = asked(edge)
        if after["listeners"] != count or after["jumps"] > before["jumps"]:
            raise SystemExit(f"the edge lost some: {after}")
        sends = after["sends"] - before["sends"]
        self.bytes = (after["sent_bytes"] - before["sent_bytes"]) // max(1, sends) // joined
        return cost

    def loop_us(self, count: int, joined: int) -> float:
        interval_ms = joined * 320
        words = ("serve", count, interval_ms, self.bytes * joined, self.seconds + 10)
        with (
            running(self.loop, *words) as server,
            self.listening(told(server)["port"], count, "/"),
        ):
            return charged_us([server.pid], count, self.seconds)

    def icecast_us(self, count: int, joined: int, kind: str) -> float:
        folder = self.folder / f"icecast-{kind}-{joined}"
        with (
            peers_servers.icecast(folder, joined=joined, kind=kind) as found,
            self.listening(found[0], count, found[2], joins=500) as joined_in,
        ):
            return charged_us([found[1]], count - joined_in["silent"], self.seconds)

    def nginx_us(self, count: int) -> float:
        with ExitStack() as stack:
            port, pid = stack.enter_context(peers_servers.nginx_hls(self.folder / "nginx"))
            words = (self.readers, "poll", port, count, 500, self.seconds + SETTLE_S + 1)
            readers = stack.enter_context(running(*words, *peers_servers.HLS_PATHS))
            told(readers)
            time.sleep(SETTLE_S)
            cost = charged_us([pid], count, self.seconds)
            answers = told(readers)
        if answers["failed"]:
            raise SystemExit(f"nginx refused some: {answers}")
        return cost

    def joins(self) -> dict[str, dict[str, Any]]:
        """First byte in ms (p50, p99, longest), and how many got in at once."""
        found = {}
        for name, share in (("budget", 0.2), ("all", 1.0)):
            with self.edge("--join-share", share) as edge:
                port = told(edge)["port"]
                with self.listening(port, 50, PATH):  # what is made once is there
                    pass
                with self.listening(port, self.listeners, PATH) as joined:
                    found[name] = {**joined, "in": asked(edge)["listeners"]}
        with (
            peers_servers.icecast(self.folder / "icecast-joins", joined=3) as (port, _, path),
            self.listening(port, self.listeners, path, joins=1_000) as joined,
        ):
            found["Icecast"] = {**joined, "in": joined["joined"]}
        return found

    def all(self) -> dict[str, Any]:
        n = self.listeners
        found: dict[str, Any] = {"machine": machine(), "listeners": n, "cost": {}, "flat": {}}
        for joined in JOINED:
            found["cost"][joined] = {
                "edge": self.edge_us(n, joined),
                "C loop": self.loop_us(n, joined),
                "Icecast": self.icecast_us(n, joined, "ogg"),
                "Icecast, MP3": self.icecast_us(n, joined, "mpeg"),
            }
            say(f"{joined * 0.32:.2f} s: {found['cost'][joined]}")
        found["nginx"] = self.nginx_us(n)
        say(f"nginx LL-HLS: {found['nginx']:.1f}")
        for count in FLAT:
            cost = {"edge": self.edge_us(count, 3), "C loop": self.loop_us(count, 3)}
            found["flat"][count] = cost
            say(f"{count} listeners: {cost}")
        found["joins"] = self.joins()
        say(f"joins: {found['joins']}")
        return found


def say(text: str) -> None:
    """Progress, for whoever waits."""
    print(f"  {text}", file=sys.stderr, flush=True)


# ---------------------------------------------------------------- the tables


def rows(runs: list[dict[str, Any]]) -> list[Row]:
    """The lines of docs/benchmarks.md."""
    found = []
    for joined in JOINED:
        costs = [run["cost"][str(joined)] for run in runs]
        for name in ("edge", "C loop", "Icecast", "Icecast, MP3"):
            what = f"{name}, a send each {joined * 0.32:.2f} s"
            found.append(Row(what, "", spread([c[name] for c in costs], " µs", 1)))
    found.append(
        Row("nginx LL-HLS, parts of 500 ms", "", spread([r["nginx"] for r in runs], " µs", 1))
    )
    calm = [(run["cost"]["3"], run["nginx"]) for run in runs]
    ratios = {
        ("the C loop", 1.15): [cost["edge"] / cost["C loop"] for cost, _ in calm],
        ("Icecast with MP3", 0.45): [cost["edge"] / cost["Icecast, MP3"] for cost, _ in calm],
        ("Icecast with Ogg pages of 0.96 s", 0.45): [
            cost["edge"] / cost["Icecast"] for cost, _ in calm
        ],
        ("nginx LL-HLS", 0.30): [cost["edge"] / nginx for cost, nginx in calm],
    }
    for (peer, budget), values in ratios.items():
        within = statistics.median(values) <= budget
        found.append(Row(f"edge at 0.96 s, × {peer}", f"≤ {budget:.2f}", spread(values), within))
    for count in FLAT:
        costs = [run["flat"][str(count)] for run in runs]
        measured = spread([cost["edge"] for cost in costs], " µs", 1)
        ratio = spread([cost["edge"] / cost["C loop"] for cost in costs])
        found.append(
            Row(
                f"edge with {count:,} listeners, 0.96 s",
                "",
                measured,
                None,
                f"× the C loop: {ratio}",
            )
        )
    return [*found, *_join_rows(runs)]


def _join_rows(runs: list[dict[str, Any]]) -> list[Row]:
    found = []
    for name, what, budget in (
        ("all", "edge at 5,000 joins/s, no join budget", 100),
        ("budget", "edge at 5,000 joins/s, join budget 0.2 of a core", None),
        ("Icecast", "Icecast at 1,000 joins/s", None),
    ):
        waits = [run["joins"][name] for run in runs]
        p99 = [wait["first_byte_ms"][1] for wait in waits]
        # A refusal is a first byte too, and quick: nobody may be turned away where a budget holds.
        entered = statistics.median(
            wait["in"] / run["listeners"] for wait, run in zip(waits, runs, strict=True)
        )
        longest = max(wait["first_byte_ms"][2] for wait in waits)
        others = (
            "" if entered == 1 else f"; {entered:.0%} got in at once, others were asked to return"
        )
        found.append(
            Row(
                f"{what}: first byte p99",
                f"≤ {budget} ms" if budget else "",
                spread(p99, " ms", 0),
                statistics.median(p99) <= budget and entered == 1 if budget else None,
                f"longest {longest:.0f} ms{others}",
            )
        )
    return found


def plots(runs: list[dict[str, Any]], path: Path) -> None:
    """Two pictures in one file: cost by interval and peer, and cost by audience."""

    def middle(values: list[float]) -> float:
        return round(statistics.median(values), 1)

    groups = {
        f"{joined * 0.32:.2f} s": {
            name: middle([run["cost"][str(joined)][name] for run in runs])
            for name in ("C loop", "edge", "Icecast", "Icecast, MP3")
        }
        for joined in JOINED
    }
    groups["LL-HLS 0.5 s"] = {"nginx": middle([run["nginx"] for run in runs])}
    flat = {
        name: [(count, middle([run["flat"][str(count)][name] for run in runs])) for count in FLAT]
        for name in ("C loop", "edge")
    }
    unit = "CPU µs per listener-second"
    path.write_text(bars(f"{unit}, by seconds between two sends", groups))
    path.with_stem(path.stem + "-flat").write_text(
        lines(f"{unit}, by listeners of one process", flat)
    )


def measure() -> list[Row]:
    """Some minutes; the pictures in docs/ are made anew."""
    if missing := peers_servers.missing():
        return [Row("peers", "", f"not installed: {', '.join(missing)}")]
    runs = []
    for _ in range(RUNS):
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            words = (sys.executable, "-m", "bench.peers", "--save", file.name)
            subprocess.run(words, check=True, timeout=600)
            runs.append(json.loads(Path(file.name).read_text()))
    plots(runs, PAGE / "peers.svg")
    return rows(runs)


def main() -> int:
    """One run, or the table of several."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listeners", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--save", type=Path)
    parser.add_argument("--table", type=Path, nargs="+")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    if options.table:
        runs = [json.loads(path.read_text()) for path in options.table]
        print(f"{runs[-1]['machine']}\n\n{table(rows(runs))}")
        if options.plot:
            plots(runs, options.plot)
        return 0
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:  # files to serve are in memory
        Path(name).chmod(0o755)
        text = json.dumps(Run(Path(name), options).all(), indent=1)
    if options.save:
        options.save.write_text(text)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
