"""Prometheus' text format."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings import VERSION
from hustings.base.exposition import Metric, text

COUNTER = Metric("hustings_x_seen_total", "counter", "What was seen.", ("kind", "by"))
GAUGE = Metric("hustings_x_size", "gauge", "How large.")


def test_families_come_with_help_and_type_and_the_build_first() -> None:
    values = {"hustings_x_size": 0.5, "hustings_x_seen_total": {("b", "y"): 2, ("a", "x"): 10**15}}
    assert text("edge", [COUNTER, GAUGE], values).decode().splitlines() == [
        "# HELP hustings_build_info Always 1; which version runs.",
        "# TYPE hustings_build_info gauge",
        f'hustings_build_info{{service="edge",version="{VERSION}"}} 1',
        "# HELP hustings_x_size How large.",
        "# TYPE hustings_x_size gauge",
        "hustings_x_size 0.5",
        "# HELP hustings_x_seen_total What was seen.",
        "# TYPE hustings_x_seen_total counter",
        'hustings_x_seen_total{kind="a",by="x"} 1000000000000000',
        'hustings_x_seen_total{kind="b",by="y"} 2',
    ]


def test_what_is_not_declared_cannot_be_written() -> None:
    with pytest.raises(KeyError):
        text("edge", [GAUGE], {"hustings_x_seen_total": 1})
    with pytest.raises(ValueError, match="1 label values"):
        text("edge", [COUNTER], {"hustings_x_seen_total": {("a",): 1}})


@given(st.text(), st.text())
def test_no_label_breaks_a_line(kind: str, by: str) -> None:
    written = text("edge", [COUNTER], {"hustings_x_seen_total": {(kind, by): 1}})
    last = written.decode(errors="surrogatepass").split("\n")[5]
    assert re.fullmatch(r'hustings_x_seen_total\{kind="(.*)",by="(.*)"\} 1', last, re.DOTALL)
