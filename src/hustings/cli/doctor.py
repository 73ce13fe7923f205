"""`hustings doctor`: what would go wrong on this machine, and how to mend each."""

import argparse
import json
from dataclasses import asdict
from typing import Final

from hustings.base.clock import SystemClock
from hustings.cli.options import add_settings, settings_from
from hustings.serve.checkup import checkup

NAME: Final = "doctor"
MARKS: Final = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings, as what is looked at depends on them."""
    parser.add_argument("--json", action="store_true", help="an object with all findings")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if something does not work."""
    found = list(checkup(settings_from(args), SystemClock()))
    well = all(finding.state != "bad" for finding in found)
    if args.json:
        print(json.dumps({"ok": well, "findings": [asdict(f) for f in found]}, indent=2))
        return 0 if well else 1
    width = max(len(finding.name) for finding in found)
    for finding in found:
        print(f"{MARKS[finding.state]}  {finding.name:<{width}}  {finding.said}")
        if finding.mend:
            print(f"{'':{width + 8}}-> {finding.mend}")
    return 0 if well else 1
