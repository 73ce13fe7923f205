"""The findings of a rehearsal in numbers that mean something; pure. `judging` weighs them, `report` shows them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec

from hustings.load.crowd.tally import percentile
from hustings.load.rehearsal.orders import Findings, Own, Person, Refusal
from hustings.load.rehearsal.wish import Wish
from hustings.wire.names import PART_SECONDS

PROPER: Final = frozenset({429, 503})
"""How a server may refuse for load."""


class Spread(msgspec.Struct, frozen=True):
    """How a figure is spread over people; the unit is in the name of the field that holds it."""

    count: int = 0
    p50: float = 0.0
    p95: float = 0.0
    p99: float = 0.0
    most: float = 0.0


def spread(values: Sequence[float]) -> Spread:
    """Of some values; zeros if there are none."""
    at = [round(percentile(values, share), 3) for share in (0.5, 0.95, 0.99, 1.0)]
    return Spread(len(values), *at)


class Stage(msgspec.Struct, frozen=True):
    """What the stage's own counters said while the crowd was out."""

    ticks: int = 0
    late_ticks: int = 0
    skipped_ticks: int = 0

    @property
    def late(self) -> float:
        """Share of the ticks that were late; 1 if there were none."""
        return self.late_ticks / self.ticks if self.ticks else 1.0


