"""`hustings listen`: hears a stream as a listener's page does, and says how good it was."""

import argparse
import asyncio
import contextlib
import json
import signal
import sys
from dataclasses import asdict
from typing import Any, Final

from hustings.base.clock import Clock, SystemClock
from hustings.base.tasks import Tasks
from hustings.cli.client import http_client
from hustings.cli.line import Line
from hustings.cli.lines import line_for
from hustings.cli.meter import Meter, Report

NAME: Final = "listen"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to listen to, for how long."""
    parser.add_argument(
        "url", help="of a listener page (/r/ROOM), opus.mp4, aac.mp4, radio.mp3 or index.m3u8"
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="for how long (30); 0: until interrupted"
    )
    parser.add_argument("--ca", default="", metavar="F", help="certificates to trust besides")
    parser.add_argument("--json", action="store_true", help="the report as an object")


def run(args: argparse.Namespace) -> int:
    """Listen; 0 if there was sound, 1 if not."""
    report = asyncio.run(listen(args.url, args.seconds, SystemClock(), ca=args.ca))
    print(json.dumps(asdict(report)) if args.json else table(report))
    if report.fault and report.first_byte_ms is None:
        print(f"hustings: Nothing came: {report.fault}.", file=sys.stderr)
    return 0 if report.first_sound_ms is not None else 1


async def listen(url: str, seconds: float, clock: Clock, *, ca: str = "") -> Report:
    """Hear `url` for so long and report. Raises what makes listening impossible."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(ValueError, RuntimeError):  # not in the main thread
            loop.add_signal_handler(number, stop.set)
    tasks = Tasks()
    async with http_client(url, ca=ca) as client:
        began_s = clock.monotonic()
        line = line_for(url, client, clock)
        hearing = Hearing(line, began_s, clock)
        reading = loop.create_task(hearing.read(), name="line")
        tasks.start(hearing.watch(), name="progress")
        ending = tasks.start(stop.wait(), name="interrupt")
        await asyncio.wait(
            {reading, ending}, timeout=seconds or None, return_when=asyncio.FIRST_COMPLETED
        )
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading  # raises what made it impossible
        await tasks.close()
        return hearing.report(url)


class Hearing:
    """A line, and the meter that it is read into."""

    def __init__(self, line: Line, began_s: float, clock: Clock) -> None:
        self._line = line
        self._began_s = began_s
        self._clock = clock
        self._meter: Meter | None = None

    async def read(self) -> None:
        """Until the room ends."""
        async with contextlib.aclosing(self._line.pieces()) as pieces:
            async for piece in pieces:
                if self._meter is None:
                    self._meter = Meter(self._line.rendition, self._line.target_s, self._began_s)
                late_s = self._clock.monotonic() - piece.at_s
                wall_s = self._clock.wall_ms() / 1_000 - late_s
                self._meter.take(piece.start, piece.frames, piece.at_s, wall_s)

    async def watch(self) -> None:
        """A line of progress each second, on a terminal."""
        while True:
            await asyncio.sleep(1.0)
            if self._meter is not None:
                self._meter.pass_time(self._clock.monotonic())
            if sys.stderr.isatty():
                _progress(self._clock.monotonic() - self._began_s, self._meter)

    def report(self, url: str) -> Report:
        """The numbers until now."""
        if sys.stderr.isatty():
            print(file=sys.stderr)
        line, now_s = self._line, self._clock.monotonic()
        meter = self._meter or Meter(line.rendition, line.target_s, self._began_s)
        return meter.report(
            url=url,
            now_s=now_s,
            first_byte_s=line.first_byte_s,
            bytes=line.bytes,
            events=line.events,
            faults=line.faults,
            refusals=line.refusals,
            ended=line.ended,
            fault=line.fault,
        )


def _progress(seconds: float, meter: Meter | None) -> None:
    text = f"{seconds:6.0f} s  waiting"
    if meter is not None:
        ear = meter.ear
        text = (
            f"{seconds:6.0f} s  {ear.ahead_s:.2f} s buffered, lost {ear.lost / 48_000:.2f} s, "
            f"silence {ear.absent_s + ear.hold / 48_000:.2f} s"
        )
    print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)


def table(report: Report) -> str:
    """The report for people."""

    def value(number: Any, unit: str) -> str:
        return "-" if number is None else f"{number:g} {unit}".rstrip()

    r = report
    median, p95 = value(r.mouth_to_ear_ms, "ms"), value(r.mouth_to_ear_p95_ms, "ms")
    rows = [
        ("rendition", f"{r.rendition}, {r.seconds:g} s, {r.parts} parts, {r.bytes} bytes"),
        ("first byte", value(r.first_byte_ms, "ms")),
        ("first sound", value(r.first_sound_ms, "ms")),
        ("lost", value(r.lost_s, "s")),
        (
            "silence",
            f"{r.silence_s:g} s (hold {r.hold_s:g}, absent {r.absent_s:g}, {r.stalls} stalls)",
        ),
        ("behind", value(r.behind_s, "s buffered at the end")),
        ("drift", f"{value(r.drift_ms, 'ms')} ({value(r.drift_ppm, 'ppm')})"),
        ("mouth to ear", f"median {median}, p95 {p95} ({r.beeps} beeps)"),
        ("connections", f"{r.faults} broken, {r.refusals} refused" + (", room ended" * r.ended)),
        ("damaged", f"{r.damaged_frames} frames, {r.out_of_order} pieces out of order"),
    ]
    return "\n".join([r.url, *(f"  {name:<13} {text}" for name, text in rows)])
