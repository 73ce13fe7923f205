"""Files that can be read in one sitting, functions that fit on a screen."""

import ast

import pytest

from tests.fakes.tree import ROOT, SOURCE

FILE_LINES = 600
TEST_LINES = 800
FUNCTION_LINES = 60
LONGER: dict[str, str] = {}  # path -> the reason why it may


def sources():
    yield from ((p, FILE_LINES) for p in sorted(SOURCE.rglob("*.py")))
    yield from ((p, FILE_LINES) for p in sorted(SOURCE.rglob("static/**/*.js")))
    yield from ((p, FILE_LINES) for p in sorted((ROOT / "bench").rglob("*.py")))
    yield from ((p, TEST_LINES) for p in sorted((ROOT / "tests").rglob("*.py")))


@pytest.mark.parametrize(
    ("path", "limit"), [pytest.param(p, n, id=str(p.relative_to(ROOT))) for p, n in sources()]
)
def test_size(path, limit):
    text = path.read_text(encoding="utf-8")
    name = str(path.relative_to(ROOT))
    assert text.count("\n") <= limit or name in LONGER
    if path.suffix != ".py" or "tests" in path.parts:
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= FUNCTION_LINES, f"{name}:{node.lineno} {node.name} has {lines} lines"
