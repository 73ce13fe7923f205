"""What hosts' pages are told of hands: the top of each topic, and honest numbers."""

from hustings.stage.room import AUDIENCE_HANDS
from hustings.stage.views import HANDS_TOLD, TOPIC_TOLD, hands_view
from hustings.wire.kinds import Hand
from tests.unit.stage.test_room import Evening

TOPICS = ["Rent", "Trams"]


def evening() -> Evening:
    evening = Evening()
    evening.join("h", "host")
    evening.do("h", "topics", topics=TOPICS)
    return evening


def test_a_loud_topic_hides_no_other() -> None:
    full = evening()
    for n in range(3_000):
        topic = "Rent" if n < 2_990 else "Trams"
        full.take(full.room.audience_hand(f"{n:020x}", f"n{n}", "?", at_ms=n + 1, topic=topic))
    assert len(full.room.hands) <= AUDIENCE_HANDS
    view = hands_view(full.room, 100_500, {"": 490, "Rent": 100_000, "Trams": 10})
    assert view["hands_up"] == 100_500
    assert view["topics"] == {"Rent": 100_000, "Trams": 10, "": 490}
    trams = [hand["name"] for hand in view["hands"] if hand.get("topic") == "Trams"]
    assert trams == [f"n{n}" for n in range(2_990, 3_000)]
    assert len(view["hands"]) <= HANDS_TOLD + TOPIC_TOLD * len(TOPICS)
    assert [hand["at_ms"] for hand in view["hands"]] == sorted(h["at_ms"] for h in view["hands"])


def test_numbers_add_up_also_before_edges_have_told_theirs() -> None:
    room = evening()
    room.join("s")
    room.do("s", "hand", question="?", topic="Trams")
    room.take(room.room.audience_hand("a" * 20, "A", "?", at_ms=1, topic="Rent"))
    room.take(room.room.audience_hand("b" * 20, "B", "?", at_ms=1, topic="no such topic"))
    view = hands_view(room.room, 3, {})
    assert view["topics"] == {"Rent": 1, "Trams": 1, "": 1}


def test_a_topic_that_is_gone_takes_no_hand_along() -> None:
    room = evening()
    room.take(room.room.audience_hand("a" * 20, "A", "?", at_ms=1, topic="Rent"))
    room.do("h", "topics", topics=[])
    view = hands_view(room.room, 1, {"Rent": 1})
    assert [hand["name"] for hand in view["hands"]] == ["A"]
    assert view["topics"] == {}


def test_a_hand_under_a_hosts_name_is_marked() -> None:
    room = evening()
    room.room.fold(Hand(id="x" * 20, name="Н", question="", at_ms=1))  # Cyrillic; the host is H
    (hand,) = hands_view(room.room, 1, {})["hands"]
    assert hand["taken_for"] == "H"
