"""Private talk-back: who may, and that nothing said in private is ever aired by accident."""

from typing import Any

import pytest

from hustings.base.errors import Denied, UserError
from hustings.stage import talkback
from hustings.stage.commands import perform
from hustings.stage.room import Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Participant, Room


def room_with(*people: tuple[str, str, str]) -> RoomModel:
    room = RoomModel(Room(room="r", title="R", state="live"))
    for who, role, place in people:
        person = Participant(who, who.title(), role, place, connected=True)  # type: ignore[arg-type]
        room.fold(kinds.Roster(person, "joined"))
    return room


@pytest.fixture
def room() -> RoomModel:
    return room_with(
        ("ada", "host", "stage"),
        ("bob", "cohost", "stage"),
        ("eve", "speaker", "stage"),
        ("gus", "speaker", "backstage"),
        ("gina", "speaker", "backstage"),
    )


def do(room: RoomModel, who: str, command: str, **args: Any) -> list[Change]:
    """The command and what follows of it, as a hall does it."""
    changes = perform(room, who, command, args, now_ms=1)
    for change in changes:
        room.fold(change.body)
    for change in (after := talkback.over(room)):
        room.fold(change.body)
    assert talkback.over(room) == []
    return [*changes, *after]


def test_a_host_talks_with_one_backstage_and_no_edge_learns_of_it(room: RoomModel) -> None:
    (change,) = do(room, "ada", "talk", participant="gus")
    assert (change.kind, change.public) == (kinds.TALK, False)
    assert room.talks == {"ada": "gus"}
    assert do(room, "ada", "talk", participant="gus") == []
    do(room, "ada", "hush")
    assert room.talks == {}
    assert not room.people["ada"].muted  # by their own button
    assert do(room, "ada", "hush") == []


@pytest.mark.parametrize("guest", ["eve", "bob", "ada"])
def test_only_with_somebody_backstage(room: RoomModel, guest: str) -> None:
    with pytest.raises(UserError, match="backstage"):
        do(room, "ada", "talk", participant=guest)


def test_one_talk_each_and_only_by_hosts(room: RoomModel) -> None:
    do(room, "ada", "talk", participant="gus")
    with pytest.raises(UserError, match="backstage"):
        do(room, "bob", "talk", participant="gus")
    with pytest.raises(Denied):
        do(room, "eve", "talk", participant="gina")
    do(room, "bob", "talk", participant="gina")
    do(room, "ada", "hush")
    assert room.talks == {"bob": "gina"}
    do(room, "bob", "talk", participant="gus")  # one after the other
    assert room.talks == {"bob": "gus"}
    assert not room.people["bob"].muted


@pytest.mark.parametrize(
    ("who", "command", "args"),
    [
        ("bob", "remove", {"participant": "gus"}),
        ("gus", "leave", {}),
        ("gus", "accept", {}),
    ],
)
def test_what_ends_a_talk_from_outside_leaves_the_host_muted(
    room: RoomModel, who: str, command: str, args: dict[str, str]
) -> None:
    do(room, "bob", "invite", participant="gus")
    do(room, "ada", "talk", participant="gus")
    do(room, who, command, **args)
    assert room.talks == {}
    assert room.people["ada"].muted


def test_a_lost_line_of_the_guest_ends_it_and_one_of_the_host_does_not(room: RoomModel) -> None:
    do(room, "ada", "talk", participant="gus")
    for change in room.connection("ada", connected=False):
        room.fold(change.body)
    assert talkback.over(room) == []  # back again they are where they were: in private
    for change in room.connection("gus", connected=False):
        room.fold(change.body)
    assert [change.kind for change in talkback.over(room)] == [kinds.ROSTER, kinds.TALK]


def test_a_co_host_who_is_one_no_more_talks_no_more(room: RoomModel) -> None:
    do(room, "bob", "talk", participant="gus")
    do(room, "ada", "role", participant="bob", role="speaker")
    assert room.talks == {}
    assert room.people["bob"].muted


def test_a_restart_knows_of_it(room: RoomModel) -> None:
    do(room, "ada", "talk", participant="gus")
    assert room.private_state()["talks"] == {"ada": "gus"}
