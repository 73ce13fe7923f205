"""A stampede against a plan: who comes when, who is let in, how long each waits for sound. Pure, seeded.

The doors: those in the lobby do nothing at the start. The others come by `arrivals`' stampede; so
many a second are let in, first come first served, as long as there are seats; who must wait hears
the slower stream as soon as its first segment has come (seats for it are reserved), and asks
again at random moments. Time in whole seconds, people as fluid for the curves and as a sample of
20,000 for the waits.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

SAMPLE: Final = 20_000
JOIN_S: Final = 0.3  # calibrated on loopback: connection, first part
SEGMENT_S: Final = 2.0  # a segment of the slower stream, fetched whole
ASKS_S: Final = (2.0, 6.0)  # who waits looks at the queue again after so long
LONGEST_S: Final = 4 * 3_600


class Stampede(msgspec.Struct, frozen=True):
    """The evening's beginning, simulated. Curves are values of each second."""

    arrived: tuple[float, ...]  # people a second
    admitted: tuple[float, ...]  # people a second
    waiting: tuple[float, ...]  # people at the end of the second
    wait_p50_s: tuple[float, ...]  # to the low-delay sound, by second of arrival; -1: nobody came
    wait_p95_s: tuple[float, ...]
    any_sound_p95_s: float
    live_p50_s: float  # to the low-delay sound
    live_p95_s: float
    live_most_s: float
    all_in_s: float  # when the last one who gets a seat is in; -1: not within four hours
    turned_away: float  # people for whom there is no seat
    most_waiting: float
    asks_a_second: float  # at the worst moment, of those who wait: cacheable
    peak_a_second: float


def simulate(
    *, people: int, over_s: float, joins_a_second: float, seats: int, seed: int = 1
) -> Stampede:
    """`people` come within `over_s`; doors of `joins_a_second` and so many free `seats`."""
    chance = np.random.default_rng(seed)
    length = max(1, int(np.ceil(over_s)))
    edges = np.minimum(np.arange(length + 1) / over_s, 1.0)
    shares = np.diff(1.0 - (1.0 - edges) ** 2)  # `arrivals`: the rate falls to 0 in a straight line
    arrived = chance.multinomial(people, shares / shares.sum()).astype(float)
    seated = float(min(people, seats))
    total = int(min(LONGEST_S, length + np.ceil(seated / max(joins_a_second, 1e-3)) + 2))
    came = np.cumsum(np.pad(arrived, (0, total - length)))
    let_in = admitted_by(came, joins_a_second, seated)
    waits = _waits(arrived, came, let_in, chance)
    line = np.minimum(came, seated) - let_in
    any_sound = np.minimum(waits.wait, JOIN_S + SEGMENT_S)
    done = np.nonzero(let_in >= min(seated, came[-1]) - 0.5)[0]
    queued = waits.wait[np.isfinite(waits.wait)]
    return Stampede(
        arrived=_curve(arrived),
        admitted=_curve(np.diff(let_in, prepend=0.0)),
        waiting=_curve(line),
        wait_p50_s=_by_second(waits, length, 50),
        wait_p95_s=_by_second(waits, length, 95),
        any_sound_p95_s=_percentile(any_sound, 95),
        live_p50_s=_percentile(queued, 50),
        live_p95_s=_percentile(queued, 95),
        live_most_s=_percentile(queued, 100),
        all_in_s=float(done[0] + 1) if len(done) else -1.0,
        turned_away=max(0.0, people - seated),
        most_waiting=float(line.max(initial=0.0)),
        asks_a_second=round(float(line.max(initial=0.0)) / (sum(ASKS_S) / 2), 1),
        peak_a_second=float(arrived.max(initial=0.0)),
    )


def admitted_by(came: NDArray[np.float64], rate: float, seated: float) -> NDArray[np.float64]:
    """People who are in at the end of each second, of those who came by then."""
    let_in = np.zeros(len(came))
    inside = 0.0
    for second, present in enumerate(came):
        inside = min(present, seated, inside + rate)
        let_in[second] = inside
    return let_in


class _Waits(msgspec.Struct):
    """A sample of people: when they came (s), and their wait for the low-delay sound (s)."""

    at: NDArray[np.float64]
    wait: NDArray[np.float64]  # inf: no seat


def _waits(
    arrived: NDArray[np.float64],
    came: NDArray[np.float64],
    let_in: NDArray[np.float64],
    chance: np.random.Generator,
) -> _Waits:
    """First come first served: the n-th is in as soon as the doors have let n through."""
    count = int(min(SAMPLE, arrived.sum()))
    if not count:
        return _Waits(np.zeros(0), np.zeros(0))
    second = chance.choice(len(arrived), size=count, p=arrived / arrived.sum())
    within = chance.random(count)
    at = second + within
    place = came[second] - arrived[second] * (1.0 - within)
    ready = np.interp(place, np.concatenate(([0.0], let_in)), np.arange(len(let_in) + 1.0))
    wait = np.maximum(0.0, ready - at)
    asks = chance.uniform(*ASKS_S, size=count) * chance.random(count)
    wait = JOIN_S + np.where(wait > 1.0, wait + asks, wait)
    return _Waits(at, np.where(place < let_in[-1], wait, np.inf))


def _by_second(waits: _Waits, length: int, share: float) -> tuple[float, ...]:
    seconds = waits.at.astype(int)
    found = []
    for second in range(length):
        here = waits.wait[(seconds == second) & np.isfinite(waits.wait)]
        found.append(_percentile(here, share) if len(here) else -1.0)
    return tuple(found)


def _percentile(values: NDArray[np.float64], share: float) -> float:
    finite = values[np.isfinite(values)]
    return round(float(np.percentile(finite, share)), 2) if len(finite) else -1.0


def _curve(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(np.round(values, 3).tolist())
