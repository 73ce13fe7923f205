"""`hustings stage|edge|web`: one service in this process, for machines of their own."""

import argparse
import importlib
import logging
import re
import sys
import time
from pathlib import Path
from typing import Final

from hustings.base.errors import UserError
from hustings.base.ids import without_private
from hustings.cli.options import EDGE_FLAGS, add_settings, settings_from

NAMES: Final = ("stage", "edge", "web")
LOUD: Final = ("aioice", "aiortc", "httpx", "httpcore", "uvicorn", "websockets", "alembic")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Settings; for an edge also whom it follows."""
    if parser.get_default("command") == "edge":
        for flag, name, metavar, text in EDGE_FLAGS:
            parser.add_argument(flag, dest=f"set:{name}", metavar=metavar, help=text)
        parser.add_argument(
            "--token-file", metavar="F", help="file with the credential; - reads standard input"
        )
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    if getattr(args, "token_file", None):
        setattr(args, f"set:{EDGE_FLAGS[1][1]}", read_secret(args.token_file))
    settings = settings_from(args)
    check_origin(settings.edge.origin)
    start_log(args.command, settings.log)
    app = importlib.import_module(f"hustings.{args.command}.app")
    return int(getattr(app, f"run_{args.command}")(settings))


def check_origin(url: str) -> None:
    """An origin that can never answer is refused at once, not asked for ever. Raises UserError."""
    if url and not re.match(r"https?://[^/\s]+", url):
        raise UserError(
            "setting_value",
            f"edge.origin must be an address such as https://stage.example, not {url!r}.",
        )


def read_secret(path: str) -> str:
    """The one line of a file, or of standard input (`-`). Raises UserError."""
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("setting_file", f"Cannot read {path}: {error}.") from error
    if not (secret := text.strip()):
        raise UserError("setting_file", f"{path} holds no credential.")
    return secret


class Line(logging.Formatter):
    """One line of the log, without what would let its reader into a private room."""

    def format(self, record: logging.LogRecord) -> str:
        """As usual, but for the names of private rooms."""
        return without_private(super().format(record))


def start_log(service: str, level: str) -> None:
    """Lines on stderr, in UTC, each with its service; libraries only when something is wrong."""
    line = Line(
        f"%(asctime)sZ {service:<5} %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S"
    )
    line.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(line)
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
