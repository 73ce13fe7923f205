"""A plan and its stampede as a page, and as text; pure. `hustings plan` prints and writes them."""

import math
from typing import Final

import msgspec
from markupsafe import Markup

from hustings import VERSION
from hustings.load.plan.calibration import Calibration
from hustings.load.plan.planning import JOINED, Assumption, Plan, Resource, Wanted
from hustings.load.plan.simulation import ASKS_S, JOIN_S, SEGMENT_S, Stampede
from hustings.load.plots import Series, plot
from hustings.load.rehearsal.judging import brief
from hustings.load.rehearsal.report import environment
from hustings.wire.names import PART_SECONDS

WORDS: Final[dict[Resource, str]] = {
    "processor": "processor time",
    "connections": "connections",
    "line": "the machine's line",
    "memory": "memory",
}
DOORS: Final = (
    Assumption("a join", f"{JOIN_S:g} s", "connection and first part; on loopback it is less"),
    Assumption(
        "first sound of those who wait", f"{JOIN_S + SEGMENT_S:g} s", "one segment of the slower stream, from any cache"
    ),
    Assumption(
        "who waits asks again", f"after {ASKS_S[0]:g} to {ASKS_S[1]:g} s", "answers are the same for all, and cacheable"
    ),
    Assumption("how they come", "most at once, ever fewer", "as after a notice to all telephones"),
)  # fmt: skip


