"""How much sound a journal holds, and how much is missing and why. Pure.

Keeps true: each part from the first to the last one counts once, as kept or under one cause, so
the figures add up to the whole; `missing_s` is what `archive.outline` calls held. A journal may be
made up: no number in it makes this slow.
"""

from collections.abc import Iterable

import msgspec

from hustings.base.errors import PeerError
from hustings.journal.entry import Entry
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES, PART_SECONDS


class Sound(msgspec.Struct, frozen=True):
    """Seconds by media time, from the first part to the last one: all of it, and what became of it."""

    whole_s: float = 0.0
    kept_s: float = 0.0
    missing_s: float = 0.0  # the replay has hold audio there; the sum of those below
    unmade_s: float = 0.0  # never made
    unmade: dict[str, float] = {}  # ... by the reason of its `gap`; "": none says why
    taken_back_s: float = 0.0
    disk_s: float = 0.0  # heard, and lost to a full disk
    bare_s: float = 0.0  # made; the body is not in this copy: erased, deleted or withheld


class Extent:
    """Fold a journal's entries in order; then ask `sound`."""

    def __init__(self) -> None:
        self._first, self._end = -1, 0  # number of the first part, and behind the last one
        self._made: set[int] = set()
        self._bare: set[int] = set()
        self._taken: list[tuple[int, int]] = []  # first part, and behind the last one
        self._gaps: list[tuple[int, int, str]] = []

    def fold(self, entry: Entry) -> None:
        """Take the next entry."""
        if entry.visibility != 0:
            return
        if entry.kind == kinds.PART:
            n = entry.media_time // PART_SAMPLES
            self._first = n if self._first < 0 else self._first
            self._end = max(self._end, n + 1)
            (self._bare if entry.body is None else self._made).add(n)
            return
        try:
            if entry.kind == kinds.DUMP:
                dump = entry.decode(kinds.Dump)
                self._taken.append((dump.first, dump.last + 1))
            elif entry.kind == kinds.GAP:
                gap = entry.decode(kinds.Gap)
                self._gaps.append((gap.first, gap.last + 1, gap.reason))
        except PeerError:
            return  # erased, or of a shape that we do not know

    def sound(self) -> Sound:
        """The figures, as of what was folded."""
        whole = max(0, self._end - max(0, self._first))
        left = _Left(max(0, self._first), self._end)  # what nothing explains yet
        taken_back = left.take(self._taken)
        kept = left.take((n, n + 1) for n in self._made)
        disk = left.take(gap[:2] for gap in self._gaps if gap[2] == "disk")
        bare = left.take((n, n + 1) for n in self._bare)
        taken_back += left.take(gap[:2] for gap in self._gaps if gap[2] == "dump")
        unmade = {
            reason: left.take(gap[:2] for gap in self._gaps if gap[2] == reason)
            for reason in dict.fromkeys(gap[2] for gap in self._gaps)
        }
        unmade[""] = whole - kept - disk - bare - taken_back - sum(unmade.values())
        return Sound(
            whole_s=_seconds(whole),
            kept_s=_seconds(kept),
            missing_s=_seconds(whole - kept),
            unmade_s=_seconds(sum(unmade.values())),
            unmade={reason: _seconds(parts) for reason, parts in unmade.items() if parts},
            taken_back_s=_seconds(taken_back),
            disk_s=_seconds(disk),
            bare_s=_seconds(bare),
        )


class _Left:
    """Parts as ranges (begin, end) that do not touch, in order."""

    def __init__(self, begin: int, end: int) -> None:
        self._ranges = [(begin, end)] if begin < end else []

    def take(self, ranges: Iterable[tuple[int, int]]) -> int:
        """Cut these out; returns how many parts went. Sorts once, then walks both lists once."""
        cuts, at = _joined(ranges), 0
        kept: list[tuple[int, int]] = []
        taken = 0
        for begin, end in self._ranges:
            here = begin
            while at < len(cuts) and cuts[at][0] < end:
                low, high = max(cuts[at][0], here), min(cuts[at][1], end)
                if low < high:
                    kept += [(here, low)] if here < low else []
                    taken, here = taken + high - low, high
                if cuts[at][1] > end:
                    break  # it goes on in the next range
                at += 1
            kept += [(here, end)] if here < end else []
        self._ranges = kept
        return taken


def _joined(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same without overlaps and empty ones, in order."""
    found: list[tuple[int, int]] = []
    for begin, end in sorted(each for each in ranges if each[0] < each[1]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def _seconds(parts: int) -> float:
    return round(parts * PART_SECONDS, 2)
