"""Questions of the audience: asked at the edges, voted on there, shown and answered here. Pure.

Keeps true: listeners see only what the mode or a steward lets through; an `answered` or `hidden`
question stays so. At most `QUESTIONS` are kept; beyond, the stage takes no more and edges refuse
(`questions_full`). Texts of those not shown are in stage-only entries. What listeners see is one
entry `questions`, at most each `EACH_S`, which edges serve as a file: it never rides in the stream.
"""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final, cast, get_args

import msgspec

from hustings.base.errors import NotFound, UserError
from hustings.stage.evening.ranking import Ranking
from hustings.stage.names import clean
from hustings.stage.room import Change
from hustings.wire import kinds
from hustings.wire.batch import Asked
from hustings.wire.kinds import Question, Questions, ShownQuestion
from hustings.wire.names import SAMPLE_RATE
from hustings.wire.tally import Tally

QUESTIONS: Final = 10_000
KEPT: Final = 500  # in a snapshot of the stage: those with the most votes, 350 kB at most
TOLD: Final = 50  # to the hosts' pages
TOP: Final = 12  # shown to listeners: so many with the most votes …
NEWEST: Final = 8  # … and so many new ones, which could otherwise never rise
EACH_S: Final = 5
TEXT_CHARS: Final = 280
NAME_CHARS: Final = 80
_STATES: Final = get_args(kinds.QuestionState)


