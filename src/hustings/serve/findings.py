"""One thing that a check found, and what to do about it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """state: ok; warn = will hurt on the evening; bad = something does not work."""

    name: str
    state: Literal["ok", "warn", "bad"]
    said: str
    mend: str = ""


def ok(name: str, said: str) -> Finding:
    """All is well."""
    return Finding(name, "ok", said)


def warn(name: str, said: str, mend: str) -> Finding:
    """It works, and will hurt."""
    return Finding(name, "warn", said, mend)


def bad(name: str, said: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(name, "bad", said, mend)
