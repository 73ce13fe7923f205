"""`hustings settings`: each setting, its value and where it came from; secrets are masked.

`--toml` prints a commented file to start from; `--docs` the reference page docs/settings.md.
"""

import argparse
import json
from typing import Any, Final

from hustings.cli.options import add_settings, load_settings
from hustings.cli.settings_page import as_markdown, as_toml
from hustings.loading import Leaf, Loaded, leaves, value_of

NAME: Final = "settings"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How to print."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list of objects")
    form.add_argument("--toml", action="store_true", help="a commented file with these values")
    form.add_argument("--docs", action="store_true", help="the reference page, in Markdown")
    add_settings(parser)


def run(args: argparse.Namespace) -> int:
    """Print them."""
    if args.docs:
        print(as_markdown(), end="")
        return 0
    loaded = load_settings(args)
    if args.toml:
        print(as_toml(loaded), end="")
    elif args.json:
        print(json.dumps(rows(loaded), indent=2))
    else:
        for row in rows(loaded):
            print(f"{row['name']:<28} {row['value']!s:<28} {row['origin']}".rstrip())
    return 0


def rows(loaded: Loaded) -> list[dict[str, Any]]:
    """One map for each setting: name, value, default, origin."""
    return [
        {
            "name": leaf.name,
            "value": shown(leaf, value_of(loaded.settings, leaf.name)),
            "default": shown(leaf, leaf.default),
            "origin": loaded.origins.get(leaf.name, "default"),
        }
        for leaf in leaves()
    ]


def shown(leaf: Leaf, value: Any) -> Any:
    """The value as it may appear on a screen or in a log."""
    if leaf.secret and value:
        return "********"
    return list(value) if isinstance(value, tuple) else value
