"""`hustings stage|edge|web`: one service in this process, for machines of their own."""

import argparse
import importlib
import logging
import sys
import time
from typing import Final

from hustings.cli.options import add_settings, settings_from

NAMES: Final = ("stage", "edge", "web")
LOUD: Final = ("aioice", "aiortc", "httpx", "httpcore", "uvicorn", "websockets", "alembic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings only."""
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    settings = settings_from(args)
    start_log(args.command, settings.log)
    app = importlib.import_module(f"hustings.{args.command}.app")
    return int(getattr(app, f"run_{args.command}")(settings))


def start_log(service: str, level: str) -> None:
    """Lines on stderr, in UTC, each with its service; libraries only when something is wrong."""
    line = logging.Formatter(
        f"%(asctime)sZ {service:<5} %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    line.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(line)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
