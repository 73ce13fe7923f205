"""The hosts' hands: panic and back, removal for good, acts pressed twice, look-alike names."""

import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import Denied, HustingsError, UserError
from hustings.stage import commands
from hustings.stage.room import RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Room
from tests.unit.stage.test_room import NOW, Evening

ROLES = {"h": "host", "h2": "host", "c": "cohost", "m": "moderator", "s": "speaker", "t": "speaker"}


@pytest.fixture
def evening() -> Evening:
    evening = Evening()
    for who, role in ROLES.items():
        evening.join(who, role)
        evening.room.devices[who] = {f"device of {who}"}
    for who in ("s", "t"):
        evening.do("h", "invite", participant=who)
        evening.do(who, "accept")
    return evening


def test_panic_leaves_the_stage_to_the_hosts_and_calm_gives_it_back(evening: Evening) -> None:
    evening.do("h", "accept")
    evening.do("h", "invite", participant="m")
    evening.do("c", "panic")
    people = evening.room.people
    assert [who.id for who in evening.room.on_stage] == ["h"]
    assert all(who.muted for who in people.values() if who.role not in {"host", "cohost"})
    assert not people["h"].muted
    assert evening.room.facts.locked
    assert evening.room.facts.hands_closed
    assert not evening.room.asked
    for command in ("accept", "unmute", "hand"):
        with pytest.raises(Denied) as refused:
            evening.do("m", command)
        assert refused.value.code == "panic"
    evening.do("h2", "remove", participant="t")
    evening.do("h2", "calm")
    assert [who.id for who in evening.room.on_stage] == ["h", "s"]
    assert people["s"].muted  # nobody's microphone is opened by somebody else
    assert not evening.room.facts.locked
    assert not evening.room.facts.hands_closed
    evening.do("s", "unmute")


def test_calm_leaves_a_lock_that_was_there_before(evening: Evening) -> None:
    evening.do("h", "lock")
    evening.do("h", "close_hands")
    evening.do("h", "panic")
    evening.do("h", "calm")
    assert (evening.room.facts.locked, evening.room.facts.hands_closed) == (True, True)


def test_calm_fills_no_more_seats_than_there_are(evening: Evening) -> None:
    evening.room.seats = 2
    evening.do("h", "panic")
    evening.do("h", "accept")
    evening.do("h", "calm")
    assert len(evening.room.on_stage) == 2


def test_a_removed_person_is_out_by_every_way(evening: Evening) -> None:
    evening.join("s-encoder")
    evening.do("m", "remove", participant="s")
    room = evening.room
    assert {"s", "s-encoder"}.isdisjoint(room.people)
    ways = [("s", "another device"), ("s-encoder", ""), ("somebody else", "device of s")]
    for seat, device in ways:
        with pytest.raises(Denied) as refused:
            room.join(seat, name="S", role="speaker", device=device)
        assert refused.value.code in {"revoked", "removed"}
    assert room.join("new", name="New", role="speaker", device="a device of their own")
    assert room.join("new host", name="N", role="host", device="device of s")


def test_who_was_removed_by_mistake_can_be_let_in_again(evening: Evening) -> None:
    evening.do("h", "remove", participant="s")
    evening.do("h", "readmit", participant="s")
    assert evening.room.join("s", name="S", role="speaker", device="device of s")
    assert evening.do("h", "readmit", participant="never removed") == []


def test_a_withdrawn_link_is_no_removal(evening: Evening) -> None:
    evening.take(evening.room.revoke("s"))
    assert evening.room.join("new link", name="S", role="speaker", device="device of s")


def test_a_called_hand_passes_the_lock_and_a_stranger_does_not(evening: Evening) -> None:
    evening.do("h", "lock")
    evening.take(evening.room.audience_hand("a" * 20, "Lis", "Why?", at_ms=1))
    evening.do("h", "call", hand="a" * 20)
    with pytest.raises(Denied):
        evening.room.join("stranger", name="X", role="speaker")
    evening.join("a" * 20)
    assert evening.do("a" * 20, "accept")


