"""`hustings restore`: a house out of the file of a backup, into a folder that is not there yet.

Exit: 0 the house is there, whole; 1 nothing was made; 2 used wrongly.
"""

import argparse
import json
from pathlib import Path
from typing import Final

import msgspec

from hustings.backup.restoring import restore
from hustings.cli.backup import tell
from hustings.cli.options import add_settings, settings_from
from hustings.cli.terminal import Bar

NAME: Final = "restore"


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
    return 0
