"""`hustings doctor`: what would go wrong on this machine, and how to mend each.

With `--room`: whether that room can go live, as its hosts see it (the stage must be running).
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Final

import httpx

from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import OperatorError
from hustings.base.ids import new_id, room_id
from hustings.base.keyfiles import service_key
from hustings.cli.client import CONNECT_S, READ_S, problem_of, trust
from hustings.cli.options import add_settings, settings_from
from hustings.serve.checkup import checkup
from hustings.serve.findings import Finding
from hustings.settings import Settings
from hustings.wire.links import stage_url
from hustings.wire.tokens import Claims, KeyRing

NAME: Final = "doctor"
TOKEN_S: Final = 60
MARKS: Final = {"ok": "ok  ", "warn": "WARN", "bad": "BAD "}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings, as what is looked at depends on them."""
    parser.add_argument("--room", default="", help="whether this room is ready to go live")
    parser.add_argument("--json", action="store_true", help="an object with all findings")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 if something does not work."""
    settings, clock = settings_from(args), SystemClock()
    found = readiness(settings, clock, args.room) if args.room else list(checkup(settings, clock))
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


def readiness(settings: Settings, clock: Clock, room: str) -> list[Finding]:
    """What the stage finds of one room. Raises OperatorError `stage_unreachable`, or what it says."""
    now_s = clock.wall_ms() // 1_000
    claims = Claims(typ="service", jti=new_id(), iat=now_s, exp=now_s + TOKEN_S)
    token = KeyRing([service_key(Path(settings.data))]).sign(claims)
    url = f"{stage_url(settings)}/rooms/{room_id(room)}/readiness?lang=en"
    try:
        answer = httpx.get(
            url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            trust_env=False,
            verify=trust(settings.tls.cert, url),
        )
    except httpx.HTTPError as error:
        raise OperatorError(
            "stage_unreachable", f"No stage answers at {url}: {error or type(error).__name__}."
        ) from error
    if not answer.is_success:
        raise problem_of(answer)
    found = answer.json()["findings"]
    return [Finding(each["check"], each["state"], each["said"], each["mend"]) for each in found]
