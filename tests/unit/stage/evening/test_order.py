"""The running order, and what a restart makes of it."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, HustingsError
from hustings.stage.evening.evening import Evening
from hustings.stage.evening.order import ITEMS
from hustings.stage.room import Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Room

S = 48_000


class Table:
    """A host, a speaker, and a running order; media time in seconds."""

    def __init__(self) -> None:
        self.room = RoomModel(Room(room="r", title="R"))
        for who, role in (("h", "host"), ("s", "speaker")):
            for change in self.room.join(who, name=who, role=role):
                self.room.fold(change.body)
        self.evening = Evening()
        self.at_s = 0
        self.entries: list[tuple[Change, int]] = []

    def do(self, command: str, *, by: str = "h", **args: Any) -> list[Change]:
        changes = self.evening.perform(self.room, by, command, args)
        for change in changes:
            self.evening.fold(change.body, self.at_s * S)
            self.entries.append((change, self.at_s))
        return changes

    def plan(self, *titles: str) -> list[str]:
        for title in titles:
            self.do("agenda_put", title=title, planned_s=60)
        return [item.id for item in self.evening.order.items]

    @property
    def titles(self) -> list[str]:
        return [item.title for item in self.evening.order.items]

    @property
    def view(self) -> dict[str, Any]:
        return self.evening.order.view(self.at_s * S)


def test_an_evening_is_planned_moved_about_and_thinned_out() -> None:
    table = Table()
    a, b, c = table.plan("A", "B", "C")
    table.do("agenda_move", item=c, before=a)
    assert table.titles == ["C", "A", "B"]
    table.do("agenda_move", item=c)
    table.do("agenda_put", item=b, title="Bee", who="Otto")
    table.do("agenda_drop", item=a)
    assert table.titles == ["Bee", "C"]
    assert table.do("agenda_drop", item=a) == []  # two hosts, one wish


def test_points_begin_one_after_the_other_and_each_keeps_its_time() -> None:
    table = Table()
    a, b = table.plan("A", "B")
    table.do("agenda_next")
    table.at_s = 50
    table.do("agenda_next", after=a)
    table.at_s = 70
    assert [item["spent_s"] for item in table.view["items"]] == [50, 20]
    assert (table.view["now"], table.view["turn_s"]) == (b, 20)
    table.do("agenda_start", item=a)  # back once more: its time goes on
    table.at_s = 75
    assert [item["spent_s"] for item in table.view["items"]] == [55, 20]
    table.do("agenda_end")
    assert table.do("agenda_end") == []
    assert table.evening.shown() == {}


def test_two_hosts_who_press_next_at_once_move_one_step() -> None:
    table = Table()
    a, b, _ = table.plan("A", "B", "C")
    table.do("agenda_next", after="")
    table.do("agenda_next", after=a)
    assert table.do("agenda_next", after=a) == []
    assert table.view["now"] == b


def test_after_the_last_point_there_is_none() -> None:
    table = Table()
    (a,) = table.plan("A")
    table.do("agenda_next")
    table.do("agenda_next", after=a)
    assert table.view["now"] == ""


def test_listeners_learn_of_a_point_when_it_begins_and_not_before() -> None:
    table = Table()
    (a,) = table.plan("A")
    assert [change.public for change, _ in table.entries] == [False]
    table.at_s = 7
    table.do("agenda_start", item=a)
    assert table.entries[-1][0].public
    assert table.evening.shown()["agenda"] == {"id": a, "title": "A", "planned_s": 60, "at": 7 * S}


def test_a_mended_title_is_no_new_chapter() -> None:
    table = Table()
    (a,) = table.plan("A")
    table.do("agenda_start", item=a)
    table.at_s = 30
    table.do("agenda_put", item=a, title="Ah", planned_s=60)
    assert isinstance(table.entries[-1][0].body, kinds.Agenda)
    assert table.entries[-1][0].body.again
    assert (table.view["turn_s"], table.evening.shown()["agenda"]["at"]) == (30, 0)


def test_the_current_point_that_is_dropped_ends() -> None:
    table = Table()
    (a,) = table.plan("A")
    table.do("agenda_start", item=a)
    table.do("agenda_drop", item=a)
    assert (table.view["now"], table.titles) == ("", [])


@pytest.mark.parametrize(
    ("command", "args", "code"),
    [
        ("agenda_put", {"title": " \u202e "}, "item_title"),
        ("agenda_put", {"title": "A", "planned_s": -1}, "item_planned"),
        ("agenda_put", {"title": "A", "planned_s": "soon"}, "item_planned"),
        ("agenda_put", {"title": "A", "item": "i9"}, "item_unknown"),
        ("agenda_start", {"item": "i9"}, "item_unknown"),
        ("agenda_move", {"item": []}, "item_unknown"),
    ],
)
def test_what_cannot_be_is_said(command: str, args: dict[str, Any], code: str) -> None:
    with pytest.raises(HustingsError) as refused:
        Table().do(command, **args)
    assert refused.value.code == code


def test_a_full_order_takes_no_more() -> None:
    table = Table()
    table.plan(*(str(n) for n in range(ITEMS)))
    with pytest.raises(HustingsError) as refused:
        table.plan("one more")
    assert refused.value.code == "order_full"
    longest = "ا" * 120
    for item in list(table.evening.order.items):
        table.do("agenda_put", item=item.id, title=longest, who=longest, participant="p" * 90)
    assert len(kinds.encode(table.entries[-1][0].body)) < 24_000  # an entry takes 64 KiB


def test_speakers_may_look_but_not_touch() -> None:
    with pytest.raises(Denied) as refused:
        Table().do("agenda_next", by="s")
    assert refused.value.code == "role_denied"


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "move", "start", "next", "end"]),
        st.integers(0, 5),
        st.integers(0, 5),
    ),
    max_size=25,
)


@given(ACTS, st.integers(0, 25))
def test_a_restart_stands_where_the_last_run_stood(acts: Any, cut: int) -> None:
    table = Table()
    table.plan("A", "B", "C")
    snapshot, before = table.evening.state(0), 0
    for n, (act, one, other) in enumerate(acts):
        table.at_s += 1
        args = {"title": "T", "item": f"i{one}", "before": f"i{other}"}
        if act == "put":
            del args["item"]
        with contextlib.suppress(HustingsError):
            table.do(f"agenda_{act}", **args, after=table.evening.order.now.id)
        if n == cut:
            snapshot, before = table.evening.state(table.at_s * S), len(table.entries)
    again = Evening()
    room = Room(room="r", title="R")
    again.restore(kinds.Snapshot(0, [], room, [], [], 1, 0, private={"evening": snapshot}))
    for change, at_s in table.entries[before:]:
        again.fold(change.body, at_s * S)
    assert again.order.view(table.at_s * S) == table.view
    assert again.shown() == table.evening.shown()
