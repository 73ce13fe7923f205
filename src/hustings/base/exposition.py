"""What a service counts, in Prometheus' text format 0.0.4. Pure.

Each service declares its metrics once, with a sentence that says what is counted; `text` writes
them with the values of the moment. What is not declared cannot be written, what is declared is in
the table of docs/operations.md (a test compares them), so there is one list. Names follow
Prometheus' conventions: prefix `hustings_`, the service, base units, `_total` for counters.
Source: prometheus.io/docs/instrumenting/exposition_formats, /docs/practices/naming.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import msgspec

from hustings import VERSION

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[str, ...]
Values = Mapping[Labels, float]


class Metric(msgspec.Struct, frozen=True):
    """One family: its name, what it tells, and the names of its labels."""

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    labels: Labels = ()


BUILD: Final = Metric(
    "hustings_build_info",
    "gauge",
    "Always 1; which version runs.",
    ("service", "version"),
)


def text(service: str, metrics: Iterable[Metric], values: Mapping[str, float | Values]) -> bytes:
    """All declared metrics that have a value; KeyError if a value was not declared.

    values: name -> number, or label values -> number.
    """
    declared = {metric.name: metric for metric in metrics}
    lines: list[str] = []
    build: dict[str, float | Values] = {BUILD.name: {(service, VERSION): 1.0}}
    for name, value in (build | dict(values)).items():
        metric = BUILD if name == BUILD.name else declared[name]
        lines.append(f"# HELP {name} {metric.help}")
        lines.append(f"# TYPE {name} {metric.kind}")
        samples = value.items() if isinstance(value, Mapping) else [((), value)]
        for labels, number in sorted(samples):
            lines.append(f"{name}{_labels(metric.labels, labels)} {_number(number)}")
    return ("\n".join(lines) + "\n").encode()


def _labels(names: Labels, values: Labels) -> str:
    if len(names) != len(values):
        raise ValueError(f"{len(values)} label values for {names}")
    pairs = [f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)]
    return "{" + ",".join(pairs) + "}" if pairs else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    """Whole numbers whole, however large; else as exact as they are."""
    return str(int(value)) if value == int(value) else repr(float(value))
