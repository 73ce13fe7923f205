"""What an edge counts, and how Prometheus reads it. Pure; written by all edge modules.

Counters are plain integers in one place: adding to one costs nothing on the hot path.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from hustings.base import exposition
from hustings.base.exposition import Metric, Values

_P: Final = "hustings_edge_"


def _counter(name: str, says: str, *labels: str) -> Metric:
    return Metric(f"{_P}{name}_total", "counter", says, labels)


def _gauge(name: str, says: str) -> Metric:
    return Metric(f"{_P}{name}", "gauge", says)


PLAIN: Final = (
    _counter("joins", "Streams that began."),
    _counter("sent_bytes", "Bytes of sound and events written to listeners."),
    _counter("sends", "Writes of a shared piece to a listener."),
    _counter("jumps", "Slow listeners who lost sound that the backlog had forgotten."),
    _counter("slow_closed", "Listeners who were too slow even for that."),
    _counter("upstream_starts", "Rooms that began to be followed."),
    _counter("broken_ticks", "Faults of our own, which are in the log."),
    _counter("bad_lines", "Lines of the stage's index that could not be used."),
    _counter("queued", "Newcomers who were given a place in the queue."),
)
LABELLED: Final = (
    _counter("parts", "Parts that left, by what was in them.", "source"),
    _counter("refusals", "Requests that were refused, by the problem's code.", "code"),
    _counter("answers", "Answers, by status.", "status"),
    _counter("tickets", "Tickets that were shown, by kind or by why they count as none.", "result"),
    _counter("admissions", "Decisions of the door.", "class", "outcome"),
)
GAUGES: Final = (
    _gauge("connections", "Open connections."),
    _gauge("listeners", "Who listens at this edge now."),
    _gauge("waiting", "Tickets that wait for a low-delay seat, as far as this edge knows."),
    _gauge("seats_free", "Low-delay seats that are free."),
    _gauge("hands", "Raised hands that this edge holds."),
    _gauge("rooms", "Rooms that are followed."),
    _gauge("ladder_level", "The ladder's step: 0 calm to 6."),
    _gauge("pressure", "How hard this edge works: 0 calm to 1."),
    _gauge("stage_near", "1 while the stage is heard of, else 0."),
)
METRICS: Final = (*PLAIN, *LABELLED, *GAUGES)


class Counts:
    """Since the process began."""

    def __init__(self) -> None:
        self.joins = 0
        self.sent_bytes = 0  # of sound and events to listeners
        self.sends = 0
        self.jumps = 0  # slow listeners who lost sound
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
    """The Prometheus text format. gauges: name without prefix -> value now."""
    values: dict[str, float | Values] = {_P + name: value for name, value in gauges.items()}
    values |= {each.name: getattr(counts, _field(each)) for each in PLAIN}
    for each in LABELLED:
        found: Counter[Any] = getattr(counts, _field(each))
        values[each.name] = {
            key if isinstance(key, tuple) else (str(key),): number for key, number in found.items()
        }
    return exposition.text("edge", METRICS, values)


def _field(metric: Metric) -> str:
    """The attribute of `Counts`."""
    return metric.name.removeprefix(_P).removesuffix("_total")
