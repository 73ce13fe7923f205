"""`hustings loadtest`: sends a crowd to a room, and says in words whether all were served."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from hustings.base.clock import SystemClock
from hustings.base.errors import UserError
from hustings.cli.client import trust
from hustings.cli.terminal import StatusLine, interruptible
from hustings.load.rehearsal import flooding, target
from hustings.load.rehearsal.arrivals import SHAPES, USUAL_S
from hustings.load.rehearsal.conducting import conduct
from hustings.load.rehearsal.judging import TONES, brief, limits_with
from hustings.load.rehearsal.report import Rehearsed, html
from hustings.load.rehearsal.wish import Wish, checked
from hustings.wire.names import CMAF_RENDITIONS

NAME: Final = "loadtest"
_STAGE_HERE: Final = "http://127.0.0.1:8001"
_HELP: Final = """\
shapes:
  ramp       all come evenly within --over seconds
  stampede   all come within a few seconds, most of them at once
  reconnect  after a ramp every line is cut at once, as when an edge dies
  flood      some listeners, then visitors at min(10 x C, 0.8 x R) a second:
             C and R (what is served and what is refused) are calibrated first

A rehearsal ends by itself; Ctrl-C ends it early, with the report of what was seen.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The crowd, its manners, and where the report goes."""
    parser.description = f"{parser.description}\n\n{_HELP}"
    parser.epilog = (
        f"{parser.epilog}\n  hustings loadtest http://127.0.0.1:8002/r/demo --listeners 5000 "
        "--shape stampede --report crowd.html\n  hustings loadtest https://live.example/r/debate "
        "--shape reconnect --i-may-load live.example"
    )
    parser.add_argument("url", help="of a room's page (/r/ROOM) or stream")
    crowd = parser.add_argument_group("the crowd")
    crowd.add_argument("--listeners", type=int, default=1_000, metavar="N", help="who stay (1000)")
    crowd.add_argument("--shape", choices=SHAPES, default="ramp", help="how they come (ramp)")
    usual = ", ".join(f"{name} {seconds:g}" for name, seconds in USUAL_S.items())
    crowd.add_argument(
        "--over", type=float, default=0.0, metavar="S", help=f"within how many seconds ({usual})"
    )
    crowd.add_argument(
        "--seconds", type=float, default=30.0, metavar="S", help="how long they stay then (30)"
    )
    crowd.add_argument(
        "--rude", type=float, default=0.0, metavar="SHARE", help="0..1 who ignore Retry-After (0)"
    )
    crowd.add_argument(
        "--slow", type=float, default=0.0, metavar="SHARE", help="0..1 who read too slowly (0)"
    )
    crowd.add_argument("--rendition", choices=CMAF_RENDITIONS, default="opus", help="(opus)")
    machine = parser.add_argument_group("this machine")
    machine.add_argument("--processes", type=int, default=0, metavar="N", help="(one a core)")
    machine.add_argument(
        "--decode", type=float, default=0.01, metavar="SHARE", help="0..1 who really decode (0.01)"
    )
    machine.add_argument(
        "--addresses", type=int, default=0, metavar="N",
        help="loopback addresses that people share; 0: one each (0)",
    )  # fmt: skip
    machine.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same crowd")
    machine.add_argument(
        "--i-may-load", default="", metavar="HOST", help="allows a host other than this machine"
    )
    machine.add_argument("--ca", default="", metavar="F", help="certificates to trust besides")
    machine.add_argument(
        "--stage", default="", metavar="URL", help="watch this stage too (loopback: port 8001)"
    )
    machine.add_argument(
        "--calibration-steps",
        type=int,
        default=flooding.STEPS,
        metavar="N",
        help=f"of the search for C, before a flood ({flooding.STEPS})",
    )
    told = parser.add_argument_group("the report")
    told.add_argument("--report", metavar="F", help="write it as a page (HTML)")
    told.add_argument("--json", action="store_true", help="print all numbers as an object")
    told.add_argument(
        "--limit", action="append", default=[], metavar="NAME=VALUE", help="change a criterion"
    )


def run(args: argparse.Namespace) -> int:
    """Rehearse; 0 if every criterion was kept, 1 if not."""
    limits = limits_with(dict(map(_limit, args.limit)))
    if args.report and not Path(args.report).absolute().parent.is_dir():
        raise UserError("load_report", f"There is no folder for {args.report}.")
    wish = _wish(args)
    target.probe(wish.target, trust(args.ca, args.url) if args.ca else True)
    here = target.all_loopback(wish.target.addresses)
    line = StatusLine(shown=sys.stderr.isatty() and not args.json)
    done = interruptible(
        lambda stop: conduct(
            wish,
            SystemClock(),
            stop=stop,
            say=line.say,
            limits=limits,
            stage_url=args.stage or (_STAGE_HERE if here else ""),
            steps=max(1, args.calibration_steps),
        )
    )
    line.end()
    if args.report:
        Path(args.report).write_text(html(done), encoding="utf-8")
    print(msgspec.json.encode(done).decode() if args.json else table(done))
    return 0 if done.verdict.outcome == "passed" else 1


def _wish(args: argparse.Namespace) -> Wish:
    found = target.resolved(
        target.read_target(args.url, rendition=args.rendition, ca=args.ca), args.i_may_load
    )
    loopback = all(each.startswith("127.") for each in found.addresses)
    return checked(
        Wish(
            target=found,
            shape=args.shape,
            listeners=args.listeners,
            over_s=args.over,
            seconds=args.seconds,
            rude=args.rude,
            slow=args.slow,
            decode=args.decode,
            processes=args.processes,
            seed=args.seed,
            here=loopback and sys.platform == "linux",
            addresses=args.addresses,
        )
    )


def table(done: Rehearsed) -> str:
    """The report for a terminal: the verdict first."""
    verdict, summary, flood = done.verdict, done.summary, done.flood
    lines = [f"{TONES[verdict.outcome]}: {verdict.headline}", *verdict.reasons, ""]
    width = max(len(each.words) for each in verdict.criteria)
    for each in verdict.criteria:
        mark = "ok " if each.kept else "NOT"
        lines.append(f"  {mark}  {each.words:<{width}}  {each.measured}  ({each.limit})")
    if flood is not None:
        lines.append(
            f"\n  flood of {flood.rate:.0f} visits a second: {flood.bound} held "
            f"(C {flood.capacity:.0f}, R {flood.refusals:.0f} a second)"
        )
    sound, first, codes = summary.first_sound_s, summary.first_byte_ms, summary.by_code
    lines += [
        "",
        f"  first sound  median {brief(sound.p50)}, 99 % {brief(sound.p99)}, last {brief(sound.most)}",
        f"  first byte   median {first.p50:.0f} ms, 99 % {first.p99:.0f} ms",
        f"  at once      {summary.peak_hearing} listeners, {summary.peak_joins:.0f} a second joined",
        f"  received     at most {summary.peak_mbit:g} Mbit/s",
        f"  refused      {summary.refusals}{_counts({k: v.count for k, v in codes.items()})}",
        f"  generator    {summary.own.cpu:.0%} of a core, {summary.own.late_p99_ms:g} ms late (99 %)",
    ]  # fmt: skip
    if summary.stage is None:
        lines.append("  stage        not watched: name it by --stage URL")
    if summary.faults:
        faults = sum(summary.faults.values())
        lines.append(f"  broken       {faults}{_counts(summary.faults)}")
    return "\n".join(lines)


def _counts(counts: Mapping[str, int]) -> str:
    words = ", ".join(f"{name} {count}" for name, count in counts.items())
    return f" ({words})" if words else ""


def _limit(pair: str) -> tuple[str, float]:
    name, equals, value = pair.partition("=")
    try:
        return name, float(value if equals else "none")
    except ValueError:
        raise UserError("load_limit", f"--limit takes NAME=NUMBER, not {pair!r}.") from None
