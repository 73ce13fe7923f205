"""The source tree, for tests about the tree itself."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "hustings"


def tracked(pattern: str) -> list[Path]:
    """Files of the tree that match a git pathspec; those not yet added count too."""
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", pattern],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:  # no git here, as in an unpacked archive
        return sorted(p for p in ROOT.glob(pattern) if ".venv" not in p.parts)
    return sorted(ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file())


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        words = path.relative_to(SOURCE.parent).with_suffix("").parts
        found[".".join(words).removesuffix(".__init__")] = path
    return found


def calls(path: Path) -> Iterator[ast.Call]:
    """Every call in a file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield node


def text_argument(call: ast.Call, place: int = 0) -> str | None:
    """The call's argument at `place`, if it is a plain text."""
    if len(call.args) > place and isinstance(node := call.args[place], ast.Constant):
        return node.value if isinstance(node.value, str) else None
    return None
