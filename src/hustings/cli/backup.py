"""`hustings backup`: the house in one file, while it is live; with `--keys` also what signs.

Exit: 0 the file is whole, 1 there is none, 2 used wrongly.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from hustings.backup.archive import Manifest
from hustings.backup.taking import take
from hustings.base.clock import SystemClock
from hustings.cli.options import add_settings, settings_from
from hustings.cli.terminal import Bar

NAME: Final = "backup"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to, and what of it."""
    parser.add_argument("file", type=Path, help="the file to be made; it must not be there yet")
    parser.add_argument(
        "--keys",
        action="store_true",
        help="the signing keys too: who has the file can then forge the record and let people in. "
        "Without them a restored house signs with a new key, and old invitations end",
    )
    parser.add_argument(
        "--damaged",
        action="store_true",
        help="take journals that `hustings verify` finds fault with",
    )
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Take it and say what is in it."""
    settings, bar = settings_from(args), Bar()
    try:
        made = take(
            Path(settings.data),
            args.file,
            database=settings.web.database,
            with_keys=args.keys,
            damaged=args.damaged,
            clock=SystemClock(),
            tell=bar.tell,
        )
    finally:
        bar.end()
    if args.json:
        print(json.dumps(msgspec.to_builtins(made)))
    else:
        tell(made, args.file)
    return 0


def tell(made: Manifest, file: Path) -> None:
    """A backup in words."""
    size = sum(member.size for member in made.members)
    entries = sum(line.entries for line in made.rooms)
    print(f"{file}: {len(made.rooms)} rooms, {entries} entries, {size / 1e6:.1f} MB")
    print(f"  database: {f'schema {made.schema}' if made.schema else 'there is none'}")
    if made.keys:
        print("  keys: YES. Who has this file can forge the record: keep it as you keep the keys")
    else:
        print("  keys: no. A house restored from it signs with a new key; old invitations end")
    if made.journal_key:
        print(f"  what this house signed verifies with {made.journal_key}")
        print("  (what a house before it signed, with that one's key)")
    for line in made.rooms:
        if line.findings:
            print(f"  NOT WHOLE: {line.room}, {line.findings} findings", file=sys.stderr)
