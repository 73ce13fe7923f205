"""`hustings stage|edge|web`: one service in this process, for machines of their own."""

import argparse
import importlib
from typing import Final

from hustings.base import heartbeat
from hustings.cli.options import add_settings, settings_from

NAMES: Final = ("stage", "edge", "web")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings only."""
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    settings = settings_from(args)
    heartbeat.follow_supervisor()
    app = importlib.import_module(f"hustings.{args.command}.app")
    return int(getattr(app, f"run_{args.command}")(settings))
