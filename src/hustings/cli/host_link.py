"""`hustings host-link`: one more one-time link that makes whoever opens it an owner of this house."""

import argparse
from pathlib import Path

from hustings.base.errors import OperatorError
from hustings.cli.options import add_settings, settings_from
from hustings.web.house import new_link


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings only: they say where the database is, and how people reach web."""
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print the link. Raises OperatorError("house_missing") where no house was ever started."""
    settings = settings_from(args)
    folder = Path(settings.data)
    if not settings.web.database and not (folder / "hustings.sqlite").exists():
        raise OperatorError(
            "house_missing",
            f"There is no house in {folder.resolve()}: name its folder with --data. "
            "The first start of a new one prints a link by itself.",
        )
    print(new_link(settings))
    return 0
