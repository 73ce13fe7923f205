"""`hustings serve`: everything on this machine, one line for each service with its URL."""

import argparse
import asyncio
import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hustings.base.clock import SystemClock
from hustings.base.keyfiles import service_key
from hustings.cli.options import add_settings, settings_from
from hustings.serve import preflight
from hustings.serve.demo import open_demo
from hustings.serve.plan import Child, archivist, children
from hustings.serve.supervisor import supervise
from hustings.wire.tokens import Claims, KeyRing

NAME: Final = "serve"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings, and the demo."""
    parser.add_argument("--demo", action="store_true", help="with a room in which two voices talk")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM; SIGHUP starts every service anew, one at a time."""
    settings = settings_from(args)
    preflight.check(settings)
    clock = SystemClock()
    keys = KeyRing([service_key(Path(settings.data))])

    def edge_token() -> str:
        claims = Claims(
            typ="edge", jti=secrets.token_hex(8), iat=clock.wall_ms() // 1_000, name="this machine"
        )
        return settings.edge.token or keys.sign(claims)

    async def when_ready() -> Sequence[Child]:
        """What is said and started once all services answer."""
        if not args.demo:
            return (archivist(settings),)
        demo = await open_demo(settings, clock)
        say(f"listen  {demo.listen}")
        say(f"speak   {demo.speak}")
        say(f"host    {demo.host}")
        return (archivist(settings), *demo.voices)

    asyncio.run(
        supervise(
            children(settings, edge_token=edge_token),
            clock=clock,
            environ=os.environ,  # noqa: TID251 - handed on to the children
            say=say,
            when_ready=when_ready,
        )
    )
    return 0


def say(line: str) -> None:
    """For the person at the terminal, at once even into a pipe; if they are there."""
    with contextlib.suppress(OSError):  # the terminal was closed, or the pipe's reader has gone
        print(line, file=sys.stdout, flush=True)
