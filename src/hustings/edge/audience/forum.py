"""Questions and votes of one room at one edge: who voted, what was asked, what goes up. Pure.

Keeps true: one vote of a voter on a paper (a question or a poll), changed as often as they like;
the stage hears totals, so nothing is lost or doubled with a batch. A voter is a keyed hash of the
page's ticket, or of address and agent where there is none, and is told to nobody. Whoever goes
to another edge could vote there again: their page says so (`again`), and such votes are counted
apart as *moved*. Bounds: `BALLOTS` votes on questions, as many on a poll, and `ASKED` waiting questions a room; beyond, no more
are taken (503) and those that were count on. `edge.audience.voice` owns one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from hustings.base.errors import TryLater
from hustings.wire.batch import ASKED_BYTES, Asked, encode
from hustings.wire.kinds import Poll
from hustings.wire.tally import PAPERS, Tally

BALLOTS: Final = 100_000  # 6 MB, measured
ASKED: Final = 1_000  # questions that the stage has not taken yet


class Box(msgspec.Struct):
    """The votes on one paper."""

    by: dict[int, int]  # voter -> choice
    counts: Counter[int]  # choice -> votes
    moved: int = 0  # votes of those who may be counted at another edge too

    def totals(self, choices: int) -> list[int]:
        """Of each choice, and of a poll at the end how many moved."""
        found = [self.counts[choice] for choice in range(choices)]
        return found if choices == 1 else [*found, self.moved]


class Forum:
    """What the audience asks and how it votes."""

    def __init__(self) -> None:
        self._boxes: dict[str, tuple[Box, int]] = {}  # paper -> with its number of choices
        self._ballots = Counter[bool]()  # of polls (True), and of questions
        self._below = Tally()
        self._asked: dict[str, Asked] = {}  # not taken by the stage yet, in order
        self._order: dict[str, None] = {}  # papers; who was told longest ago comes first
        self._changed: set[str] = set()
        self._offered: list[str] = []

    # --- what people do ------------------------------------------------------------------------

    def ask(self, asked: Asked) -> None:
        """A question; the same one twice is one. Raises TryLater `questions_full`."""
        if len(self._asked) >= ASKED and asked.id not in self._asked:
            raise TryLater("questions_full", "Very many questions are waiting.", delay_s=60)
        self._asked[asked.id] = asked

    def vote(self, voter: int, paper: str, choice: int | None, *, of: int, again: bool) -> None:
        """Choose one of so many choices; None: none of them. Raises TryLater `votes_full`.

        again: this voter has voted on it before, as their page says.
        """
        box, _ = self._boxes.setdefault(paper, (Box({}, Counter()), of))
        known, poll = voter in box.by, of > 1
        if choice is None:
            if not known:
                return
            box.counts[box.by.pop(voter)] -= 1
            self._ballots[poll] -= 1
        else:
            if not known and self._ballots[poll] >= BALLOTS:
                raise TryLater("votes_full", "Very many have voted here already.", delay_s=60)
            self._ballots[poll] += not known
            box.moved += again and not known
            if known:
                box.counts[box.by[voter]] -= 1
            box.by[voter] = choice
            box.counts[choice] += 1
        self._note(paper)

    def polled(self, now: Poll) -> None:
        """The room's poll is this one: the votes on others, or on one that is counted, are over."""
        on = {now.id} if now.state != "counted" else set()
        polls = {paper for paper in self._order if paper.startswith("p")}  # questions are hex
        self.keep(self._order.keys() - (polls - on))

    def keep(self, papers: Iterable[str]) -> None:
        """Forget the votes on all others: nobody can vote on them any more."""
        kept = set(papers)
        for paper in [paper for paper in self._order if paper not in kept]:
            box, of = self._boxes.pop(paper, (Box({}, Counter()), 0))
            self._ballots[of > 1] -= len(box.by)
            self._below.forget(paper)
            self._changed.discard(paper)
            del self._order[paper]

    # --- edges below -----------------------------------------------------------------------------

    def hear(self, child: str, votes: Mapping[str, list[int]], asked: Iterable[Asked]) -> int:
        """What an edge that feeds on this one says; returns how many questions were taken."""
        for paper in self._below.hear(child, votes, votes.keys()):
            self._note(paper)
        taken = 0
        for each in asked:
            if len(self._asked) >= ASKED:
                break
            self.ask(each)
            taken += 1
        return taken

    # --- up ----------------------------------------------------------------------------------------

    @property
    def news(self) -> bool:
        """Whether the stage should hear at once."""
        return bool(self._changed or self._asked)

    def totals(self, paper: str) -> list[int]:
        """All votes on it, here and below."""
        box, choices = self._boxes.get(paper, (Box({}, Counter()), 0))
        here, below = box.totals(choices) if choices else [], self._below.sums(paper)
        size = max(len(here), len(below))
        return [sum(side[n] for side in (here, below) if n < len(side)) for n in range(size)]

    def offer(self) -> tuple[list[Asked], dict[str, list[int]]]:
        """What the next batch says: the oldest questions; papers with news, then others in turn.

        All papers come up again and again, since a stage that began anew may have lost them.
        """
        asked: list[Asked] = []
        size = 0
        for each in self._asked.values():
            size += len(encode(each))
            if size > ASKED_BYTES:
                break
            asked.append(each)
        fresh = [paper for paper in self._order if paper in self._changed]
        old = [paper for paper in self._order if paper not in self._changed]
        self._offered = (fresh + old)[:PAPERS]
        for paper in self._offered:
            self._order[paper] = self._order.pop(paper)
        self._changed.difference_update(self._offered)
        return asked, {paper: self.totals(paper) for paper in self._offered}

    def answered(self, asked: Iterable[Asked], taken: int) -> None:
        """The stage took the first `taken` of these questions."""
        for each in list(asked)[:taken]:
            self._asked.pop(each.id, None)
        self._offered = []

    def lost(self) -> None:
        """The batch did not arrive."""
        self._changed.update(paper for paper in self._offered if paper in self._order)
        self._offered = []

    def _note(self, paper: str) -> None:
        self._order.setdefault(paper)
        self._changed.add(paper)