def test_a_cohost_in_charge_may_end_and_no_other(evening: Evening) -> None:
    with pytest.raises(Denied):
        evening.do("c", "end")
    evening.room.fold(kinds.Charge("c"))
    with pytest.raises(Denied):
        evening.do("c", "role", participant="c", role="host")
    with pytest.raises(Denied):
        evening.do("c", "remove", participant="h")
    evening.do("c", "end")
    assert evening.room.ended


@pytest.mark.parametrize("role", ["host", "speaker"])
def test_a_look_alike_is_marked_and_the_one_it_looks_like_is_not(role: str) -> None:
    evening = Evening()
    evening.take(evening.room.join("h", name="Anna Host", role="host"))
    evening.take(evening.room.join("x", name="Аnnа Hоst", role=role))
    people = evening.room.people
    assert not people["h"].alike
    assert people["x"].alike == (role != "host")
    if role == "speaker":
        assert evening.room.taken_for(people["x"]) == "Anna Host"
        evening.do("x", "rename", name="Xenia")
        assert not people["x"].alike


def test_two_speakers_of_one_name_are_told_apart_on_stage() -> None:
    evening = Evening()
    for who, role in (("h", "host"), ("a", "speaker"), ("b", "speaker")):
        evening.take(evening.room.join(who, name="Kim" if who != "h" else "H", role=role))
    for who in "ab":
        evening.do("h", "invite", participant=who)
        evening.do(who, "accept")
    assert [evening.room.people[who].alike for who in "ab"] == [False, True]


def test_topics_are_few_clean_and_each_once(evening: Evening) -> None:
    evening.do("h", "topics", topics=["Rent", " rent", "Rent", "", "\u202eTrams"])
    assert evening.room.facts.topics == ["Rent", "rent", "Trams"]
    for bad in ("Rent", [str(n) for n in range(9)]):
        with pytest.raises(UserError) as refused:
            evening.do("h", "topics", topics=bad)
        assert refused.value.code == "topics_bad"


def test_a_hand_keeps_its_place_when_its_question_changes(evening: Evening) -> None:
    evening.do("h", "topics", topics=["Rent"])
    evening.do("m", "hand", question="One?", topic="Rent")
    up = evening.room.hands["m"]
    commands.perform(evening.room, "m", "hand", {"question": "Two?"}, now_ms=NOW + 5_000)
    evening.do("m", "hand", question="Two?", topic="no topic of ours")
    assert evening.room.hands["m"].at_ms == up.at_ms
    assert (up.topic, evening.room.hands["m"].topic) == ("Rent", "")


@given(st.data())
def test_every_act_pressed_twice_is_one_act(data: st.DataObject) -> None:
    evening = Evening()
    for who, role in ROLES.items():
        evening.join(who, role)
    for _ in range(12):
        actor = data.draw(st.sampled_from(list(ROLES)))
        other = data.draw(st.sampled_from(list(ROLES)))
        command = data.draw(st.sampled_from(sorted(commands.COMMANDS - {"leave"})))
        args: dict[str, Any] = {"participant": other, "hand": other, "role": "speaker"}
        args |= {"name": "Same", "question": "Why?", "text": "News", "topics": ["A", "B"]}
        with contextlib.suppress(HustingsError):
            evening.do(actor, command, **args)
            with contextlib.suppress(Denied):  # the act took away one's own right to it
                assert evening.do(actor, command, **args) == []


def test_what_hosts_did_outlives_a_snapshot(evening: Evening) -> None:
    evening.do("h", "remove", participant="s")
    evening.do("h", "panic")
    evening.take([commands.Change(kinds.CHARGE, kinds.Charge("c"), public=False)])
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(evening.room.private_state()))
    restored = RoomModel(Room(room="r", title="R"))
    restored.restore(
        kinds.Snapshot(
            size=0,
            frontier=[],
            room=evening.room.facts,
            roster=[*evening.room.people.values()],
            speaking=[],
            term=1,
            part=0,
            private=kept,
        )
    )
    assert restored.private_state() == evening.room.private_state()
    restored.restore(
        kinds.Snapshot(
            size=0,
            frontier=[],
            room=Room(room="r", title="R"),
            roster=[],
            speaking=[],
            term=1,
            part=0,
            private={"asked": [], "hands": [], "revoked": ["x"]},
        )
    )
    assert (restored.panic, restored.charge, restored.barred) == (None, "", {})
