"""Polls: opened by a steward, voted on at the edges, counted here. Pure.

Keeps true: one poll at a time; nobody in the audience sees counts before it is over, so that no
one votes with the crowd; the result says how far it may be wrong. A poll is *open*, then *closed*
for `COUNT_S`, in which edges tell what came last, then *counted*. The votes of an edge that dies
count as it last told them. Who changes their vote at another edge than before is counted twice,
and in `moved`, as their page tells.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from hustings.base.errors import NotFound, UserError
from hustings.stage.names import clean
from hustings.stage.room import Change
from hustings.wire import kinds
from hustings.wire.kinds import Poll
from hustings.wire.names import SAMPLE_RATE
from hustings.wire.tally import Tally

FEWEST: Final = 2
MOST: Final = 6
QUESTION_CHARS: Final = 200
CHOICE_CHARS: Final = 80
COUNT_S: Final = 5  # two levels of edges, one batch a second, and one that was lost


class Polls:
    """The poll that is on, or was on last."""

    def __init__(self) -> None:
        self.now = Poll()
        self._closed_at = 0  # media time
        self._number = 0
        self._tally = Tally()
        self._stale = False  # hosts' pages do not know the counts yet

    # --- state -------------------------------------------------------------------------------

    def fold(self, body: Poll, at: int) -> None:
        """Take a change in; at: the entry's media time."""
        if body.id != self.now.id:
            self._tally = Tally()
            self._number += bool(body.id)
        if body.state == "closed":
            self._closed_at = at
        self.now, self._stale = body, True

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain data."""
        return {
            "now": msgspec.to_builtins(self.now),
            "closed_at": self._closed_at,
            "number": self._number,
            "votes": self._tally.state([self.now.id]),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run of the stage stood."""
        self.now = msgspec.convert(state.get("now", {}), Poll)
        self._closed_at = int(state.get("closed_at", 0))
        self._number = int(state.get("number", 0))
        self._tally.restore(state.get("votes", {}))

    def shown(self) -> dict[str, Any]:
        """What listeners see; empty if there is no poll."""
        return msgspec.to_builtins(self.now) if self.now.id else {}

    def view(self) -> dict[str, Any]:
        """What hosts' pages show: the poll with the votes so far."""
        return msgspec.structs.asdict(self._counted()) if self.now.id else {"id": ""}

    def news(self) -> dict[str, Any] | None:
        """The same, if it has changed since the last time."""
        if not self._stale:
            return None
        self._stale = False
        return self.view()

    def hear(self, edge: str, votes: Mapping[str, list[int]]) -> None:
        """An edge's totals; after the count nothing is taken any more."""
        if self.now.id and self.now.state != "counted":
            self._stale |= bool(self._tally.hear(edge, votes, [self.now.id]))

    def _counted(self) -> Poll:
        if self.now.state == "counted":
            return self.now
        choices = len(self.now.choices)
        sums = [*self._tally.sums(self.now.id), *[0] * (choices + 1)]
        counts = [max(0, count) for count in sums[:choices]]
        return msgspec.structs.replace(
            self.now, counts=counts, votes=sum(counts), moved=min(sums[choices], sum(counts))
        )

    # --- what hosts ask for, and time ------------------------------------------------------------

    def open(self, args: Mapping[str, Any]) -> list[Change]:
        """Begin a poll. Raises `poll_open`, `poll_bad`."""
        if self.now.id and self.now.state != "counted":
            raise UserError("poll_open", "A poll is on already: close it first.")
        question = clean(str(args.get("question", "")), QUESTION_CHARS)
        given = args.get("choices")
        texts = (
            [clean(str(each), CHOICE_CHARS) for each in given] if isinstance(given, list) else []
        )
        choices = list(dict.fromkeys(filter(None, texts)))
        if not question or not FEWEST <= len(choices) <= MOST:
            raise UserError("poll_bad", "A poll has a question and 2 to 6 different choices.")
        return [Change(kinds.POLL, Poll(f"p{self._number + 1}", question, choices))]

    def close(self, args: Mapping[str, Any]) -> list[Change]:
        """No more votes are taken; the count follows. Nothing if it is closed already."""
        self._known(args)
        if self.now.state != "open":
            return []
        return [Change(kinds.POLL, msgspec.structs.replace(self.now, state="closed"))]

    def clear(self, args: Mapping[str, Any]) -> list[Change]:
        """Take the result away from the listeners' pages; the record keeps it."""
        self._known(args)
        if self.now.state != "counted":
            raise UserError("poll_open", "This poll is not counted yet: close it first.")
        return [Change(kinds.POLL, Poll())]

    def due(self, at: int) -> list[Change]:
        """The count, when what came last has come up."""
        if self.now.state != "closed" or at - self._closed_at < COUNT_S * SAMPLE_RATE:
            return []
        return [Change(kinds.POLL, msgspec.structs.replace(self._counted(), state="counted"))]

    def _known(self, args: Mapping[str, Any]) -> None:
        if not self.now.id or args.get("poll") != self.now.id:
            raise NotFound("poll_unknown", "This poll is not on any more.")
