"""Guests at the stage: one entry a change, the newest of each counts, nobody else is told more than they agreed to."""

from collections.abc import Mapping

import msgspec
import pytest

from hustings.base.errors import NotFound
from hustings.stage.erasing import Outdated, withdrawn
from hustings.stage.readiness import Certificate, Facts, Probe, Recording, judge
from hustings.stage.room import RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Booking, Guest, Room
from hustings.wire.pictures import PICTURE_FILE, guest_url, only_guest, shown

NOW = 1_800_000_000_000
PICTURE = "a" * 32


def booked(who: str, *, announced: bool = True, picture: str = "", **more: object) -> Booking:
    return Booking(Guest(who, who.title(), picture=picture, **more), announced=announced)  # type: ignore[arg-type]


def hall(**facts: object) -> RoomModel:
    return RoomModel(Room("hall", "Hall", host="Ada", start_ms=NOW, **facts))  # type: ignore[arg-type]


def put(room: RoomModel, *guests: Booking, seq: int = 0) -> list[kinds.Booking | kinds.Room]:
    """What is journaled, as the hall folds it; each entry's number is its place from `seq` on."""
    changes = room.put({"guests": list(guests)}, now_ms=NOW)
    for n, change in enumerate(changes, seq):
        room.fold(change.body)
        room.guests.fold(change.body, n)
        assert change.public is (change.kind == kinds.ROOM)
    return [change.body for change in changes]  # type: ignore[misc]


def test_everybody_is_told_of_the_announced_ones_in_order_and_no_entry_of_the_room_has_them() -> (
    None
):
    room = hall()
    said = put(room, booked("bo"), booked("cy", announced=False), booked("di"))
    assert [each.guest.id for each in said if isinstance(each, Booking)] == ["bo", "cy", "di"]
    assert [each.id for each in room.told.guests] == ["bo", "di"]
    assert room.facts.guests == []
    [facts] = [each for each in said if isinstance(each, Room)]
    assert (facts.guests, facts.revision) == ([], 1)  # calendars take it for another announcement
    assert put(room, booked("bo"), booked("cy", announced=False), booked("di")) == []


def test_only_what_changed_is_written_and_outdates_the_entry_before() -> None:
    room = hall()
    put(room, booked("bo"), booked("cy"))
    assert room.guests.at == {"bo": 1, "cy": 2}
    [_, change] = room.put({"guests": [booked("bo"), booked("cy", announced=False)]}, now_ms=NOW)
    assert room.guests.fold(change.body, 7) == 2
    assert withdrawn(room.facts, room.facts, 7, 2) == [Outdated(2)]
    assert room.guests.at == {"bo": 1, "cy": 7}


def test_who_is_removed_leaves_an_id_and_nothing_else() -> None:
    room = hall()
    put(room, booked("bo", line="Mayor", picture=PICTURE))
    [gone] = [each for each in put(room) if isinstance(each, Booking)]
    assert gone == Booking(Guest("bo"), gone=True)
    assert (len(room.guests), room.guests.at, room.told.guests) == (0, {}, [])


def test_who_is_not_announced_changes_nothing_that_others_see() -> None:
    room = hall()
    [only] = put(room, booked("bo", announced=False))
    assert isinstance(only, Booking)
    assert room.facts.revision == 0
    assert room.guests.unrecorded == ["Bo"]


def test_what_guests_agree_to_beside_is_no_announcement() -> None:
    room, bo, cy = hall(), booked("bo"), booked("cy", announced=False)
    put(room, bo, cy)
    before = room.facts
    recorded = msgspec.structs.replace(bo, recorded=True)
    assert all(isinstance(each, Booking) for each in put(room, recorded, cy))
    put(room, cy, recorded)  # only the one who is not announced stands elsewhere now
    put(room, recorded)
    assert room.facts == before
    put(room, recorded, booked("di"))
    assert room.facts.revision == before.revision + 1
    assert room.facts.moved_ms == before.moved_ms  # the evening is when it was


def test_a_live_room_gets_no_new_number() -> None:
    room = hall(state="live")
    assert [type(each) for each in put(room, booked("bo"))] == [Booking]


def test_a_snapshot_names_entries_and_they_are_read_back() -> None:
    room, entries = hall(), {3: booked("bo"), 4: booked("cy")}
    room.guests.at = {"bo": 3, "cy": 4, "di": 5}
    assert "Bo" not in str(room.private_state())

    def entry(seq: int) -> Booking:
        if seq not in entries:
            raise NotFound("entry_missing", "lost")
        return entries[seq]

    room.guests.read_back(entry)
    assert [each.id for each in room.told.guests] == ["bo", "cy"]
    assert room.guests.at == {"bo": 3, "cy": 4}  # what is lost is a guest less


def test_names_are_cleaned_and_look_alikes_are_marked() -> None:
    room = hall()
    put(
        room,
        Booking(Guest("a", "\u0410da"), announced=True),  # a Cyrillic A
        Booking(Guest("b", "B\u202eo"), announced=True),
        Booking(Guest("c", "8o"), announced=True),
    )
    assert [(each.name, each.alike) for each in room.told.guests] == [
        ("\u0410da", True),
        ("B o", False),
        ("8o", True),
    ]


@pytest.mark.parametrize(
    ("pictures", "one"),
    [({}, None), ({"bo": PICTURE}, "bo"), ({"bo": PICTURE, "cy": PICTURE}, None)],
)
def test_a_notice_shows_the_one_guest_with_a_picture_and_nobody_else(
    pictures: Mapping[str, str], one: str | None
) -> None:
    room = Room(
        "r", "R", guests=[Guest(who, who, picture=pictures.get(who, "")) for who in ("bo", "cy")]
    )
    found = only_guest(room)
    assert (found and found.id) == one
    assert shown(room) == frozenset(pictures.values())
    for guest in room.guests:
        url = guest_url("https://e.x", "r", guest)
        assert url == (f"https://e.x/r/r/guest.{PICTURE}.jpg" if guest.picture else "")
        assert not url or PICTURE_FILE.fullmatch(guest.file)


def test_readiness_says_who_has_not_agreed_to_be_recorded() -> None:
    def found(**more: object) -> list[tuple[str, str, dict[str, object]]]:
        facts = Facts(
            **{
                "state": "lobby",
                "mics": [],
                "probe": Probe(),
                "recording": Recording(),
                "edges": [],
                "clock_error_s": 0.0,
                "free_bytes": 1,
                "open_rooms": 1,
                "certificate": Certificate("local"),
                "expected": 0,
            }
            | more
        )  # type: ignore[arg-type]
        return [(f.state, f.code, f.values) for f in judge(facts) if f.check == "guests"]  # type: ignore[misc]

    assert found() == []
    assert found(guests=2) == [("ok", "guests_agreed", {"count": 2})]
    names = {"names": "Bo, Cy", "count": 2}
    assert found(guests=3, unrecorded=["Bo", "Cy"]) == [("warn", "guests_unrecorded", names)]
    assert found(guests=3, unrecorded=["Bo"], state="ended") == []
