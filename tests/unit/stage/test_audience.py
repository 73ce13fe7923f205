"""The stage adds up what its edges say."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.stage import audience as module
from hustings.stage.audience import HELD, Audience
from hustings.wire.batch import Batch, Hands, Now
from hustings.wire.sketch import Sketch, keyed


def said(live: int = 0, **more: object) -> Batch:
    return Batch(now=Now(live=live), salt="s", **more)  # type: ignore[arg-type]


def sketch(*names: str) -> bytes:
    made = Sketch()
    for name in names:
        made.add(keyed(b"k", name))
    return made.encode()


def audience(salt: str = "s") -> Audience:
    made = Audience()
    made.salted(salt)
    return made


def test_a_silent_edge_leaves_the_sum_and_the_peak_stays() -> None:
    room = audience()
    room.hear("a", said(5, joins=5), 0.0)
    room.hear("b", said(7, joins=7), 10.0)
    for _ in range(HELD):
        room.second(10.0)
    assert (room.now(10.0).all, room.light(10.0)) == (12, {"listeners": 12, "waiting": 0})
    room.second(13.0)
    reach = room.reach(13.0)
    assert (reach.now, reach.peak, reach.joins, reach.edges) == (7, 12, 12, 1)


def test_listeners_of_an_edge_that_died_are_not_twice_in_the_peak() -> None:
    room = audience()
    for second in range(60):
        if second < 30:  # then it is killed, and all are back at the other one two seconds later
            room.hear("a", said(100), float(second))
        room.hear("b", said(7 if second < 32 else 107), float(second))
        room.second(float(second))
    assert (room.now(59.0).all, room.peak) == (107, 107)


def test_what_is_said_again_because_our_answer_was_late_counts_once() -> None:
    room = audience()
    for joins in (3, 5, 5):
        room.hear("a", said(joins=joins, listened_s=joins * 2.0, after=1), 0.0)
    assert (room.joins, room.listened_s) == (5, 10.0)
    room.hear("a", said(joins=4, listened_s=1.0, after=2), 1.0)  # that answer came
    room.hear("b", said(joins=1, after=2), 1.0)
    assert (room.joins, room.listened_s) == (10, 11.0)


def test_unique_listeners_of_all_edges_are_one_set() -> None:
    room = audience()
    room.hear("a", said(pages=sketch("x", "y"), players=sketch("p")), 0.0)
    room.hear("b", said(pages=sketch("y", "z")), 0.0)
    room.hear("c", said(pages=sketch("q")).__class__(salt="another", pages=sketch("q")), 0.0)
    assert (room.reach(0.0).unique, room.reach(0.0).players) == (3, 1)


def test_sums_never_fall_when_the_stage_or_the_day_begins_anew() -> None:
    room = audience()
    room.hear("a", said(4, pages=sketch("x", "y"), joins=3, listened_s=40.0), 0.0)
    for _ in range(HELD):
        room.second(0.0)
    again = Audience()
    again.restore(room.state(0.0))
    again.salted("s")
    assert again.reach(99.0).unique == 2
    again.hear("a", said(4, pages=sketch("x", "y", "z"), listened_s=10.0), 99.0)
    reach = again.reach(99.0)
    assert (reach.unique, reach.joins, reach.listened_s, reach.peak) == (3, 3, 50, 4)
    again.salted("next")
    assert again.reach(99.0).unique == 3
    again.hear("a", Batch(salt="next", pages=sketch("x")), 99.0)
    assert again.reach(99.0).unique == 4  # who comes again under another salt
    third = Audience()
    third.restore(again.state(99.0))
    third.salted("later")
    assert third.reach(99.0).unique == 4


def test_the_oldest_hands_of_all_edges_are_wanted_first() -> None:
    room = audience()
    room.hear("a", said(hands=Hands(up=3, oldest_s=9.0)), 100.0)
    room.hear("b", said(hands=Hands(up=2, oldest_s=20.0)), 100.5)
    room.hear("c", said(), 100.5)
    room.second(101.0)
    wanted = {edge: room.answer(edge, taken=0, free={"": 150}).wanted for edge in "abc"}
    assert wanted == {"a": 0, "b": 50, "c": 0}
    assert room.answer("b", taken=0, free={"": 3}).wanted == 3
    assert room.hands_up(101.0) == 5


def test_who_lowered_a_hand_elsewhere_is_told_to_each_other_edge_once() -> None:
    room = audience()
    for edge in "abc":
        room.hear(edge, said(), 0.0)
    room.lowered("a", ["1" * 20, "2" * 20])
    assert room.answer("a", taken=0, free={"": 0}).down == []
    assert room.answer("b", taken=0, free={"": 0}).down == ["1" * 20, "2" * 20]
    room.lowered("b", ["3" * 20])
    assert room.answer("b", taken=0, free={"": 0}).down == []
    assert room.answer("c", taken=0, free={"": 0}).down == ["1" * 20, "2" * 20, "3" * 20]
    assert room.answer("c", taken=0, free={"": 0}).down == []


def test_reactions_of_all_edges_are_told_once() -> None:
    room = audience()
    room.hear("a", said(reactions={"clap": 2}), 0.0)
    room.hear("b", said(reactions={"clap": 3, "heart": 1}), 0.0)
    assert room.second(0.0) == {"clap": 5, "heart": 1}
    assert room.second(0.0) == {}


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), max_size=60))
def test_edges_are_bounded_and_the_newest_word_counts(words: list[tuple[int, int]]) -> None:
    room, expected = audience(), dict[int, int]()
    for edge, live in words:
        room.hear(str(edge), said(live), 0.0)
        expected.pop(edge, None)
        expected[edge] = live
        if len(expected) > 5:
            del expected[next(iter(expected))]
        while len(room._edges) > 5:
            del room._edges[next(iter(room._edges))]
    assert room.now(0.0).all == sum(expected.values())


def test_a_flood_of_edges_is_forgotten(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(module, "EDGES", 3)
    room = audience()
    for edge in range(10):
        room.hear(str(edge), said(1), 0.0)
    assert room.now(0.0).all == 3
