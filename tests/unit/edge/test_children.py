"""An edge sums what edges below it say, and hands find their way up and down."""

import pytest

from hustings.base.errors import PeerError
from hustings.edge.audience.census import Salt
from hustings.edge.audience.children import SILENT_S, Children
from hustings.edge.audience.voice import Audience
from hustings.wire.batch import Answer, Batch, Hands, Now, Raised, Topic
from hustings.wire.sketch import Sketch


def hand(number: int, age_s: float = 1.0) -> Raised:
    return Raised(f"{number:020x}", f"Person {number}", age_s=age_s)


class Parent:
    """One room of an edge, with time."""

    def __init__(self) -> None:
        self.audience = Audience()
        self.audience.salted(Salt("monday", b"s" * 32))
        self.below = Children(self.audience)
        self.now_s = 100.0

    def hear(self, child: str, **said: object) -> Answer:
        return self.below.hear(child, Batch(**said), self.now_s)  # type: ignore[arg-type]

    def up(self) -> Batch:
        """What the stage would be told now."""
        batch = self.audience.batch(self.below.now(self.now_s), self.now_s)
        return self.below.added(batch, self.now_s)

    def answered(self, said: Batch, **answer: object) -> None:
        told = Answer(**answer)  # type: ignore[arg-type]
        self.audience.answered(told)
        self.below.answered(said.hands.down, told)


def test_what_adds_up_is_added_once_and_who_is_there_counts_while_they_speak() -> None:
    parent = Parent()
    parent.hear("a", now=Now(live=5, hls=1), joins=7, listened_s=60.5, reactions={"clap": 2})
    parent.hear("b", now=Now(live=2, low=3), waiting=4, joins=1, reactions={"clap": 1, "wow": 1})
    said = parent.up()
    assert said.now == Now(live=7, low=3, hls=1)
    assert (said.waiting, said.joins, said.listened_s) == (4, 8, 60.5)
    assert said.reactions == {"clap": 3, "wow": 1}
    parent.answered(said)
    parent.now_s += SILENT_S + 1
    parent.hear("b", now=Now(live=2), joins=1)
    said = parent.up()
    assert (said.now, said.waiting, said.joins) == (Now(live=2), 0, 1)


def test_a_batch_that_the_stage_missed_is_said_again() -> None:
    parent = Parent()
    parent.hear("a", joins=7, hands=Hands(up=1, first=[hand(1)]))
    parent.up()
    parent.audience.lost()
    said = parent.up()
    assert (said.joins, [each.id for each in said.hands.first]) == (7, [hand(1).id])


def test_who_missed_only_our_answer_says_the_same_again_and_it_counts_once() -> None:
    parent, child = Parent(), Audience()
    for expected in (3, 5):  # the second time two more have come
        while child.batch(Now(), 0.0).joins < expected:
            child.joined(None, object(), 0.0)
        said = child.batch(Now(), 0.0)
        parent.below.hear("a", said, parent.now_s)
        child.lost()
        assert parent.up().joins == expected
    parent.below.hear("a", child.batch(Now(), 0.0), parent.now_s)
    child.answered(Answer())
    child.joined(None, object(), 0.0)
    parent.below.hear("a", child.batch(Now(), 0.0), parent.now_s)
    assert parent.up().joins == 6


def test_a_batch_that_cannot_be_read_counts_nothing() -> None:
    parent = Parent()
    with pytest.raises(PeerError):
        parent.hear("a", joins=7, salt="monday", pages=b"no sketch")
    assert parent.up().joins == 0


def test_unique_listeners_are_those_of_all() -> None:
    parent, sketches = Parent(), (Sketch(), Sketch())
    for value in range(300):
        sketches[value % 2].add(value * 0x9E3779B97F4A7C15 % 2**64)
    for child, sketch in zip("ab", sketches, strict=True):
        parent.hear(child, salt="monday", pages=sketch.encode())
        parent.hear(child, salt="sunday", pages=b"not looked at")
    said = parent.up()
    assert Sketch.decode(said.pages).size == pytest.approx(300, rel=0.05)


def test_hands_go_up_in_order_and_are_counted_where_their_owners_are() -> None:
    parent = Parent()
    answer = parent.hear("a", hands=Hands(up=3, first=[hand(1, 9.0), hand(2, 2.0)]))
    assert (answer.taken, answer.wanted) == (2, 50)
    parent.hear("b", hands=Hands(up=1, first=[hand(3, 5.0)]))
    said = parent.up()
    assert [each.id for each in said.hands.first] == [hand(n).id for n in (1, 3, 2)]
    assert said.hands.first[0].age_s == pytest.approx(9.0)
    assert said.hands.up == 4
    parent.answered(said, taken=3, wanted=50)
    assert parent.up().hands.first == []


def test_a_hand_that_goes_down_is_told_to_all_who_may_hold_it_but_its_owner() -> None:
    parent = Parent()
    parent.hear("a", hands=Hands(up=1, first=[hand(1)]))
    parent.hear("b", now=Now(live=1))
    said = parent.up()
    parent.answered(said, taken=1, wanted=50)
    answer = parent.hear("a", hands=Hands(down=[hand(1).id]))
    assert answer.down == []
    assert parent.hear("b").down == [hand(1).id]
    said = parent.up()
    assert said.hands.down == [hand(1).id]  # the stage holds it
    parent.answered(said, down=[hand(7).id])
    assert parent.hear("a").down == parent.hear("b").down == [hand(7).id]


def test_a_hand_that_moves_to_this_edge_leaves_the_child() -> None:
    parent = Parent()
    parent.hear("a", hands=Hands(up=1, first=[hand(1)]))
    parent.answered(parent.up(), taken=1, wanted=50)
    made = parent.audience.hand(b'{"name": "Eve", "ticket": "t"}', parent.now_s)["hand"]
    said = parent.up()
    assert said.hands.down == [made]
    parent.answered(said)
    assert parent.hear("a").down == [made]


def test_topics_add_up_and_a_waiting_hand_without_one_is_not_forgotten() -> None:
    parent = Parent()
    rent = Raised("a" * 20, "A", age_s=9.0, topic="Rent")
    parent.hear("a", hands=Hands(up=3, first=[rent], topics={"Rent": Topic(2, 9.0), "": Topic(1)}))
    parent.hear("b", hands=Hands(up=1, first=[hand(2, 5.0)], oldest_s=5.0))
    said = parent.up()
    assert said.hands.up == 4
    assert {topic: each.up for topic, each in said.hands.topics.items()} == {"Rent": 2, "": 2}
    assert [each.topic for each in said.hands.first] == [""]  # no other was asked for so far
    assert said.hands.topics["Rent"].oldest_s == 9.0
    parent.answered(said, taken=0, wanted=5, topics={"Rent": 5})
    said = parent.up()
    assert [each.topic for each in said.hands.first] == ["Rent", ""]
    parent.answered(said, taken=2, wanted=5)
    parent.audience.hands.settle("a" * 20)
    parent.hear("b", hands=Hands(up=2, first=[hand(3, 4.0)], oldest_s=4.0))
    assert parent.up().hands.topics[""].oldest_s == 4.0
