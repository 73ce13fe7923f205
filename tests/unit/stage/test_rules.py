"""The rules of a room on the stage: entries of the record, and what a restart knows of them."""

from typing import Any

import msgspec
import pytest

from hustings.stage.evening.evening import Evening
from hustings.stage.room import Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Room, RoomState
from hustings.wire.rules import rules_of

FIRST = {"house": {"en": "Be kind."}, "own": ""}
SECOND = {"house": {"en": "Be kind."}, "own": "One question each."}


def put(room: RoomModel, evening: Evening, rules: dict[str, Any]) -> list[Change]:
    changes = room.put({"rules": rules}, now_ms=1)
    for change in changes:
        room.fold(change.body)
        evening.fold(change.body, 0)
    return changes


def test_a_change_is_an_entry_with_the_texts_and_then_the_rooms_facts() -> None:
    room, evening = RoomModel(Room("r", "R")), Evening()
    told, facts = put(room, evening, FIRST)
    assert (told.kind, told.public, told.body) == (kinds.RULES, True, rules_of(**FIRST))
    assert (facts.kind, room.facts.rules) == (kinds.ROOM, rules_of(**FIRST).id)
    assert put(room, evening, FIRST) == []  # said again
    assert len(put(room, evening, SECOND)) == 2
    assert evening.shown()[kinds.RULES]["own"] == "One question each."
    assert evening.news({kinds.RULES}, 0) == [{"type": "rules", "rules": evening.said_rules}]
    put(room, evening, {"house": {}, "own": ""})
    assert (room.facts.rules, evening.said_rules) == ("", {})


def test_new_rules_are_no_new_announcement() -> None:
    room, evening = RoomModel(Room("r", "R")), Evening()
    put(room, evening, FIRST)
    assert room.facts.revision == 0


@pytest.mark.parametrize("state", ["scheduled", "lobby", "live", "ended"])
def test_what_held_in_an_evening_holds_for_ever(state: RoomState) -> None:
    room, evening = RoomModel(Room("r", "R", state, rules=rules_of(**FIRST).id)), Evening()
    assert bool(put(room, evening, SECOND)) == (state != "ended")


def test_a_restart_knows_the_texts() -> None:
    room, evening, again = RoomModel(Room("r", "R")), Evening(), Evening()
    put(room, evening, SECOND)
    again.restore(
        kinds.Snapshot(
            size=0, frontier=[], room=room.facts, roster=[], speaking=[], term=1, part=0,
            private=msgspec.msgpack.decode(msgspec.msgpack.encode({"evening": evening.state(0)})),
        )
    )  # fmt: skip
    assert again.said_rules == evening.said_rules
