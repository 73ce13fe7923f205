"""All parts of an evening together, as the hall drives them. Pure.

Changes come out of `perform`, go through the journal and come back by `fold`, exactly as with
`stage.room`: a restart that folds the journal stands where the last run stood. Positions in time
are media time, in samples.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from hustings.base.errors import Denied
from hustings.stage.evening.order import RunningOrder
from hustings.stage.evening.polls import Polls
from hustings.stage.evening.questions import AudienceQuestions
from hustings.stage.evening.spoken import Spoken
from hustings.stage.room import STEWARDS, Change, RoomModel
from hustings.wire import kinds
from hustings.wire.batch import Batch

Args = Mapping[str, Any]

KINDS: Final[dict[str, type[msgspec.Struct]]] = {
    kinds.ORDER: kinds.Order,
    kinds.AGENDA: kinds.Agenda,
    kinds.QUESTION: kinds.Question,
    kinds.QUESTIONS: kinds.Questions,
    kinds.POLL: kinds.Poll,
    kinds.RULES: kinds.Rules,
}
"""Kinds of entries that are folded here -> their bodies."""


class Evening:
    """One room's evening."""

    def __init__(self) -> None:
        self.order = RunningOrder()
        self.spoken = Spoken()
        self.questions = AudienceQuestions()
        self.polls = Polls()
        self.rules = kinds.Rules()
        self._live = False  # who is heard before and after is not on the air
        self._told: dict[str, int] = {}  # seconds spoken, as pages last heard

    def perform(self, room: RoomModel, actor_id: str, command: str, args: Args) -> list[Change]:
        """What `actor_id` asks for, as the changes it makes; raises as `commands.perform` does."""
        actor = room.people.get(actor_id)
        if actor is None:
            raise Denied("not_in_room", "You are not in this room any more.")
        if actor.role not in STEWARDS:
            raise Denied("role_denied", f"As {actor.role} you may not {command.replace('_', ' ')}.")
        return _COMMANDS[command](self, args)

    def fold(self, body: object, at: int) -> None:
        """Take one change, new or replayed, into the state."""
        match body:
            case kinds.Order() | kinds.Agenda():
                self.order.fold(body, at)
            case kinds.Poll():
                self.polls.fold(body, at)
            case kinds.Rules():
                self.rules = body
            case kinds.Question() | kinds.Questions():
                self.questions.fold(body, at)
            case kinds.Level():
                self.spoken.hear(body.speaking if self._live else (), at)
            case kinds.Room():
                self._live = body.state == "live"
                if not self._live:
                    self.spoken.hear((), at)
            case _:
                pass

    def state(self, at: int) -> dict[str, Any]:
        """What `restore` needs, as plain data, at media time `at`."""
        return {
            "order": self.order.state(),
            "spoken": self.spoken.state(at),
            "questions": self.questions.state(),
            "polls": self.polls.state(),
            "rules": self.said_rules,
        }

    def restore(self, snapshot: kinds.Snapshot) -> None:
        """Begin at a stage-only snapshot; entries after it are folded next."""
        state = snapshot.private.get("evening", {})
        self.order.restore(state.get("order", {}))
        self.spoken.restore(state.get("spoken", {}))
        self.questions.restore(state.get("questions", {}))
        self.polls.restore(state.get("polls", {}))
        self.rules = msgspec.convert(state.get("rules", {}), kinds.Rules)
        self._live = snapshot.room.state == "live"

    def shown(self) -> dict[str, Any]:
        """What listeners may know, by kind: part of public snapshots and of `state.json`."""
        shown = {
            kinds.AGENDA: self.order.shown(),
            kinds.QUESTIONS: self.questions.shown(),
            kinds.POLL: self.polls.shown(),
            kinds.RULES: self.said_rules,
        }
        return {kind: body for kind, body in shown.items() if body}

    @property
    def said_rules(self) -> dict[str, Any]:
        """The house rules that hold, as plain data; {}: there are none."""
        said: dict[str, Any] = msgspec.to_builtins(self.rules)
        return said

    def view(self, at: int) -> dict[str, Any]:
        """What pages of named people begin with, at media time `at`."""
        return {
            "agenda": self.order.view(at),
            "spoken": self.spoken.seconds(at),
            "questions": self.questions.view(),
            "poll": self.polls.view(),
        }

    def news(self, told: set[str], at: int) -> list[dict[str, Any]]:
        """Messages for the pages after entries of these kinds."""
        messages: list[dict[str, Any]] = []
        if told & {kinds.ORDER, kinds.AGENDA}:
            messages.append({"type": "agenda", "agenda": self.order.view(at)})
        if kinds.RULES in told:
            messages.append({"type": "rules", "rules": self.said_rules})
        return messages

    def second(self, at: int) -> list[dict[str, Any]]:
        """Messages for the pages, once a second."""
        messages: list[dict[str, Any]] = []
        spoken = self.spoken.seconds(at)
        if spoken != self._told:
            self._told = spoken
            messages.append({"type": "spoken", "spoken": spoken})
        if (questions := self.questions.news()) is not None:
            messages.append({"type": "questions", "questions": questions})
        if (poll := self.polls.news()) is not None:
            messages.append({"type": "poll", "poll": poll})
        return messages

    def due(self, at: int) -> list[Change]:
        """Changes that time brings, once a second."""
        return self.questions.due(at) + self.polls.due(at)

    def hear(self, edge: str, batch: Batch) -> tuple[list[Change], int]:
        """An edge's votes and questions; returns how many of its questions are dealt with."""
        self.questions.hear(edge, batch.votes)
        self.polls.hear(edge, batch.votes)
        return self.questions.take(batch.asked)


_COMMANDS: Final[dict[str, Callable[[Evening, Args], list[Change]]]] = {
    "agenda_put": lambda evening, args: evening.order.put(args),
    "agenda_drop": lambda evening, args: evening.order.drop(args),
    "agenda_move": lambda evening, args: evening.order.move(args),
    "agenda_start": lambda evening, args: evening.order.start(args),
    "agenda_next": lambda evening, args: evening.order.next(args),
    "poll_open": lambda evening, args: evening.polls.open(args),
    "poll_close": lambda evening, args: evening.polls.close(args),
    "poll_clear": lambda evening, args: evening.polls.clear(args),
    "questions": lambda evening, args: evening.questions.set_mode(args),
    "question": lambda evening, args: evening.questions.mark(args),
    "agenda_end": lambda evening, _args: evening.order.end(),
}
COMMANDS: Final = frozenset(_COMMANDS)
