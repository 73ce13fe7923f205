"""`hustings plan`: from what a listener costs on this machine to what an audience needs."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final, TypeVar

import msgspec
import psutil

from hustings.base.clock import SystemClock
from hustings.base.errors import UserError
from hustings.cli.terminal import StatusLine, interruptible
from hustings.load.plan.calibrating import calibrate
from hustings.load.plan.calibration import Calibration, calibration_of, read_calibration
from hustings.load.plan.outlook import Outlook, html, text
from hustings.load.plan.planning import Machine, Wanted, plan, read_rate
from hustings.load.plan.simulation import simulate
from hustings.settings import EdgeSettings
from hustings.wire.names import CMAF_RENDITIONS

NAME: Final = "plan"
_NETWORKS: Final = Path("/sys/class/net")
_CALIBRATION_LISTENERS: Final = 1_500
_MOST: Final = 1_000_000_000
Number = TypeVar("Number", int, float)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The audience, the machines, the prices."""
    parser.description = (
        f"{parser.description} Without --calibration it starts a house of its own on loopback for "
        "about a minute and measures."
    )
    parser.epilog = (
        f"{parser.epilog}\n  hustings plan --listeners 200000 --calibration crowd.json --cores 16 "
        "--memory 64 --link 25Gbit --price-machine 0.40 --report plan.html"
    )
    evening = parser.add_argument_group("the evening")
    evening.add_argument("--listeners", type=int, required=True, metavar="N", help="at once")
    evening.add_argument(
        "--lobby", type=float, default=0.3, metavar="SHARE", help="0..1 who are there before (0.3)"
    )
    evening.add_argument(
        "--over", type=float, default=60.0, metavar="S", help="the others come within (60)"
    )
    evening.add_argument("--hours", type=float, default=2.0, metavar="H", help="how long (2)")
    evening.add_argument("--rendition", choices=CMAF_RENDITIONS, default="opus", help="(opus)")
    machine = parser.add_argument_group("one edge machine")
    machine.add_argument("--calibration", metavar="F", help="from `loadtest --json`")
    machine.add_argument(
        "--cores", type=int, default=os.cpu_count() or 1, metavar="N", help="(here)"
    )
    machine.add_argument("--memory", type=float, metavar="GIB", help="(here)")
    machine.add_argument("--link", metavar="RATE", help="such as 10Gbit (what its interface says)")
    machine.add_argument(
        "--edge-listeners", type=int, default=EdgeSettings().listeners, metavar="N",
        help="connections of an edge (`edge.listeners`)",
    )  # fmt: skip
    machine.add_argument("--no-tls", action="store_true", help="TLS ends before the edges")
    machine.add_argument(
        "--spare", type=float, default=0.2, metavar="SHARE", help="more than needed (0.2)"
    )
    money = parser.add_argument_group("prices, in your currency")
    money.add_argument("--price-machine", type=float, metavar="P", help="a machine for an hour")
    money.add_argument("--price-gb", type=float, metavar="P", help="a gigabyte sent")
    told = parser.add_argument_group("the report")
    told.add_argument("--report", metavar="F", help="write it as a page (HTML)")
    told.add_argument("--json", action="store_true", help="print all numbers as an object")
    told.add_argument("--seed", type=int, default=1, metavar="N", help="of the simulation (1)")


def run(args: argparse.Namespace) -> int:
    """Plan; 0."""
    wanted = _wanted(args)
    if args.report and not Path(args.report).absolute().parent.is_dir():
        raise UserError("plan_report", f"There is no folder for {args.report}.")
    machine = Machine(
        cores=_within("cores", args.cores, 1, 4_096),
        memory_bytes=_within("memory", args.memory, 0.1, 1e6) * 2**30
        if args.memory is not None
        else psutil.virtual_memory().total,
        link_bit_s=read_rate(args.link) if args.link else _link_here(),
        connections=_within("edge-listeners", args.edge_listeners, 1, 10_000_000),
    )
    cost = _calibration(args)
    found = plan(wanted, machine, cost)
    coming = round(wanted.listeners * (1 - wanted.lobby))
    stampede = simulate(
        people=coming,
        over_s=wanted.over_s,
        joins_a_second=found.joins_a_second,
        seats=found.seats - (wanted.listeners - coming),
        seed=args.seed,
    )
    outlook = Outlook(wanted=wanted, plan=found, stampede=stampede, calibration=cost)
    if args.report:
        Path(args.report).write_text(html(outlook), encoding="utf-8")
    print(msgspec.json.encode(outlook).decode() if args.json else text(outlook))
    return 0


def _wanted(args: argparse.Namespace) -> Wanted:
    return Wanted(
        listeners=_within("listeners", args.listeners, 1, _MOST),
        hours=_within("hours", args.hours, 0.01, 10_000),
        over_s=_within("over", args.over, 1, 3_600),
        lobby=_within("lobby", args.lobby, 0, 1),
        spare=_within("spare", args.spare, 0, 10),
        tls=not args.no_tls,
        machine_hour=args.price_machine,
        gigabyte=args.price_gb,
    )


def _calibration(args: argparse.Namespace) -> Calibration:
    """From the file, or measured now."""
    if args.calibration:
        try:
            data = Path(args.calibration).read_bytes()
        except OSError as error:
            raise UserError("plan_calibration", f"{args.calibration}: {error.strerror}.") from error
        return read_calibration(data)
    line = StatusLine(shown=sys.stderr.isatty() and not args.json)
    done = interruptible(
        lambda stop: calibrate(
            SystemClock(),
            listeners=_CALIBRATION_LISTENERS,
            rendition=args.rendition,
            stop=stop,
            say=line.say,
        )
    )
    line.end()
    return calibration_of(done)


def _link_here() -> float:
    """The fastest interface of this machine that says how fast it is, in bit/s."""
    found = []
    for each in _NETWORKS.glob("*/speed"):
        try:
            found.append(int(each.read_text()) * 1e6)
        except (OSError, ValueError):  # loopback, or a virtual one that does not know
            continue
    best = max(found, default=0.0)
    if best <= 0:
        raise UserError("plan_link", "No interface here says how fast it is: give --link 10Gbit.")
    return best


def _within(name: str, value: Number, least: float, most: float) -> Number:
    if not least <= value <= most:
        raise UserError("plan_bounds", f"--{name} must be {least:g} to {most:,.10g}.")
    return value
