"""`hustings restore`: a house out of the file of a backup, into a folder that is not there yet.

Exit: 0 the house is there, whole; 1 nothing was made; 2 used wrongly.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

import msgspec

from hustings.backup.archive import Manifest
from hustings.backup.restoring import not_over, restore
from hustings.cli.backup import tell
from hustings.cli.options import add_settings, settings_from
from hustings.cli.terminal import Bar

NAME: Final = "restore"
NAMED: Final = 20  # rooms; the manifest has all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to restore; the folder is `--data`."""
    parser.add_argument("file", type=Path, help="what `hustings backup` made")
    parser.add_argument("--json", action="store_true", help="print the manifest as JSON")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Restore it and say what is there now."""
    settings, bar = settings_from(args), Bar()
    try:
        made = restore(
            args.file, Path(settings.data), database=settings.web.database, tell=bar.tell
        )
    finally:
        bar.end()
    if args.json:
        print(json.dumps(msgspec.to_builtins(made)))
    else:
        tell(made, args.file)
        print(f"  restored to {settings.data}; next:")
        print(f"  hustings verify {settings.data} --key KEY")
        print(f"  hustings serve --data {settings.data}")
    if not made.keys:
        warn(made, Path(settings.data))
    return 0


def warn(made: Manifest, data: Path) -> None:
    """What a house without its keys is not any more, while it can still be helped."""
    rooms = not_over(made, data)
    lines = [
        "WITHOUT KEYS: this backup has none, and the restored house makes new ones at its first start.",
        "  Invitations, tokens and edges' credentials of the house before end: send new ones.",
    ]
    if rooms:
        named = ", ".join(rooms[:NAMED]) + (
            f" and {len(rooms) - NAMED} more" * (len(rooms) > NAMED)
        )
        lines += [
            f"  NOT OVER YET: {named}. Their records would go on under another key, and",
            "  `hustings verify` would say foreign_key of them for ever: plan them anew at another address.",
        ]
    lines += [
        "  Or, BEFORE the first `hustings serve`: restore from a backup made with --keys instead, or copy",
        f"  the keys of the house before, if you have them: cp -a OLD/keys {data}/keys",
    ]
    print("\n".join(lines), file=sys.stderr)
