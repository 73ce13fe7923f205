"""What an edge counts, and how Prometheus reads it. Pure; written by all edge modules.

Counters are plain integers in one place: adding to one costs nothing on the hot path.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

_PLAIN: Final = (
    "joins",
    "sent_bytes",
    "sends",
    "jumps",
    "slow_closed",
    "upstream_starts",
    "broken_ticks",
    "bad_lines",
    "queued",
)


class Counts:
    """Since the process began."""

    def __init__(self) -> None:
        self.joins = 0
        self.sent_bytes = 0  # of sound and events to listeners
        self.sends = 0
        self.jumps = 0  # slow listeners who jumped to live
        self.slow_closed = 0  # ... and those who could not even do that
        self.parts: Counter[str] = Counter()  # live, hold, late
        self.refusals: Counter[str] = Counter()  # by code
        self.answers: Counter[int] = Counter()  # by status
        self.tickets: Counter[str] = Counter()  # those shown: kind, or why they count as none
        self.admissions: Counter[tuple[str, str]] = Counter()  # by class, and what became of it
        self.upstream_starts = 0
        self.broken_ticks = 0  # our own faults, logged
        self.bad_lines = 0  # of the stage's index that could not be used
        self.queued = 0  # told to wait for a seat


def text(counts: Counts, gauges: Mapping[str, float]) -> bytes:
    """The Prometheus text format, version 0.0.4. gauges: name without prefix -> value now."""
    lines: list[str] = []

    def family(name: str, kind: str, values: Mapping[str, float]) -> None:
        lines.append(f"# TYPE hustings_edge_{name} {kind}")
        lines.extend(f"hustings_edge_{name}{label} {value:g}" for label, value in values.items())

    for name, value in gauges.items():
        family(name, "gauge", {"": value})
    for name in _PLAIN:
        lines.append(f"# TYPE hustings_edge_{name}_total counter")
        lines.append(f"hustings_edge_{name}_total {getattr(counts, name)}")
    labelled: tuple[tuple[str, str, Mapping[Any, int]], ...] = (
        ("parts_total", "source", counts.parts),
        ("refusals_total", "code", counts.refusals),
        ("answers_total", "status", counts.answers),
        ("tickets_total", "result", counts.tickets),
    )
    for name, label, values in labelled:
        family(
            name,
            "counter",
            {f'{{{label}="{key}"}}': v for key, v in sorted(values.items(), key=str)},
        )
    family(
        "admissions_total",
        "counter",
        {
            f'{{class="{kind}",outcome="{outcome}"}}': count
            for (kind, outcome), count in sorted(counts.admissions.items())
        },
    )
    return ("\n".join(lines) + "\n").encode()
