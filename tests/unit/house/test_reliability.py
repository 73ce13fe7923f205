"""docs/reliability.md and the fault tests name each other."""

import re

from tests.support.house import ROOT
from tests.support.night import ROW

TABLE = set(re.findall(r"^\| (F\d+) \|", (ROOT / "docs/reliability.md").read_text(), re.MULTILINE))


def test_each_row_is_a_test_and_each_fault_test_has_a_row() -> None:
    tests = "\n".join(each.read_text() for each in (ROOT / "tests").rglob("test_*.py"))
    names = re.findall(r"^(?:async )?def (test_F\d+_\w+)", tests, re.MULTILINE)
    named = {found[1] for name in names if (found := ROW.match(name))}
    assert named - TABLE == set(), "a fault test without a row in docs/reliability.md"
    assert TABLE - named == set(), "a promise without a test"
