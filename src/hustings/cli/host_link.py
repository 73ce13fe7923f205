"""`hustings host-link`: one more one-time link that makes whoever opens it a host of this house."""

import argparse

from hustings.cli.options import add_settings, settings_from
from hustings.web.house import new_link


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings only: they say where the database is, and how people reach web."""
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print the link."""
    print(new_link(settings_from(args)))
    return 0
