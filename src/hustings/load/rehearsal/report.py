"""A rehearsal as a page that an organiser can read: the verdict in words, then the figures. Pure.

One file without scripts or links to anywhere; light and dark. `Rehearsed` as JSON is the same for
machines, and what `hustings plan --calibration` reads.
"""

import math
from collections import defaultdict
from datetime import UTC, datetime
from itertools import accumulate
from typing import Final

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hustings import VERSION
from hustings.load.crowd.tally import percentile
from hustings.load.plots import Mark, Series, plot
from hustings.load.rehearsal.judging import TONES, Flood, Verdict, brief
from hustings.load.rehearsal.orders import Person
from hustings.load.rehearsal.summary import Summary
from hustings.load.rehearsal.wish import Wish

REPORT_VERSION: Final = 1


class Waits(msgspec.Struct, frozen=True):
    """For those who came in each second: seconds until sound. -1: nobody came, or heard."""

    median: tuple[float, ...] = ()
    p95: tuple[float, ...] = ()


class Rehearsed(msgspec.Struct, frozen=True):
    """Everything that is known of one rehearsal."""

    wish: Wish
    summary: Summary
    verdict: Verdict
    flood: Flood | None
    seconds: dict[str, list[float]]
    waits: Waits
    began_ms: int
    machine: str
    v: int = REPORT_VERSION


def waits_of(people: list[Person]) -> Waits:
    """How the wait for sound went over the evening."""
    by_second: defaultdict[int, list[float]] = defaultdict(list)
    for each in people:
        if each.first_sound_s >= 0 and each.manner == "polite":
            by_second[int(each.due_s)].append(each.first_sound_s - each.due_s)
    last = max(by_second, default=-1)

    def each_second(share: float) -> tuple[float, ...]:
        return tuple(
            round(percentile(by_second[second], share), 3) if second in by_second else -1.0
            for second in range(last + 1)
        )

    return Waits(each_second(0.5), each_second(0.95))


def html(done: Rehearsed) -> str:
    """The page."""
    page = environment().get_template("report.html")
    return page.render(
        done=done,
        wish=done.wish,
        summary=done.summary,
        verdict=done.verdict,
        tones=TONES,
        plots=_plots(done),
        when=f"{datetime.fromtimestamp(done.began_ms / 1_000, UTC):%Y-%m-%d %H:%M} UTC",
        version=VERSION,
    )


def environment() -> Environment:
    """Templates of this package; what is put into them is escaped."""
    made = Environment(
        loader=PackageLoader("hustings.load", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["count"] = "{:,}".format
    made.filters["brief"] = brief
    return made


def _plots(done: Rehearsed) -> list[tuple[str, Markup]]:
    """Titles and pictures."""
    known = done.seconds

    length = max(map(len, known.values()), default=0)

    def values(name: str) -> list[float]:
        given = known.get(name, [])
        return given + [0.0] * (length - len(given))

    def holes(series: tuple[float, ...]) -> list[float]:
        return [each if each >= 0 else math.nan for each in series]

    marks = []
    if done.wish.event_s:
        marks = [Mark(done.wish.event_s, "cut" if done.wish.shape == "reconnect" else "flood")]
    pictures = [
        (
            "Who came, and who had sound",
            [
                Series("came", list(accumulate(values("due")))),
                Series("have had sound", list(accumulate(values("first_sounds")))),
                Series("hear now", values("hearing")),
                Series("wait in the queue", values("waiting")),
            ],
            "people",
        ),
        (
            "How long newcomers waited for sound",
            [
                Series("median", holes(done.waits.median)),
                Series("95 %", holes(done.waits.p95)),
            ],
            "s",
        ),
        (
            "Joins, refusals, faults",
            [
                Series("first sounds", values("first_sounds")),
                Series("refusals", values("refusals")),
                Series("lines that broke", values("broken")),
            ],
            "a second",
        ),
        ("Pauses that began", [Series("stalls", values("stalls"))], "a second"),
        ("What was sent", [Series("received", [each * 8 / 1e6 for each in values("bytes")])], "Mbit/s"),
        ("How late the generator itself was", [Series("worst", values("late_ms"))], "ms"),
    ]  # fmt: skip
    return [
        (f"{title} ({unit})", Markup(plot(title, series, x="seconds", marks=marks)))  # noqa: S704
        for title, series, unit in pictures
    ]
