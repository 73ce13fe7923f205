"""The settings as a page (docs/settings.md) and as a commented file (deploy/hustings.toml).

Both are read off the module `hustings.settings`: its structs, defaults and the docstring below
each attribute, so that words and values cannot part. A test compares the files in the tree.
"""

import ast
import inspect
import json
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings import settings as tree
from hustings.loading import Leaf, Loaded, bounds, leaves, value_of
from hustings.settings import Settings

HEAD: Final = """# Settings

Each value is taken from the first of: flag, environment, TOML file (`--config`, else
`HUSTINGS_CONFIG`, else `./hustings.toml`), default. Any setting can be a flag: `--set stage.rooms=5`.
An unknown name is an error. `hustings settings` prints each value and where it came from.

This page is made by `hustings settings --docs`; a commented file to start from is
[deploy/hustings.toml](../deploy/hustings.toml).
"""
TOML_HEAD: Final = """# Hustings settings; every line shows its default. Take the # away to change one.
# Made by `hustings settings --toml`; docs/settings.md says the same as a page.
"""


def meanings() -> dict[str, str]:
    """Dotted name -> its attribute docstring; "stage." -> the docstring of that struct."""
    found: dict[str, str] = {}
    module = ast.parse(inspect.getsource(tree))
    classes = {node.name: node for node in module.body if isinstance(node, ast.ClassDef)}

    def read(struct: type[msgspec.Struct], prefix: str) -> None:
        node = classes[struct.__name__]
        found[prefix] = ast.get_docstring(node) or ""
        for statement, after in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                found[prefix + statement.target.id] = _docstring(after)
        for field in msgspec.structs.fields(struct):
            if isinstance(field.type, type) and issubclass(field.type, msgspec.Struct):
                read(field.type, f"{prefix}{field.name}.")

    read(Settings, "")
    return found


def as_markdown() -> str:
    """The reference page."""
    words = meanings()
    lines = [HEAD]
    table = None
    for leaf in _by_table():
        if (folder := _folder(leaf)) != table:
            table = folder
            title = f"## `[{folder[:-1]}]`" if folder else "## At the top"
            lines += [f"\n{title}\n\n{_flat(words[folder])}\n" if folder else f"\n{title}\n"]
            lines += ["| setting | default | meaning |\n|---|---|---|"]
        variable = f"`{leaf.name}`<br>`{leaf.variable}`"
        default = f"`{_toml(leaf.default)}`"
        lines += [f"| {variable} | {default} | {_explain(words, leaf)} |"]
    return "\n".join(lines) + "\n"


def as_toml(loaded: Loaded) -> str:
    """A commented file: what differs from its default is set, the rest is a comment."""
    words = meanings()
    lines = [TOML_HEAD]
    table = ""
    for leaf in _by_table():
        if (folder := _folder(leaf)) != table:
            table = folder
            lines += [f"\n[{folder[:-1]}]  # {_flat(words[folder])}"]
        if meaning := _explain(words, leaf):
            lines += [f"# {meaning}"]
        value = value_of(loaded.settings, leaf.name)
        mark = "# " if value == leaf.default else ""
        shown = "********" if leaf.secret and value else value
        lines += [f"{mark}{leaf.name.rpartition('.')[2]} = {_toml(shown)}"]
    return "\n".join(lines) + "\n"


def _by_table() -> list[Leaf]:
    """Leaves of one table together, shallow tables first, as TOML wants them."""
    folders = list(dict.fromkeys(_folder(leaf) for leaf in leaves()))
    order = sorted(folders, key=lambda f: (bool(f), folders.index(f)))
    return [leaf for folder in order for leaf in leaves() if _folder(leaf) == folder]


def _folder(leaf: Leaf) -> str:
    head, dot, _ = leaf.name.rpartition(".")
    return head + dot


def _docstring(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return str(node.value.value)
    return ""


def _flat(text: str) -> str:
    return " ".join(text.split())


def _explain(words: Mapping[str, str], leaf: Leaf) -> str:
    """Its meaning and its range."""
    limits = bounds(leaf)
    return f"{_flat(words[leaf.name])}{f' ({limits})' if limits else ''}".strip()


def _toml(value: Any) -> str:
    """A TOML value; the strings, numbers and lists that occur are written alike in JSON."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
