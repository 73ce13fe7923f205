"""Places in a room's queue are numbers, and so is how far the queue has been served. Pure.

A place is the second of arrival plus a rank within it; whoever's place is not above `serving` may
come in. Seconds are the room's own (epoch + media time): every edge counts them alike, and no
machine's wall clock can move them. Those who came before the doors opened (`Draw.doors_s`) share
one second, the last before that, and so stand in an order that only their ranks decide: a lottery.
A rank is the ticket's random number under a seed that was committed to beforehand
(`Draw.commit`), so that anybody can check the order afterwards and nobody could choose it.

How many stand where is told by spans. The stage serves (`stage.queue`), edges admit
(`edge.waiting.queue`), pages show (`listener/waiting.js`): the same arithmetic in all three.
"""

import hashlib
import hmac
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from hustings.wire.kinds import Draw
from hustings.wire.names import SAMPLE_RATE
from hustings.wire.tickets import Ticket

RANKS: Final = 2**20  # of one second; with seconds of today a place is exact in 64-bit floats


class Span(NamedTuple):
    """`people` whose places lie from `first` to before `end` (seconds), evenly."""

    first: int
    end: int
    people: int


def room_second(epoch_ms: int, media_time: int) -> float:
    """Now, as places count it."""
    return epoch_ms / 1_000 + media_time / SAMPLE_RATE


def seed_of(master: bytes, room: str) -> bytes:
    """The seed of a room's draw: secret until its doors open, the same after a restart."""
    return hmac.digest(master, f"hustings draw {room}".encode(), "sha256")


def commitment(seed: bytes) -> str:
    """What is published before: SHA-256 of the seed, hex."""
    return hashlib.sha256(seed).hexdigest()


def rank(seed: bytes, number: int) -> float:
    """Where a ticket's number stands among all: 0 <= rank < 1.

    The first 20 bits of HMAC-SHA256(seed, number as u64 big endian).
    """
    digest = hmac.digest(seed, number.to_bytes(8, "big"), "sha256")
    return (int.from_bytes(digest[:3], "big") >> 4) / RANKS


def place(ticket: Ticket, draw: Draw | None) -> float | None:
    """A ticket's place; None while the doors are closed: it has not been drawn yet."""
    if draw is None or not draw.doors_s:
        return None
    return max(ticket.at_s, draw.doors_s - 1) + rank(bytes.fromhex(draw.seed), ticket.id)


def draw_of(facts: Mapping[str, Any]) -> Draw | None:
    """The draw in a room's plain facts; None if there is none that can be used."""
    try:
        draw = msgspec.convert(facts.get("draw"), Draw | None)
        whole = draw is None or not draw.doors_s or len(bytes.fromhex(draw.seed)) == 32
    except (msgspec.ValidationError, ValueError):
        return None
    return draw if whole else None


def people(spans: Iterable[tuple[int, int, int]], low: float, high: float) -> float:
    """How many stand above `low` and not above `high`. spans: in order, not overlapping."""
    total = 0.0
    for first, end, count in spans:
        if first >= high:
            break
        total += count * max(0.0, min(high, end) - max(low, first)) / (end - first)
    return total


class Crowd:
    """Spans that are asked about often: where somebody stands costs two look-ups."""

    def __init__(self, spans: Sequence[Span] = ()) -> None:
        self.spans = list(spans)
        self._firsts = [span.first for span in spans]
        self._before = list(accumulate((span.people for span in spans), initial=0))

    def between(self, low: float, high: float) -> float:
        """As `people`."""
        return self._below(high) - self._below(low) if high > low else 0.0

    def _below(self, place: float) -> float:
        i = bisect_right(self._firsts, place) - 1
        if i < 0:
            return 0.0
        first, end, count = self.spans[i]
        return self._before[i] + count * min(1.0, (place - first) / (end - first))


def advance(
    spans: Iterable[tuple[int, int, int]], serving: float, count: float, until: float
) -> float:
    """How far `count` more people are served, at most `until`. spans: in order, not overlapping."""
    for first, end, many in spans:
        here = max(serving, first)
        if end <= here or not many:
            continue
        left = many * (end - here) / (end - first)
        if left > count:
            return max(serving, min(until, here + count * (end - first) / many))
        count -= left
    return max(serving, until)


def merged(spans: Iterable[tuple[int, int, int]], total: int, most: int) -> list[Span]:
    """The same people, `total` in all, in at most about twice `most` spans of similar weight.

    A second with more than its share stays by itself, as that of the draw does.
    """
    fair = total / max(1, most)
    fewer: list[Span] = []
    begun, ended, held = 0, 0, 0
    for first, end, count in spans:
        if held and held + count > fair:
            fewer.append(Span(begun, ended, held))
            held = 0
        if not held:
            begun = first
        held += count
        ended = end
    if held:
        fewer.append(Span(begun, ended, held))
    return fewer
