"""Votes of many edges, added up from what each says it has in all. Pure.

Totals, not differences: a batch that is lost or comes twice changes nothing. A source (a run of an
edge) that falls silent keeps its share, as its votes were cast. The stage owns one, and so does
each edge that others feed on. A *paper* is what can be voted on: a question, a poll.
"""

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000)]
Paper = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-z]{1,20}$")]
Totals = Annotated[list[Count], msgspec.Meta(max_length=8)]  # of each choice; a poll's last: moved

PAPERS: Final = 40  # of one batch: 3 kB at most
SOURCES: Final = 1_000  # beyond, the one silent longest can no more change what it said


class Tally:
    """The sums of all sources."""

    def __init__(self) -> None:
        self._said: dict[str, dict[str, list[int]]] = {}  # source -> paper -> its totals, by age
        self._sums: dict[str, list[int]] = {}

    def hear(self, source: str, said: Mapping[str, list[int]], known: Collection[str]) -> set[str]:
        """Take a source's totals of papers that are known; returns those whose sums changed."""
        changed = set[str]()
        told = self._said.pop(source, {})
        if len(self._said) >= SOURCES:
            del self._said[next(iter(self._said))]
        self._said[source] = told
        for paper, totals in said.items():
            if paper in known and totals != told.get(paper):
                self._add(paper, told.get(paper, []), -1)
                self._add(paper, totals, 1)
                told[paper] = list(totals)
                changed.add(paper)
        return changed

    def _add(self, paper: str, totals: list[int], sign: int) -> None:
        sums = self._sums.setdefault(paper, [])
        sums += [0] * (len(totals) - len(sums))
        for place, count in enumerate(totals):
            sums[place] += sign * count

    def sums(self, paper: str) -> list[int]:
        """The votes for each choice; shorter where there are none for the last ones."""
        return list(self._sums.get(paper, ()))

    def papers(self) -> list[str]:
        """All that were voted on."""
        return list(self._sums)

    def forget(self, paper: str) -> None:
        """It counts no more."""
        self._sums.pop(paper, None)
        for told in self._said.values():
            told.pop(paper, None)

    def state(self, papers: Collection[str]) -> dict[str, Any]:
        """What `restore` needs of these papers, as plain data."""
        said = {
            source: {paper: list(told[paper]) for paper in papers if paper in told}
            for source, told in self._said.items()
        }
        return {source: told for source, told in said.items() if told}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run stood."""
        for source, told in state.items():
            self.hear(source, told, told.keys())
