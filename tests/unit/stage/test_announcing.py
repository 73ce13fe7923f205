"""An evening that is moved, cancelled, and on again after all; what calendars compare."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.stage import commands
from hustings.stage.rehearsals import rehearsed
from hustings.stage.room import RoomModel
from hustings.wire.kinds import Picture, Room

NOW = 1_800_000_000_000
DAY = 86_400_000


def planned(**facts: object) -> RoomModel:
    return RoomModel(Room(**{"room": "r", "title": "R", "start_ms": NOW + DAY, **facts}))  # type: ignore[arg-type]


def put(room: RoomModel, now_ms: int = NOW, **wanted: object) -> Room:
    for change in room.put(wanted, now_ms=now_ms):
        room.fold(change.body)
    return room.facts


def test_a_moved_start_leaves_the_one_before_to_read() -> None:
    room = planned()
    assert put(room, start_ms=NOW + 2 * DAY).was_ms == NOW + DAY
    assert put(room, start_ms=NOW + 3 * DAY).was_ms == NOW + 2 * DAY
    assert put(room, start_ms=NOW + 2 * DAY).was_ms == 0  # as if it had not been moved
    assert put(room, start_ms=0).was_ms == NOW + 2 * DAY
    assert put(room, start_ms=NOW).was_ms == NOW + 2 * DAY
    assert put(planned(start_ms=0), start_ms=NOW).was_ms == 0


def test_another_picture_is_another_announcement_and_no_rehearsal_has_it() -> None:
    room = planned()
    picture = Picture("0" * 32, "A bridge", 640, 480)
    assert put(room, picture=picture).revision == 1
    assert put(room, picture=picture).revision == 1
    assert rehearsed(room.facts, NOW)["picture"] is None
    assert put(room, picture=None).revision == 2


def test_a_lobby_may_be_moved_and_a_live_room_may_not() -> None:
    assert put(planned(state="lobby", epoch_ms=7), start_ms=5).start_ms == 5
    for state in ("live", "ended"):
        assert put(planned(state=state), start_ms=5).start_ms == NOW + DAY


def test_a_cancelled_room_says_why_and_opens_no_lobby_until_that_is_taken_back() -> None:
    room = planned(start_ms=NOW)
    facts = put(room, cancelled=True, cancelled_why="The guest\u202e is\nill")
    assert (facts.state, facts.cancelled_ms) == ("scheduled", NOW)
    assert facts.cancelled_why == "The guest is ill"
    assert not room.lobby_due(NOW, usual_min=30)
    assert put(room, state="lobby").state == "scheduled"
    room.join("h", name="H", role="host")
    for who in room.join("h", name="H", role="host"):
        room.fold(who.body)
    for command in ("lobby", "go_live", "push_add"):
        with pytest.raises(UserError) as refused:
            commands.perform(room, "h", command, {}, now_ms=NOW)
        assert refused.value.code == "room_cancelled"
    facts = put(room, cancelled=False)
    assert (facts.cancelled_ms, facts.cancelled_why) == (0, "")
    assert room.lobby_due(NOW, usual_min=30)


def test_cancelling_again_changes_the_reason_alone() -> None:
    room = planned()
    put(room, cancelled=True)
    facts = put(room, NOW + 5, cancelled=True, cancelled_why="Snow")
    assert (facts.cancelled_ms, facts.cancelled_why, facts.revision) == (NOW, "Snow", 2)


def test_an_open_lobby_ends_with_it_for_good() -> None:
    room = planned(state="lobby", epoch_ms=7)
    facts = put(room, cancelled=True)
    assert (facts.state, facts.ended_ms, facts.cancelled_ms) == ("ended", NOW, NOW)
    assert put(room, cancelled=False).cancelled_ms == NOW


def test_who_speaks_cannot_be_cancelled() -> None:
    for state in ("live", "ended"):
        assert put(planned(state=state), cancelled=True).cancelled_ms == 0


def test_in_one_message_the_last_word_counts() -> None:
    """Web sends the newest of each field, however long the stage was away."""
    assert put(planned(), state="lobby", cancelled=True).state == "scheduled"
    room = planned()
    put(room, cancelled=True)
    facts = put(room, state="lobby", cancelled=False, cancelled_why="old")
    assert (facts.state, facts.cancelled_ms, facts.cancelled_why) == ("lobby", 0, "")


def test_a_rehearsal_of_a_cancelled_room_takes_place() -> None:
    room = planned(start_ms=NOW)
    put(room, cancelled=True, cancelled_why="Snow", start_ms=NOW + DAY)
    facts = rehearsed(room.facts, NOW)
    assert (facts["cancelled_ms"], facts["cancelled_why"], facts["was_ms"]) == (0, "", 0)


WISHES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.sampled_from(["A", "B"]),
        "start_ms": st.sampled_from([0, NOW, NOW + DAY]),
        "cancelled": st.booleans(),
        "cancelled_why": st.sampled_from(["", "Snow"]),
        "expected": st.sampled_from([0, 5]),
        "notice": st.sampled_from(["", "Soon"]),
    },
)


@given(st.lists(WISHES, max_size=12))
def test_two_announcements_with_one_number_say_the_same(wishes: list[dict[str, object]]) -> None:
    room, said = planned(), {}
    for now_ms, wish in enumerate(wishes, NOW):
        before = room.facts
        facts = put(room, now_ms, **wish)
        shown = (facts.title, facts.start_ms, facts.cancelled_ms, facts.cancelled_why)
        assert said.setdefault(facts.revision, shown) == shown
        assert before.revision <= facts.revision <= before.revision + 1
        assert facts.revised_ms == (
            now_ms if facts.revision > before.revision else before.revised_ms
        )
        plan = [(each.start_ms, each.cancelled_ms) for each in (before, facts)]
        assert facts.moved_ms == (before.moved_ms if plan[0] == plan[1] else now_ms)