class AudienceQuestions:
    """All questions of an evening."""

    def __init__(self) -> None:
        self.mode: kinds.QuestionMode = "off"
        self._all: dict[str, Question] = {}  # in the order in which they came
        self._tally = Tally()
        self._votes: dict[str, int] = {}  # of those that have any
        self._ranking = Ranking()
        self._stale = False  # something has changed since hosts' pages heard
        self._listed = Questions()  # as listeners have it
        self._listed_at = -EACH_S * SAMPLE_RATE

    # --- state -------------------------------------------------------------------------------

    def fold(self, body: Question | Questions, at: int) -> None:
        """Take a change in; at: the entry's media time."""
        if isinstance(body, Questions):
            self.mode = body.mode
            self._listed, self._listed_at = body, at
        elif body.id in self._all or len(self._all) < QUESTIONS:
            self._all[body.id] = body
            self._ranking.put(body.id, body.state, self.votes(body.id))
        self._stale = True

    def state(self) -> dict[str, Any]:
        """What `restore` needs, as plain data: `KEPT` questions and their votes."""
        kept = self._best(KEPT, *_STATES)
        return {
            "all": [msgspec.to_builtins(each) for each in kept],
            "votes": self._tally.state([each.id for each in kept]),
            "listed": msgspec.to_builtins(self._listed),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run of the stage stood."""
        kept = msgspec.convert(state.get("all", []), list[Question])
        self._all = {each.id: each for each in kept}
        self._ranking = Ranking()
        for each in kept:
            self._ranking.put(each.id, each.state, 0)
        self._tally.restore(state.get("votes", {}))
        self._count(self._tally.papers())
        self._listed = msgspec.convert(state.get("listed", {}), Questions)
        self.mode = self._listed.mode

    def shown(self) -> dict[str, Any]:
        """What listeners see; empty if there are no questions tonight."""
        return msgspec.to_builtins(self._listed) if self.mode != "off" else {}

    def votes(self, question: str) -> int:
        """How many want it answered."""
        return self._votes.get(question, 0)

    def view(self) -> dict[str, Any]:
        """What hosts' pages show: the mode, the best open questions, and how many there are."""
        best = self._best(TOLD, "asked", "shown")
        questions = [
            {**msgspec.structs.asdict(each), "votes": self.votes(each.id)} for each in best
        ]
        open_ = self._ranking.count("asked", "shown")
        return {"mode": self.mode, "questions": questions, "open": open_}

    def news(self) -> dict[str, Any] | None:
        """The same, if it has changed since the last time."""
        if not self._stale:
            return None
        self._stale = False
        return self.view()

    def _best(self, most: int, *states: str) -> list[Question]:
        return [self._all[question] for question in self._ranking.best(most, *states)]

    def _newest(self, most: int, state: str) -> list[Question]:
        """The last that came of those in this state, in the order in which they came."""
        newest = (each for each in reversed(self._all.values()) if each.state == state)
        return list(islice(newest, most))[::-1]

    # --- what edges say ------------------------------------------------------------------------

    def hear(self, edge: str, votes: Mapping[str, list[int]]) -> None:
        """An edge's totals."""
        self._count(self._tally.hear(edge, votes, self._all))

    def _count(self, changed: Iterable[str]) -> None:
        for question in changed:
            votes = self._votes[question] = next(iter(self._tally.sums(question)), 0)
            if question in self._all:
                self._ranking.put(question, self._all[question].state, votes)
            self._stale = True

    def take(self, asked: Iterable[Asked]) -> tuple[list[Change], int]:
        """New questions; and how many of them are dealt with, from the first on."""
        changes: list[Change] = []
        free, taken = QUESTIONS - len(self._all), 0
        for each in asked:
            text = clean(each.text, TEXT_CHARS)
            if each.id not in self._all and text and self.mode != "off":
                if len(changes) >= free:
                    break
                state: kinds.QuestionState = "shown" if self.mode == "open" else "asked"
                body = Question(each.id, text, clean(each.name, NAME_CHARS), state)
                changes.append(Change(kinds.QUESTION, body, public=state == "shown"))
            taken += 1
        return changes, taken

    # --- what hosts ask for -------------------------------------------------------------------

    def set_mode(self, args: Mapping[str, Any]) -> list[Change]:
        """`off`, `review` (listeners see what a steward shows) or `open` (all but the hidden)."""
        mode = str(args.get("mode", ""))
        if mode not in get_args(kinds.QuestionMode):
            raise UserError("question_mode", "Questions are off, review or open.")
        if mode == self.mode:
            return []
        return [Change(kinds.QUESTIONS, self._list(cast("kinds.QuestionMode", mode)))]

    def mark(self, args: Mapping[str, Any]) -> list[Change]:
        """Show, answer or hide one. Raises `question_unknown`, `question_state`."""
        question = self._all.get(str(args.get("question", "")))
        if question is None:
            raise NotFound("question_unknown", "There is no such question.")
        state = str(args.get("state", ""))
        if state not in {"shown", "answered", "hidden"}:
            raise UserError("question_state", "A question is shown, answered or hidden.")
        if state == question.state or question.state in {"answered", "hidden"}:
            return []
        after = msgspec.structs.replace(question, state=cast("kinds.QuestionState", state))
        public = state != "hidden" or question.state == "shown"
        if (
            state == "hidden" and public
        ):  # listeners learn that it is gone, and not again what it said
            after = msgspec.structs.replace(after, text="", name="")
        return [Change(kinds.QUESTION, after, public=public)]

    def due(self, at: int) -> list[Change]:
        """The list for listeners, if it has changed and `EACH_S` are over."""
        if self.mode == "off" or 0 <= at - self._listed_at < EACH_S * SAMPLE_RATE:
            return []
        listed = self._list(self.mode)
        return [Change(kinds.QUESTIONS, listed)] if listed != self._listed else []

    def _list(self, mode: kinds.QuestionMode) -> Questions:
        if mode == "off":
            return Questions()
        best = self._best(TOP, "shown")
        newest = [each for each in self._newest(NEWEST, "shown") if each not in best]
        done = self._newest(3, "answered")
        top = [
            ShownQuestion(
                each.id, each.text, each.name, self.votes(each.id), each.state == "answered"
            )
            for each in (*best, *newest, *done)
        ]
        return Questions(mode, top, self._ranking.count("shown"))
