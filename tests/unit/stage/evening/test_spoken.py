"""The fair-time meter."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.evening.evening import Evening
from hustings.stage.evening.spoken import PEOPLE, Spoken
from hustings.wire.kinds import Level, Room, Snapshot

S = 48_000


def test_each_has_the_time_in_which_they_were_heard() -> None:
    spoken = Spoken()
    spoken.hear(["a"], 0)
    spoken.hear(["a", "b"], 10 * S)  # both at once count for both
    spoken.hear(["b"], 12 * S)
    assert spoken.seconds(20 * S) == {"a": 12, "b": 10}


def test_time_in_which_the_stage_stood_still_is_nobodys() -> None:
    spoken = Spoken()
    spoken.hear(["a"], 0)
    spoken.skip(100 * S)
    assert spoken.seconds(105 * S) == {"a": 5}


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.integers(1, 9)), max_size=20))
def test_no_more_than_the_evening_and_the_same_after_a_restart(turns: object) -> None:
    spoken, at = Spoken(), 0
    for speaking, seconds in turns:
        spoken.hear(speaking, at)
        at += seconds * S
        again = Spoken()
        again.restore(spoken.state(at))
        spoken = again
    spoken.hear([], at)
    true = {who: sum(s for speaking, s in turns if who in speaking) for who in "abc"}
    assert spoken.seconds(at + 50 * S) == {who: s for who, s in true.items() if s}


def test_who_spoke_least_is_forgotten_first() -> None:
    spoken = Spoken()
    for n in range(PEOPLE + 5):
        spoken.hear([f"p{n}"], at := n * (n + 1) // 2 * S)
    seconds = spoken.seconds(at)
    assert len(seconds) <= PEOPLE
    assert "p0" not in seconds
    assert f"p{PEOPLE}" in seconds


def test_what_is_said_before_the_room_is_live_is_not_counted() -> None:
    evening = Evening()
    evening.fold(Room("r", "R", state="lobby"), 0)
    evening.fold(Level(["a"]), 0)
    evening.fold(Room("r", "R", state="live"), 100 * S)
    evening.fold(Level(["b"]), 110 * S)
    evening.fold(Room("r", "R", state="ended"), 130 * S)
    assert evening.spoken.seconds(200 * S) == {"b": 20}


def test_pages_hear_of_seconds_only_when_they_change() -> None:
    evening = Evening()
    evening.fold(Room("r", "R", state="live"), 0)
    evening.fold(Level(["a"]), 0)
    assert evening.second(S) == [{"type": "spoken", "spoken": {"a": 1}}]
    evening.fold(Level([]), S)
    assert evening.second(2 * S) == []


def test_a_snapshot_says_whether_the_room_was_live() -> None:
    evening = Evening()
    evening.fold(Room("r", "R", state="live"), 0)
    evening.fold(Level(["a"]), 0)
    again = Evening()
    room = Room("r", "R", state="live")
    again.restore(Snapshot(0, [], room, [], ["a"], 1, 0, {"evening": evening.state(5 * S)}))
    again.fold(Level(["b"]), 10 * S)
    assert again.spoken.seconds(12 * S) == {"a": 10, "b": 2}