FIT: Final = 0.8
BUSY_MACHINE: Final = (
    "The calibration is rough: the machine was busy with other things while it was measured. "
    "Measure again when it is quiet."
)


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that `hustings plan` says."""

    wanted: Wanted
    plan: Plan
    stampede: Stampede
    calibration: Calibration
    v: int = 1

    @property
    def headline(self) -> str:
        """The plan in a sentence."""
        plan = self.plan
        return (
            f"{plan.listeners:,} listeners need {plan.machines:,} machines with {plan.edges:,} edges "
            f"({plan.cores:,} cores), which send {rate(plan.total_gbit * 1e9)}."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """What an organiser should know."""
        busy = (BUSY_MACHINE,) if self.calibration.fit < FIT else ()
        return (*_house(self.plan), *_doors(self.stampede, self.wanted, self.plan), *busy)

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """All of them."""
        return (*self.plan.assumptions, *DOORS)


def _house(plan: Plan) -> tuple[str, ...]:
    first = WORDS[plan.first]
    second = sorted(plan.limits, key=lambda each: plan.limits[each])[1]
    found = [
        (
            f"One machine carries {plan.per_machine:,}. What gives out first: {first} "
            f"({plan.limits[plan.first]:,} listeners), then {WORDS[second]} ({plan.limits[second]:,})."
        ),
        (
            f"At its share a machine sends {rate(plan.machine_mbit * 1e6)}, an edge "
            f"{rate(plan.edge_mbit * 1e6)}. {plan.spare_machines:,} of the machines are spare."
        ),
    ]
    joined = plan.joined[JOINED[-1]]
    if joined > plan.per_machine:
        found.append(
            f"Under pressure the ladder joins up to {JOINED[-1]} parts: a machine then carries "
            f"{joined:,}, {JOINED[-1] * PART_SECONDS:.1f} s behind the stage instead of {PART_SECONDS:g} s."
        )
    if plan.parents:
        found.append(
            f"{plan.parents:,} of the edges feed the others (a tree), so the stage sends {plan.stage_mbit:g} Mbit/s."
        )
    else:
        found.append(f"The stage sends {plan.stage_mbit:g} Mbit/s to them.")
    if plan.price is not None:
        found.append(f"At the prices given that is {plan.price:,.2f} for {plan.gigabytes:,.0f} GB.")
    return tuple(found)


def _doors(stampede: Stampede, wanted: Wanted, plan: Plan) -> tuple[str, ...]:
    coming = round(wanted.listeners * (1 - wanted.lobby))
    found = [
        (
            f"{wanted.listeners - coming:,} are in the lobby and do nothing at the start; {coming:,} come "
            f"within {wanted.over_s:g} s, up to {stampede.peak_a_second:,.0f} a second. "
            f"The doors let {plan.joins_a_second:,} a second in."
        ),
        (
            f"95 % of those have some sound within {brief(stampede.any_sound_p95_s)}, the low-delay sound "
            f"within {brief(stampede.live_p95_s)} (median {brief(stampede.live_p50_s)})."
        ),
    ]
    if stampede.most_waiting >= 1:
        found.append(
            f"At the worst moment {stampede.most_waiting:,.0f} wait, and ask {stampede.asks_a_second:,.0f} "
            "times a second for the queue's state: put a cache in front."
        )
    if stampede.all_in_s >= 0:
        found.append(f"After {brief(stampede.all_in_s)} all who can be seated are in.")
    else:
        found.append(
            "They are not all in within four hours: add machines, or open the lobby earlier."
        )
    if stampede.turned_away:
        found.append(
            f"There is no seat for {stampede.turned_away:,.0f}: they stay with the slower stream."
        )
    return tuple(found)


def rate(bit_s: float) -> str:
    """Bits a second in words."""
    for limit, unit in ((1e12, "Tbit/s"), (1e9, "Gbit/s"), (1e6, "Mbit/s")):
        if bit_s >= limit:
            return f"{bit_s / limit:,.4g} {unit}"
    return f"{bit_s / 1e3:.3g} kbit/s"


def text(outlook: Outlook) -> str:
    """For a terminal."""
    cost = outlook.calibration
    lines = [outlook.headline, "", *outlook.sentences, "", f"Measured ({cost.machine}):"]
    lines += [f"  {name:<34} {value}" for name, value in measured(cost)]
    lines += ["", "Assumed:"]
    width = max(len(each.value) for each in outlook.assumptions)
    lines += [f"  {a.what:<38} {a.value:<{min(width, 30)}} {a.why}" for a in outlook.assumptions]
    return "\n".join(lines)


def measured(cost: Calibration) -> list[tuple[str, str]]:
    """The calibration, as pairs of words."""
    return [
        ("with so many listeners", f"{cost.listeners:,}"),
        ("processor, a listener-second", f"{cost.listener_us:g} µs"),
        ("parts in a send, meanwhile", f"{cost.joined:g}"),
        ("processor, a join", f"{cost.join_us:g} µs"),
        ("joins a second and core", f"{cost.joins_a_second:,.0f}"),
        ("processor, an edge with nobody", f"{cost.idle_cpu:.1%} of a core"),
        ("sent to a listener", rate(cost.listener_bit_s)),
        ("memory of a listener", f"{cost.listener_bytes / 1024:.1f} KiB"),
        ("how well this explains each second", f"R² {cost.fit:g}"),
    ]


def html(outlook: Outlook) -> str:
    """The page."""
    return environment().get_template("plan.html").render(
        outlook=outlook, measured=measured(outlook.calibration), plots=_plots(outlook), words=WORDS,
        rate=rate, version=VERSION,
    )  # fmt: skip


def _plots(outlook: Outlook) -> list[tuple[str, Markup]]:
    found = outlook.stampede
    length = max(len(found.arrived), len(found.admitted))

    def holes(values: tuple[float, ...]) -> list[float]:
        return [each if each >= 0 else math.nan for each in values]

    arrived = [*found.arrived, *([0.0] * (length - len(found.arrived)))]
    pictures = [
        (
            "Who comes and who is let in (people a second)",
            [Series("come", arrived), Series("are let in", found.admitted)],
        ),
        (
            "Who waits, hearing the slower stream (people)",
            [Series("wait", found.waiting)],
        ),
        (
            "Time to the low-delay sound, by moment of arrival (s)",
            [Series("median", holes(found.wait_p50_s)), Series("95 %", holes(found.wait_p95_s))],
        ),
    ]
    return [
        (title, Markup(plot(title, series, x="seconds")))  # noqa: S704 - ours
        for title, series in pictures
    ]