class Edges(msgspec.Struct, frozen=True):
    """The edges' processes, if they run on this machine."""

    processes: int = 0
    cpu_s: float = 0.0
    memory_bytes: float = 0.0  # that they took while the crowd was there


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A rehearsal in numbers. People are those who behave and stay, unless said otherwise."""

    people: int = 0  # all who came, of any manner, to stay or to visit
    listeners: int = 0  # came to stay and behave like our page
    heard: int = 0  # ... and had sound
    first_sound_s: Spread = Spread()  # from their moment
    connect_ms: Spread = Spread()
    first_byte_ms: Spread = Spread()
    lost_s: float = 0.0  # media time that anybody never played, all together
    losers: int = 0  # who lost some
    silence_s: Spread = Spread()  # of each listener, in all
    silent: int = 0  # who had any
    queued: int = 0
    queue_wait_s: Spread = Spread()
    queue_error_s: Spread = Spread()  # what the queue had promised against what it took
    slow_cut: int = 0  # slow readers who lost sound or were let go: as it should be
    slow: int = 0
    visits: int = 0
    visits_heard: int = 0
    visits_a_second: float = 0.0  # goodput of the flood
    rude: int = 0
    rude_heard: int = 0
    polite_share: float = 1.0  # polite people's share of success against their fair one
    back_s: Spread = Spread()  # after a line broke, until sound came again
    cut: int = 0  # people whose line broke while they heard
    not_back: int = 0
    refusals: int = 0
    improper: int = 0  # neither 429 nor 503, or without a Retry-After of 2..120 s
    refusal_ms: Spread = Spread()
    by_code: dict[str, Refusal] = {}
    faults: dict[str, int] = {}
    fairness: float = 1.0  # Jain's index of success over groups of addresses
    decoders: int = 0
    audible: float = 0.0  # the worst decoder's share of frames above -60 dBFS
    damaged: int = 0  # frames that could not be decoded
    out_of_order: int = 0
    peak_hearing: int = 0
    peak_joins: float = 0.0  # most first sounds in one second
    peak_mbit: float = 0.0
    bytes: int = 0
    joined: float = 1.0  # parts in a send, on the average: what the ladder did
    stage: Stage | None = None
    calm: Stage | None = None  # in the seconds before the crowd came
    edges: Edges | None = None
    own: Own = msgspec.field(default_factory=Own)
    ended_early: bool = False


def summarise(
    found: Findings, wish: Wish, stage: Stage | None = None, edges: Edges | None = None
) -> Summary:
    """All numbers of a rehearsal."""
    mine = [each for each in found.persons if each.stays and each.manner == "polite"]
    visits = [each for each in found.persons if not each.stays]
    rude = [each for each in found.persons if each.manner == "rude"]
    slow = [each for each in found.persons if each.manner == "slow"]
    waited = [each for each in mine if each.queued_s > 0]
    silences = [each.silence_s for each in mine if _heard(each)]
    cut = [each for each in mine if each.cuts]
    decoded = [each for each in found.decoded if each.frames]  # others were not let in
    return Summary(
        people=len(found.persons) + found.untold,
        listeners=len(mine),
        heard=sum(map(_heard, mine)),
        first_sound_s=spread(_since_due(mine)),
        connect_ms=spread([each.connect_ms for each in mine if each.connect_ms >= 0]),
        first_byte_ms=spread(
            [(each.first_byte_s - each.due_s) * 1_000 for each in mine if each.first_byte_s >= 0]
        ),
        lost_s=round(sum(each.lost for each in mine) * PART_SECONDS, 2),
        losers=sum(each.lost > 0 for each in mine),
        silence_s=spread(silences),
        silent=sum(each > 0 for each in silences),
        queued=len(waited),
        queue_wait_s=spread([each.queued_s for each in waited]),
        queue_error_s=spread(_missed(waited)),
        slow=len(slow),
        slow_cut=sum(each.lost > 0 or each.tries > 1 for each in slow),
        visits=len(visits),
        visits_heard=sum(map(_heard, visits)),
        visits_a_second=round(sum(map(_heard, visits)) / wish.seconds, 1),
        rude=len(rude),
        rude_heard=sum(map(_heard, rude)),
        polite_share=_polite_share(found.persons, rude),
        back_s=spread([each.back_s for each in cut if each.back_s >= 0]),
        cut=len(cut),
        not_back=sum(each.away for each in cut),
        refusals=sum(each.count for each in found.refusals.values()),
        improper=sum(map(_improper, found.refusals.values())),
        refusal_ms=spread(found.refusal_ms),
        by_code=found.refusals,
        faults=found.faults,
        fairness=_fairness(found.persons),
        decoders=len(decoded),
        audible=min((each.audible for each in decoded), default=0.0),
        damaged=sum(each.damaged for each in decoded),
        out_of_order=sum(each.broken_order for each in decoded),
        peak_hearing=int(_peak(found, "hearing")),
        peak_joins=_peak(found, "first_sounds"),
        peak_mbit=round(_peak(found, "bytes") * 8 / 1e6, 2),
        bytes=found.bytes,
        joined=_joined(mine),
        stage=stage,
        edges=edges,
        own=found.own,
        ended_early=found.ended_early,
    )


def _peak(found: Findings, name: str) -> float:
    return max(found.seconds.get(name, []), default=0.0)


def _improper(refusal: Refusal) -> int:
    """How many of these refusals did not say, or not sensibly, when to come again."""
    if refusal.status not in PROPER:
        return refusal.count
    return refusal.without_retry + refusal.odd_retry


def _heard(person: Person) -> bool:
    return person.first_sound_s >= 0 or person.waiting_sound_s >= 0


def _joined(people: Sequence[Person]) -> float:
    pieces = sum(each.pieces for each in people)
    return round(sum(each.parts for each in people) / pieces, 3) if pieces else 1.0


def _missed(waited: Sequence[Person]) -> list[float]:
    """By how much what the queue promised was wrong, of those whose turn came."""
    return [
        abs(each.queued_s - each.estimate_s)
        for each in waited
        if each.estimate_s >= 0 and each.first_sound_s >= 0
    ]


def _since_due(people: Sequence[Person]) -> list[float]:
    """Seconds from each one's moment to any sound."""
    found = []
    for each in people:
        sounds = [at for at in (each.first_sound_s, each.waiting_sound_s) if at >= 0]
        if sounds:
            found.append(min(sounds) - each.due_s)
    return found


def _polite_share(people: Sequence[Person], rude: Sequence[Person]) -> float:
    """1: polite people succeed as often as all; less: rudeness pays. 1 if all are of one kind."""
    everyone = sum(map(_heard, people))
    polite = len(people) - len(rude)
    if not rude or not polite or not everyone:
        return 1.0
    share = (everyone - sum(map(_heard, rude))) / polite
    return round(share / (everyone / len(people)), 3)


def _fairness(people: Sequence[Person]) -> float:
    """Jain's index: 1 if every group of addresses is served alike, 1/groups if only one is."""
    groups: defaultdict[int, list[bool]] = defaultdict(list)
    for each in people:
        if each.manner == "polite":
            groups[each.group].append(_heard(each))
    shares = [sum(each) / len(each) for each in groups.values()]
    squares = sum(share * share for share in shares)
    return round(sum(shares) ** 2 / (len(shares) * squares), 4) if squares else 1.0
