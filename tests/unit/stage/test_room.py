"""The rules of a room, without sound, disk or clock."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, HustingsError, NotFound, TryLater, UserError
from hustings.stage import commands
from hustings.stage.names import clean
from hustings.stage.room import Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Room

NOW = 1_800_000_000_000


class Evening:
    """A room with its changes folded and kept, as the hall does it."""

    def __init__(self, **limits: int) -> None:
        self.room = RoomModel(Room(room="r", title="R"), **limits)
        self.changes: list[Change] = []

    def take(self, changes: list[Change]) -> list[Change]:
        for change in changes:
            self.room.fold(change.body)
        self.changes += changes
        return changes

    def join(self, who: str, role: str = "speaker") -> None:
        self.take(self.room.join(who, name=who.title(), role=role))

    def do(self, who: str, command: str, **args: Any) -> list[Change]:
        return self.take(commands.perform(self.room, who, command, args, now_ms=NOW))

    def place(self, who: str) -> str:
        return self.room.people[who].place


@pytest.fixture
def evening() -> Evening:
    evening = Evening()
    for who, role in (("h", "host"), ("c", "cohost"), ("m", "moderator"), ("s", "speaker")):
        evening.join(who, role)
    return evening


def test_a_speaker_waits_until_asked(evening: Evening) -> None:
    with pytest.raises(Denied) as refused:
        evening.do("s", "accept")
    assert refused.value.code == "not_asked"
    evening.do("h", "invite", participant="s")
    evening.do("s", "accept")
    assert evening.place("s") == "stage"
    assert "s" not in evening.room.asked


def test_hosts_come_on_stage_unasked(evening: Evening) -> None:
    evening.do("h", "accept")
    evening.do("c", "accept")
    assert [who.id for who in evening.room.on_stage] == ["h", "c"]


def test_the_thirteenth_seat_is_the_last() -> None:
    evening = Evening(seats=13)
    for n in range(14):
        evening.join(f"c{n}", "cohost")
    for n in range(13):
        evening.do(f"c{n}", "accept")
    with pytest.raises(TryLater) as full:
        evening.do("c13", "accept")
    assert full.value.code == "stage_full"


def test_a_hand_is_called_once_and_asks_its_owner(evening: Evening) -> None:
    evening.do("s", "hand", question="Why?")
    called = evening.do("m", "call", hand="s")
    assert [change.kind for change in called] == ["call", "hand", "seat"]
    assert "s" in evening.room.asked
    assert not evening.room.hands
    assert evening.do("h", "call", hand="s") == []  # two hosts pressed at once
    evening.do("s", "decline")
    evening.do("s", "leave")
    with pytest.raises(NotFound):
        evening.do("m", "call", hand="s")


def test_each_change_on_stage_is_public_and_backstage_is_not(evening: Evening) -> None:
    assert all(not c.public for c in evening.changes if c.kind == kinds.ROSTER)
    (up,) = evening.do("h", "accept")
    (muted,) = evening.do("h", "mute")
    (down,) = evening.do("h", "backstage")
    (unmuted,) = evening.do("h", "unmute")
    assert [c.public for c in (up, muted, down, unmuted)] == [True, True, True, False]


def test_who_left_is_off_the_stage_and_may_come_back(evening: Evening) -> None:
    evening.do("h", "leave")
    assert "h" not in evening.room.people
    evening.join("h", "host")
    assert evening.place("h") == "backstage"


def test_a_removed_person_does_not_come_back(evening: Evening) -> None:
    evening.do("m", "remove", participant="s")
    with pytest.raises(Denied) as refused:
        evening.join("s")
    assert refused.value.code == "revoked"


def test_an_invitation_is_revoked_before_anybody_used_it(evening: Evening) -> None:
    evening.take(evening.room.revoke("unborn"))
    assert evening.room.revoke("unborn") == []
    with pytest.raises(Denied):
        evening.join("unborn")


def test_nobody_but_a_host_touches_a_host(evening: Evening) -> None:
    for command in ("remove", "backstage"):
        with pytest.raises(Denied):
            evening.do("m", command, participant="h")


def test_a_locked_room_lets_those_in_who_were_in(evening: Evening) -> None:
    evening.do("h", "lock")
    with pytest.raises(Denied) as refused:
        evening.join("late")
    assert refused.value.code == "room_locked"
    evening.join("s")  # comes again: the same seat
    evening.do("h", "unlock")
    evening.join("late")


@pytest.mark.parametrize("who", ["c", "m", "s"])
@pytest.mark.parametrize("command", ["end", "lobby", "role"])
def test_only_the_host_may(evening: Evening, who: str, command: str) -> None:
    with pytest.raises(Denied) as refused:
        evening.do(who, command, participant="s", role="host")
    assert refused.value.code == "role_denied"


def test_the_epoch_is_the_first_opening_for_ever(evening: Evening) -> None:
    evening.do("h", "lobby")
    assert evening.room.facts.epoch_ms == NOW
    evening.take(evening.room.put({"start_ms": NOW + 1}, now_ms=NOW + 5))
    evening.do("h", "go_live")
    assert evening.room.facts.epoch_ms == NOW
    evening.do("h", "end")
    with pytest.raises(UserError):
        evening.do("h", "go_live")
    with pytest.raises(Denied):
        evening.join("new")


def test_doing_it_twice_is_one_change(evening: Evening) -> None:
    for command in ("accept", "mute", "lock", "go_live", "end"):
        assert evening.do("h", command)
        assert evening.do("h", command) == []


def test_unknown_commands_and_people_are_named() -> None:
    evening = Evening()
    with pytest.raises(Denied):
        evening.do("nobody", "mute")
    evening.join("h", "host")
    with pytest.raises(UserError) as unknown:
        evening.do("h", "dance")
    assert "dance" in unknown.value.title
    with pytest.raises(NotFound):
        evening.do("h", "remove", participant="ghost")


def test_names_lose_what_could_deceive() -> None:
    assert clean("  Ada \u202eecalevoL\x00\n ") == "Ada ecalevoL"
    assert clean("x" * 500) == "x" * 80
    evening = Evening()
    with pytest.raises(UserError):
        evening.take(evening.room.join("a", name="\u200b \t", role="host"))


def test_a_seat_that_nobody_uses_is_freed_and_the_name_later(evening: Evening) -> None:
    evening.do("h", "accept")
    assert evening.take(evening.room.give_up({"h": 119.0, "s": 899.0})) == []
    evening.take(evening.room.give_up({"h": 121.0}))
    assert evening.place("h") == "backstage"
    evening.take(evening.room.give_up({"s": 901.0}))
    assert "s" not in evening.room.people
    evening.join("s")  # the invitation is as good as before
    evening.do("h", "accept")
    assert evening.place("h") == "stage"


WHO = st.sampled_from(["h", "c", "m", "s", "x"])
ACTS = st.lists(
    st.tuples(
        WHO, st.sampled_from(sorted(commands.COMMANDS)), WHO, st.sampled_from(["host", "speaker"])
    )
)


@given(acts=ACTS)
def test_a_replay_ends_where_the_evening_ended(acts: list[tuple[str, str, str, str]]) -> None:
    """Any sequence of commands: the folded journal, and a snapshot in the middle, give the same state."""
    evening = Evening(seats=3)
    for who, role in (("h", "host"), ("c", "cohost"), ("m", "moderator"), ("s", "speaker")):
        evening.join(who, role)
    middle = len(evening.changes)
    snapshot = _snapshot(evening.room)
    for who, command, other, role in acts:
        try:
            evening.do(who, command, participant=other, hand=other, role=role, text="t", name="n")
        except HustingsError:
            continue
    again = RoomModel(Room(room="r", title="R"), seats=3)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(snapshot), type=kinds.Snapshot))
    for change in evening.changes[middle:]:
        again.fold(change.body)
    assert _snapshot(again) == _snapshot(evening.room)
    assert len(again.on_stage) <= 3


def _snapshot(room: RoomModel) -> kinds.Snapshot:
    return kinds.Snapshot(
        size=0, frontier=[], room=room.facts, roster=list(room.people.values()),
        speaking=room.speaking, term=1, part=0, private=room.private_state(),
    )  # fmt: skip


HALF_HOUR_MS = 30 * 60_000
EVERY_HOUSE = (0, 30, 720)  # minutes, as its operator set it


@pytest.mark.parametrize(
    ("left_ms", "opens"),
    [
        (HALF_HOUR_MS + 1, False),
        (HALF_HOUR_MS, True),
        (0, True),
        (-3_599_999, True),  # the host is late: people hear that the line works
        (-3_600_000, False),  # nobody came: a room that was forgotten stays closed
    ],
)
def test_the_lobby_opens_by_itself_before_the_start(left_ms: int, opens: bool) -> None:
    evening = Evening()
    evening.take(evening.room.put({"start_ms": NOW + left_ms}, now_ms=NOW))
    assert bool(evening.take(evening.room.lobby_due(NOW, usual_min=30))) == opens
    assert evening.room.facts.state == ("lobby" if opens else "scheduled")
    assert not evening.room.lobby_due(NOW, usual_min=30) or not opens


@pytest.mark.parametrize("usual_min", EVERY_HOUSE)
def test_a_room_has_a_lobby_time_of_its_own_whatever_the_house_does(usual_min: int) -> None:
    room = Evening().room
    start_ms = NOW + 90 * 60_000

    def put(**wanted: int) -> None:
        for change in room.put(wanted, now_ms=NOW):
            room.fold(change.body)

    put(start_ms=start_ms, lobby_min=60)
    assert room.facts.doors_ms == start_ms - 60 * 60_000
    assert not room.lobby_due(room.facts.doors_ms - 1, usual_min=usual_min)
    assert room.lobby_due(room.facts.doors_ms, usual_min=usual_min)
    put(start_ms=start_ms + 1, lobby_min=5)  # moved, and the doors with it
    assert not room.lobby_due(start_ms - 5 * 60_000, usual_min=usual_min)
    assert room.lobby_due(start_ms + 1 - 5 * 60_000, usual_min=usual_min)
    put(lobby_min=0)
    assert room.facts.doors_ms == 0
    assert not room.lobby_due(start_ms, usual_min=usual_min)


def test_when_doors_open_is_announced_and_what_is_announced_has_a_number() -> None:
    room = Evening().room
    for minutes, revision in ((20, 1), (20, 1), (0, 2)):
        for change in room.put({"lobby_min": minutes}, now_ms=NOW):
            room.fold(change.body)
        assert room.facts.revision == revision


def test_a_lobby_opens_by_itself_only_where_a_start_is_planned_and_that_is_wished() -> None:
    evening = Evening()
    assert not evening.room.lobby_due(NOW, usual_min=30)
    evening.take(evening.room.put({"start_ms": NOW}, now_ms=NOW))
    assert not evening.room.lobby_due(NOW, usual_min=0)
