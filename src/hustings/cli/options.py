"""The flags that all commands share, and how they become settings.

Any setting can be given as `--set name=value`; the common ones have a flag of their own.
"""

import argparse
import os
from collections.abc import Container
from pathlib import Path
from typing import Final

from hustings.base.errors import UserError
from hustings.loading import CONFIG, DEFAULT_FILE, Loaded, load, read_toml
from hustings.settings import Settings

FLAGS: Final = (
    ("--data", "data", "DIR", "folder for keys, journals and the database"),
    ("--host", "host", "H", "address to listen on"),
    ("--web-port", "web.port", "N", "port of the web service"),
    ("--stage-port", "stage.port", "N", "port of the stage"),
    ("--edge-port", "edge.port", "N", "port of the audience, which all edges share"),
    ("--edges", "edge.count", "N", "how many edges; without it one for each core but one"),
    ("--tls-cert", "tls.cert", "F", "certificate chain, PEM"),
    ("--tls-key", "tls.key", "F", "its private key, PEM"),
)

EDGE_FLAGS: Final = (
    ("--origin", "edge.origin", "URL", "of the stage, or of an edge to feed on"),
    (
        "--token",
        "edge.token",
        "T",
        "credential; all users of this machine can read it here: rather --token-file",
    ),
)


def add_settings(parser: argparse.ArgumentParser, *, without: Container[str] = ()) -> None:
    """Give a command the flags that settle the settings.

    without: flags that mean something else there; --set does as well.
    """
    group = parser.add_argument_group("settings")
    group.add_argument("--config", metavar="F", help=f"TOML file; without it {DEFAULT_FILE}")
    for flag, name, metavar, text in FLAGS:
        if flag in without:
            continue
        group.add_argument(flag, dest=f"set:{name}", metavar=metavar, help=text)
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any other setting, as `hustings settings` names it",
    )


def load_settings(args: argparse.Namespace) -> Loaded:
    """Settings from defaults, file, environment and these flags, with their origins."""
    environ = os.environ  # noqa: TID251 - the one place where settings are read
    flags: dict[str, tuple[str, object]] = {}
    for flag, name, _, _ in (*FLAGS, *EDGE_FLAGS):
        if (value := getattr(args, f"set:{name}", None)) is not None:
            flags[name] = (flag, value)
    for pair in getattr(args, "set", []):
        name, equals, value = pair.partition("=")
        if not equals:
            raise UserError("setting_value", f"--set takes NAME=VALUE, not {pair!r}.")
        flags[name] = ("--set", value)
    named = getattr(args, "config", None) or environ.get(CONFIG)
    path = Path(named or DEFAULT_FILE)
    toml = read_toml(path) if named or path.exists() else None
    return load(toml=toml, toml_name=str(path), environ=environ, flags=flags)


def settings_from(args: argparse.Namespace) -> Settings:
    """Only the values."""
    return load_settings(args).settings
