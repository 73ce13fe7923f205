"""Fills the settings tree: defaults < TOML file < environment (`HUSTINGS_*`) < flags.

Pure but for `read_toml`: the environment comes in as an argument. An unknown name is an error
that says the nearest; a wrong value says what was expected and where it came from. Called by
`cli.options`; `environment()` hands the whole tree to a child process.
"""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.errors import OperatorError, UserError
from hustings.settings import Settings

PREFIX: Final = "HUSTINGS_"
CONFIG: Final = "HUSTINGS_CONFIG"
RESERVED: Final = frozenset({CONFIG, "HUSTINGS_HEARTBEAT"})  # names that are not settings
DEFAULT_FILE: Final = "hustings.toml"


@dataclass(frozen=True)
class Leaf:
    """One setting: its dotted name, its type and its default."""

    name: str
    type: Any
    default: Any
    secret: bool

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return PREFIX + self.name.replace(".", "_").upper()


@dataclass(frozen=True)
class Loaded:
    """The tree, and for each leaf that is not a default where its value came from."""

    settings: Settings
    origins: Mapping[str, str]


def leaves(struct: type[msgspec.Struct] = Settings, prefix: str = "") -> Iterator[Leaf]:
    """Every setting, in the order of the module."""
    for field in msgspec.structs.fields(struct):
        kind = field.type
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
            yield from leaves(kind, f"{prefix}{field.name}.")
            continue
        metas = getattr(kind, "__metadata__", ())
        secret = any((meta.extra or {}).get("secret") for meta in metas)
        yield Leaf(f"{prefix}{field.name}", kind, field.default, secret)


def value_of(settings: Settings, name: str) -> Any:
    """The value of the leaf `name`."""
    value: Any = settings
    for word in name.split("."):
        value = getattr(value, word)
    return value


def expected(leaf: Leaf) -> str:
    """In words, what a value of this setting looks like."""
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    limits = bounds(leaf)
    return words.get(type(leaf.default), "a list of texts") + (f", {limits}" if limits else "")


def bounds(leaf: Leaf) -> str:
    """The range that its type allows, in words; "" where anything goes."""
    for meta in getattr(leaf.type, "__metadata__", ()):
        if meta.pattern is not None:
            return "one of " + ", ".join(meta.pattern.strip("^()$").split("|"))
        if meta.le is not None:
            return f"{meta.ge} to {meta.le}"
        if meta.ge is not None:
            return f"at least {meta.ge}"
        if meta.gt is not None:
            return f"above {meta.gt}"
    return ""


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as nested maps; raises OperatorError("setting_file")."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        reason = error.strerror or str(error)
        raise OperatorError("setting_file", f"Cannot read {path}: {reason}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise OperatorError("setting_file", f"{path} is not TOML: {error}.") from error


def load(
    *,
    toml: Mapping[str, Any] | None = None,
    toml_name: str = DEFAULT_FILE,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, tuple[str, Any]] | None = None,
) -> Loaded:
    """Lay the four layers over each other.

    flags: dotted name -> (the flag as typed, value as text or of its own type).
    Raises UserError: setting_unknown, setting_value.
    """
    known = {leaf.name: leaf for leaf in leaves()}
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}

    def lay(name: str, value: Any, origin: str, *, strict: bool) -> None:
        leaf = known.get(name)
        if leaf is None:
            raise _unknown(name, origin, known)
        values[name] = _convert(leaf, value, origin, strict=strict)
        origins[name] = origin

    for name, value in _flatten(toml or {}, known):
        lay(name, value, toml_name, strict=True)
    variables = {leaf.variable: name for name, leaf in known.items()}
    for variable, text in (environ or {}).items():
        if not variable.startswith(PREFIX) or variable in RESERVED:
            continue
        if variable not in variables:
            raise _unknown(variable, "the environment", variables)
        lay(variables[variable], text, variable, strict=False)
    for name, (flag, value) in (flags or {}).items():
        lay(name, value, flag, strict=False)
    return Loaded(msgspec.convert(_nest(values), Settings, strict=True), origins)


def environment(settings: Settings) -> dict[str, str]:
    """The whole tree as variables: a child process that gets them has the same settings."""
    return {leaf.variable: as_text(value_of(settings, leaf.name)) for leaf in leaves()}


def as_text(value: Any) -> str:
    """A value as one writes it in the environment."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value)


def _flatten(tree: Mapping[str, Any], known: Mapping[str, Leaf], prefix: str = "") -> Iterator[Any]:
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping) and name not in known:
            yield from _flatten(value, known, f"{name}.")
        else:
            yield name, value


def _nest(values: Mapping[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *folders, last = name.split(".")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[last] = value
    return tree


def _convert(leaf: Leaf, value: Any, origin: str, *, strict: bool) -> Any:
    """The value in its type; text from the environment and from flags is read leniently."""
    if not strict and isinstance(value, str) and isinstance(leaf.default, tuple):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not strict and isinstance(value, str) and isinstance(leaf.default, bool):
        value = {"yes": True, "on": True, "no": False, "off": False}.get(value.lower(), value)
    try:
        return msgspec.convert(value, leaf.type, strict=strict)
    except msgspec.ValidationError as error:
        shown = "what was given" if leaf.secret else repr(value)
        raise UserError(
            "setting_value",
            f"{leaf.name} must be {expected(leaf)}, not {shown} (from {origin}).",
            setting=leaf.name,
            origin=origin,
        ) from error


def _unknown(name: str, origin: str, known: Mapping[str, object]) -> UserError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" The nearest is {near[0]}." if near else " `hustings settings` lists them."
    return UserError("setting_unknown", f"There is no setting {name} (in {origin}).{hint}")
