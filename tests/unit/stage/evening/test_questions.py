"""The audience's questions at the stage: order, modes, bounds, a restart."""

from typing import Any

import pytest

from hustings.base.errors import HustingsError
from hustings.stage.evening import questions as module
from hustings.stage.evening.questions import NEWEST, TOP, AudienceQuestions
from hustings.stage.room import Change
from hustings.wire import kinds
from hustings.wire.batch import Asked
from hustings.wire.names import SAMPLE_RATE as S


class Box:
    """Questions in a mode, their entries kept; media time in seconds."""

    def __init__(self, mode: str = "open") -> None:
        self.questions = AudienceQuestions()
        self.entries: list[Change] = []
        self.at_s = 0
        self.take(self.questions.set_mode({"mode": mode}))

    def take(self, changes: list[Change]) -> list[Change]:
        for change in changes:
            self.questions.fold(change.body, self.at_s * S)
        self.entries += changes
        return changes

    def ask(self, *numbers: int) -> int:
        changes, taken = self.questions.take([Asked(f"{n:020x}", f"Q{n}") for n in numbers])
        self.take(changes)
        return taken

    def mark(self, n: int, state: str) -> list[Change]:
        return self.take(self.questions.mark({"question": f"{n:020x}", "state": state}))

    def vote(self, edge: str, **counts: int) -> None:
        self.questions.hear(edge, {f"{int(q[1:]):020x}": [count] for q, count in counts.items()})

    def listed(self) -> list[tuple[str, int]]:
        """As listeners see them, five seconds later."""
        self.at_s += 5
        self.take(self.questions.due(self.at_s * S))
        return [(each["text"], each.get("votes", 0)) for each in self.shown.get("top", [])]

    @property
    def shown(self) -> dict[str, Any]:
        return self.questions.shown()


def test_the_best_come_first_by_the_votes_of_all_edges() -> None:
    box = Box()
    box.ask(1, 2, 3)
    box.vote("a", q1=2, q3=5)
    box.vote("b", q1=4)
    box.vote("b", q1=4)  # the same word twice
    assert box.listed() == [("Q1", 6), ("Q3", 5), ("Q2", 0)]
    box.vote("b", q1=1)  # votes can be taken back
    assert box.listed()[0] == ("Q3", 5)


def test_new_ones_have_a_place_beside_the_best() -> None:
    box = Box()
    box.ask(*range(40))
    box.vote("a", **{f"q{n}": 9 for n in range(30)})
    names = [text for text, _ in box.listed()]
    assert len(names) == TOP + NEWEST
    assert names[TOP:] == [f"Q{n}" for n in range(32, 40)]
    assert box.shown["open"] == 40


def test_in_review_listeners_see_what_a_steward_shows_and_nothing_else_is_public() -> None:
    box = Box("review")
    box.ask(1, 2)
    assert box.listed() == []
    box.mark(2, "shown")
    assert box.listed() == [("Q2", 0)]
    public = [c.body for c in box.entries if c.public and isinstance(c.body, kinds.Question)]
    assert [each.text for each in public] == ["Q2"]


def test_a_hidden_question_goes_and_its_words_are_not_said_again() -> None:
    box = Box()
    box.ask(1)
    box.listed()
    (change,) = box.mark(1, "hidden")
    assert change.public
    assert change.body == kinds.Question(f"{1:020x}", state="hidden")
    assert box.listed() == []
    assert box.mark(1, "shown") == []  # for good
    box = Box("review")
    box.ask(1)
    (change,) = box.mark(1, "hidden")
    assert not change.public  # nobody had seen it


def test_answered_ones_leave_the_hosts_list_and_stay_for_listeners() -> None:
    box = Box()
    box.ask(1, 2)
    box.mark(1, "answered")
    assert box.mark(1, "answered") == []  # two hosts
    box.listed()
    assert [(e["text"], e.get("answered", False)) for e in box.shown["top"]] == [
        ("Q2", False),
        ("Q1", True),
    ]
    assert [each["text"] for each in box.questions.view()["questions"]] == ["Q2"]


def test_the_list_is_written_at_most_each_five_seconds_and_only_if_it_changed() -> None:
    box = Box()
    box.ask(1)
    box.listed()
    box.vote("a", q1=1)
    assert box.questions.due((box.at_s + 4) * S) == []
    assert box.listed() == [("Q1", 1)]
    assert box.questions.due((box.at_s + 50) * S) == []


def test_off_takes_everything_away_and_takes_no_more() -> None:
    box = Box()
    box.ask(1)
    box.listed()
    box.take(box.questions.set_mode({"mode": "off"}))
    assert box.shown == {}
    assert box.ask(2) == 1  # dealt with: it came too late
    assert box.questions.view()["open"] == 1


def test_full_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUESTIONS", 3)
    box = Box()
    assert box.ask(1, 2) == 2
    assert box.ask(2, 3, 4, 5) == 2  # known, new; then full
    assert box.ask(4) == 0


@pytest.mark.parametrize(
    ("act", "args", "code"),
    [
        ("set_mode", {"mode": "loud"}, "question_mode"),
        ("mark", {"question": "x", "state": "shown"}, "question_unknown"),
        ("mark", {"question": f"{1:020x}", "state": "asked"}, "question_state"),
    ],
)
def test_what_cannot_be_is_said(act: str, args: dict[str, str], code: str) -> None:
    box = Box()
    box.ask(1)
    with pytest.raises(HustingsError) as refused:
        getattr(box.questions, act)(args)
    assert refused.value.code == code


def test_a_restart_goes_on_with_the_best_and_hears_the_edges_again() -> None:
    box = Box()
    box.ask(1, 2)
    box.vote("a", q1=2)
    box.listed()
    again = AudienceQuestions()
    again.restore(box.questions.state())
    assert (again.shown(), again.view()) == (box.shown, box.questions.view())
    again.hear("a", {f"{1:020x}": [3]})
    assert again.votes(f"{1:020x}") == 3
    assert again.news() is not None
    assert again.news() is None


def test_ten_thousand_questions_keep_a_snapshot_within_its_bound() -> None:
    box = Box()
    for n in range(0, module.QUESTIONS, 50):
        changes, _ = box.questions.take(
            [Asked(f"{m:020x}", "ا" * 280, "م" * 80) for m in range(n, n + 50)]
        )
        box.take(changes)
    box.vote("a", **{f"q{n}": 1 for n in range(module.QUESTIONS)})
    assert len(kinds.encode(box.questions.state())) < 600_000  # a record takes 1 MiB
    assert len(box.questions.view()["questions"]) == module.TOLD
