"""`hustings edge-token`: the credential with which an edge on another machine follows the stage.

It is good at the stage and at every edge of this house (`wire.credentials`).
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from hustings.base.clock import SystemClock
from hustings.base.ids import new_id
from hustings.base.keyfiles import edges_key
from hustings.base.revocations import revoke
from hustings.cli.options import add_settings, settings_from
from hustings.journal.keys import VKEY_FILE
from hustings.wire.credentials import EdgeSigner
from hustings.wire.tokens import Claims

NAME: Final = "edge-token"
DAY_S: Final = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """For whom and for how long."""
    parser.add_argument("--days", type=_days, default=90, help="how long it is good (90)")
    parser.add_argument("--name", default="edge", help="which edge it is for")
    parser.add_argument("--revoke", metavar="ID", help="make none, but end the one with this id")
    parser.add_argument("--json", action="store_true", help="with its id and end, as an object")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print it."""
    settings = settings_from(args)
    if args.revoke:
        revoke(Path(settings.data), args.revoke)
        return 0
    now_s = SystemClock().wall_ms() // 1_000
    claims = Claims(
        typ="edge", jti=new_id(), iat=now_s, exp=now_s + args.days * DAY_S, name=args.name
    )
    token = EdgeSigner(edges_key(Path(settings.data))).sign(claims)
    if args.json:
        print(json.dumps({"token": token, "id": claims.jti, "expires_s": claims.exp}))
    else:
        print(token)
        print(f"to end it: hustings edge-token --revoke {claims.jti}", file=sys.stderr)
        key = Path(settings.data) / "keys" / VKEY_FILE
        if key.exists():
            shown = key.read_text().strip()
            print(
                f"its edge checks the record with: --set edge.journal_key={shown}", file=sys.stderr
            )
        else:
            print(
                f"no stage has run with the data folder {settings.data}: if yours has another, "
                "name it by --data and make the credential again",
                file=sys.stderr,
            )
    return 0


def _days(text: str) -> int:
    """A whole number of days, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a whole number of days, at least 1")
    return int(text)
