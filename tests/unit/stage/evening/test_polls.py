"""Polls: one at a time, counted after all have told, with an honest error."""

from typing import Any

import pytest

from hustings.base.errors import HustingsError
from hustings.stage.evening.polls import COUNT_S, Polls
from hustings.stage.room import Change
from hustings.wire.kinds import Poll
from hustings.wire.names import SAMPLE_RATE as S

ASKED = {"question": "The bridge?", "choices": ["Yes", "No"]}


class Desk:
    """Polls, with their changes folded; media time in seconds."""

    def __init__(self) -> None:
        self.polls = Polls()
        self.at_s = 0

    def take(self, changes: list[Change]) -> list[Poll]:
        told = [change.body for change in changes if isinstance(change.body, Poll)]
        assert all(change.public for change in changes)
        for body in told:
            self.polls.fold(body, self.at_s * S)
        return told

    def open(self, **args: Any) -> list[Poll]:
        return self.take(self.polls.open(ASKED | args))

    def close(self) -> list[Poll]:
        return self.take(self.polls.close({"poll": self.polls.now.id}))

    def count(self) -> list[Poll]:
        self.at_s += COUNT_S
        return self.take(self.polls.due(self.at_s * S))


def test_a_poll_is_opened_closed_and_counted_with_what_came_last() -> None:
    desk = Desk()
    assert desk.open() == [Poll("p1", "The bridge?", ["Yes", "No"])]
    desk.polls.hear("a", {"p1": [3, 1, 0]})
    assert desk.polls.shown() == {"id": "p1", **ASKED}  # nobody votes with the crowd
    assert (desk.polls.view()["counts"], desk.polls.view()["votes"]) == ([3, 1], 4)
    (closed,) = desk.close()
    assert (closed.state, closed.counts) == ("closed", [])
    assert desk.close() == []  # two hosts
    assert desk.polls.due((desk.at_s + COUNT_S) * S - 1) == []
    desk.polls.hear("b", {"p1": [0, 2, 1]})
    (result,) = desk.count()
    assert (result.state, result.counts, result.votes, result.moved) == ("counted", [3, 3], 6, 1)
    desk.polls.hear("b", {"p1": [0, 9, 1]})  # too late
    assert desk.polls.view()["counts"] == [3, 3]
    assert desk.count() == []


def test_an_edge_that_died_keeps_its_votes_and_a_changed_vote_moves() -> None:
    desk = Desk()
    desk.open()
    desk.polls.hear("dead", {"p1": [5, 0, 0]})
    desk.polls.hear("b", {"p1": [1, 0, 0]})
    desk.polls.hear("b", {"p1": [0, 1, 0]})
    assert desk.polls.view()["counts"] == [5, 1]


def test_one_poll_at_a_time_and_the_next_has_another_id() -> None:
    desk = Desk()
    desk.open()
    for act in (desk.open, lambda: desk.take(desk.polls.clear({"poll": "p1"}))):
        with pytest.raises(HustingsError) as refused:
            act()
        assert refused.value.code == "poll_open"
    desk.close()
    desk.count()
    assert desk.take(desk.polls.clear({"poll": "p1"})) == [Poll()]
    assert desk.polls.shown() == {}
    assert desk.open()[0].id == "p2"
    desk.polls.hear("a", {"p1": [9, 9, 9], "p2": [1, 0, 0]})
    assert desk.polls.view()["counts"] == [1, 0]


@pytest.mark.parametrize(
    "args",
    [
        {"question": " "},
        {"choices": ["Yes"]},
        {"choices": ["Yes", " Yes "]},
        {"choices": [str(n) for n in range(7)]},
        {"choices": "Yes or no"},
        {"choices": None},
    ],
)
def test_what_is_no_poll(args: dict[str, Any]) -> None:
    with pytest.raises(HustingsError) as refused:
        Desk().open(**args)
    assert refused.value.code == "poll_bad"


def test_a_poll_that_is_gone_cannot_be_closed() -> None:
    desk = Desk()
    desk.open()
    with pytest.raises(HustingsError) as refused:
        desk.polls.close({"poll": "p9"})
    assert refused.value.code == "poll_unknown"


@pytest.mark.parametrize("when", ["open", "closed"])
def test_a_restart_loses_no_vote(when: str) -> None:
    desk = Desk()
    desk.open()
    desk.polls.hear("dead", {"p1": [5, 0, 0]})
    if when == "closed":
        desk.close()
    again = Desk()
    again.at_s = desk.at_s
    again.polls.restore(desk.polls.state())
    again.polls.hear("b", {"p1": [0, 4, 0]})
    if when == "open":
        again.close()
    (result,) = again.count()
    assert result.counts == [5, 4]
    again.take(again.polls.clear({"poll": "p1"}))
    assert again.open()[0].id == "p2"
