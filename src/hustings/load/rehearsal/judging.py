"""Whether a rehearsal went well, in words first; pure.

Each criterion is one promise of ours (docs/operations.md "Rehearse the crowd"), with a limit that the command may
change. The generator's own lateness is judged as well: where it was the limit, its figures of time are upper
bounds and a failure says nothing about the server.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from hustings.base.errors import UserError
from hustings.load.rehearsal.arrivals import Shape
from hustings.load.rehearsal.orders import Own
from hustings.load.rehearsal.summary import Summary

LIMITS: Final[dict[str, float]] = {
    "heard": 0.999,  # share of the listeners
    "first_sound_p95_s": 5.0,  # who is asked to come again in 2 s, and does, is in time
    "lost_s": 0.0,
    "silence_p95_s": 1.0,
    "back_p95_s": 10.0,  # overload.md F5
    "improper": 0,  # refusals
    "refusal_p99_ms": 250.0,  # a join may stand in the door's own queue for 100 to 200 ms
    "fairness": 0.9,
    "polite_share": 0.8,
    "audible": 0.5,  # of a decoder's frames: speech has pauses
    "goodput": 0.9,  # of the capacity calibrated in the same run
    "late_ticks": 0.01,  # share of the ticks, beyond that of the calm seconds (150 ticks: one is 0.7 %)
}
"""What each figure is held against; `--limit NAME=VALUE` changes one."""

TONES: Final = {"passed": "Passed", "failed": "Not good enough", "unclear": "Cannot be told"}
"""An outcome, as the report and the documentation call it."""

OWN_LATE_MS: Final = 50.0
OWN_CPU: Final = 0.95


class Criterion(msgspec.Struct, frozen=True):
    """One promise: kept or not."""

    name: str
    words: str
    limit: str
    measured: str
    kept: bool


class Verdict(msgspec.Struct, frozen=True):
    """What an organiser wants to know."""

    outcome: Literal["passed", "failed", "unclear"]
    headline: str
    reasons: tuple[str, ...]
    criteria: tuple[Criterion, ...]


class Flood(msgspec.Struct, frozen=True):
    """What was calibrated in the same run, and what the flood was then."""

    capacity: float  # C: visits a second that are all served, first sound p99 <= 250 ms
    refusals: float  # R: refusals a second
    rate: float  # of the flood
    bound: str  # which bound held: "10 × C" or "0.8 × R"


def limits_with(changes: Mapping[str, float]) -> dict[str, float]:
    """The limits with some changed. Raises UserError `load_limit`."""
    for name in changes:
        if name not in LIMITS:
            raise UserError(
                "load_limit", f"There is no limit {name!r}; choose of {', '.join(LIMITS)}."
            )
    return LIMITS | dict(changes)


def limiting(own: Own) -> str:
    """How the generator itself was too slow, in words; empty if it was not."""
    if own.no_files:
        return f"this machine refused {own.no_files} of its own connections (open files, ports)"
    if own.late_p99_ms > OWN_LATE_MS:
        return f"it began connections up to {own.late_p99_ms:.0f} ms late (99 % of them)"
    if own.loop_p99_ms > OWN_LATE_MS:
        return f"it looked at what came up to {own.loop_p99_ms:.0f} ms late (99 % of the time)"
    if own.cpu > OWN_CPU:
        return f"it used {own.cpu:.0%} of a core"
    return ""


def judge(
    summary: Summary, shape: Shape, limits: Mapping[str, float], flood: Flood | None = None
) -> Verdict:
    """Weigh a rehearsal."""
    criteria = (*_sound(summary, limits), *_manners(summary, limits))
    if shape == "reconnect" or summary.cut:
        criteria += _returns(summary, limits)
    if flood is not None:
        criteria += (_goodput(summary, limits["goodput"], flood),)
    broken = [each for each in criteria if not each.kept]
    own = limiting(summary.own)
    outcome: Literal["passed", "failed", "unclear"] = "passed"
    if broken:
        outcome = "unclear" if own else "failed"
    reasons = tuple(
        f"{each.words}: no; {each.measured} instead of {each.limit}." for each in broken
    )
    if own:
        advice = "Its figures of time are upper bounds; use more processes, or a quieter machine."
        reasons += (f"The generator was a limit itself: {own}. {advice}",)
    if summary.ended_early:
        reasons += ("It was ended early; what is judged is what was seen until then.",)
    stage_only = [each.name for each in broken] == ["late_ticks"]
    return Verdict(outcome, _headline(outcome, summary, stage_only), reasons, criteria)


def brief(seconds: float) -> str:
    """A time in words: 4 ms, 0.25 s, 12 s."""
    if seconds < 0.0995:
        return f"{seconds * 1_000:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.95 else f"{seconds:.0f} s"


def _sound(found: Summary, limits: Mapping[str, float]) -> tuple[Criterion, ...]:
    share = found.heard / found.listeners if found.listeners else 0.0
    least = limits["heard"]
    audible = found.decoders and found.audible >= limits["audible"]
    return (
        Criterion(
            "heard", "Everyone who came heard sound", f"≥ {least:.1%}",
            f"{share:.2%} ({found.heard:,} of {found.listeners:,})", share >= least,
        ),
        Criterion(
            "first_sound_p95_s", "Sound came soon (95 % of the people)",
            f"≤ {limits['first_sound_p95_s']:g} s", brief(found.first_sound_s.p95),
            found.first_sound_s.count > 0 and found.first_sound_s.p95 <= limits["first_sound_p95_s"],
        ),
        Criterion(
            "lost_s", "Nobody lost a word for good", f"≤ {limits['lost_s']:g} s",
            f"{found.lost_s:g} s, {found.losers} people", found.lost_s <= limits["lost_s"],
        ),
        Criterion(
            "silence_p95_s", "Pauses were short (95 % of the people)",
            f"≤ {limits['silence_p95_s']:g} s",
            f"{brief(found.silence_s.p95)}, most {brief(found.silence_s.most)}",
            found.silence_s.p95 <= limits["silence_p95_s"],
        ),
        Criterion(
            "audible", "It was sound: decoded, in order, not silence",
            f"≥ {limits['audible']:.0%} of the frames, 0 out of order",
            f"{found.audible:.0%}, {found.out_of_order} out of order, {found.damaged} damaged"
            f" ({found.decoders} decoders)",
            bool(audible) and not found.out_of_order and not found.damaged,
        ) if found.decoders else _untold("audible", "It was sound", "nobody decoded"),
    )  # fmt: skip


def _manners(found: Summary, limits: Mapping[str, float]) -> tuple[Criterion, ...]:
    criteria = [
        Criterion(
            "improper", "Who was refused was told when to come again",
            f"{limits['improper']:g} without", f"{found.improper} of {found.refusals}",
            found.improper <= limits["improper"],
        ),
        Criterion(
            "fairness", "All addresses were served alike (Jain's index)",
            f"≥ {limits['fairness']:g}", f"{found.fairness:g}", found.fairness >= limits["fairness"],
        ),
    ]  # fmt: skip
    if found.refusals:
        criteria.append(
            Criterion(
                "refusal_p99_ms", "A refusal came at once (99 %)",
                f"≤ {limits['refusal_p99_ms']:g} ms", f"{found.refusal_ms.p99:.0f} ms",
                found.refusal_ms.p99 <= limits["refusal_p99_ms"],
            )
        )  # fmt: skip
    if found.rude:
        criteria.append(
            Criterion(
                "polite_share", "Rudeness did not pay: polite people's share of their due",
                f"≥ {limits['polite_share']:g}", f"{found.polite_share:g}",
                found.polite_share >= limits["polite_share"],
            )
        )  # fmt: skip
    if found.stage is not None:
        stage, calm = found.stage, found.calm.late if found.calm else 0.0
        most = limits["late_ticks"] + calm
        before = f" ({calm:.2%} before the crowd)" if calm else ""
        criteria.append(
            Criterion(
                "late_ticks", "The stage noticed nothing: no more of its ticks late than before, none skipped",
                f"≤ {most:.1%} late, 0 skipped",
                f"{stage.late:.2%} of {stage.ticks} late{before}, {stage.skipped_ticks} skipped",
                stage.late <= most and not stage.skipped_ticks,
            )
        )  # fmt: skip
    return tuple(criteria)


def _returns(found: Summary, limits: Mapping[str, float]) -> tuple[Criterion, ...]:
    most = limits["back_p95_s"]
    return (
        Criterion(
            "back_p95_s", "Whose line broke was soon back (95 % of the people)", f"≤ {most:g} s, all",
            f"{brief(found.back_s.p95)}, {found.not_back} of {found.cut} not back",
            found.back_s.count > 0 and found.back_s.p95 <= most and not found.not_back,
        ),
    )  # fmt: skip


def _goodput(found: Summary, share: float, flood: Flood) -> Criterion:
    words = "Under the flood as many people a second got in as could before it"
    if not flood.rate:  # nothing came: nothing was shown
        seen = f"no flood: C {flood.capacity:g}, R {flood.refusals:g} a second"
        return Criterion("goodput", words, "a flood", seen, kept=False)
    least = share * min(flood.capacity, flood.rate)
    seen = f"{found.visits_a_second:.0f} a second"
    return Criterion(
        "goodput", words, f"≥ {least:.0f} a second", seen, found.visits_a_second >= least
    )


def _untold(name: str, words: str, why: str) -> Criterion:
    return Criterion(name, words, "not asked", why, kept=True)


def _headline(outcome: str, found: Summary, stage_only: bool) -> str:
    crowd = f"{found.listeners:,} listeners"
    if outcome == "passed":
        return (
            f"{crowd} were served: 95 % had sound within {brief(found.first_sound_s.p95)}, "
            f"and nobody lost a word."
            if not found.lost_s
            else f"{crowd} were served within the limits that were set."
        )
    if outcome == "unclear":
        return f"It cannot be told whether {crowd} were served well: the generator was too slow."
    if stage_only:
        return f"{crowd} were served as promised, but the stage did not stay undisturbed."
    return f"{crowd} were not all served as promised."
