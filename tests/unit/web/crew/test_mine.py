"""One's own rooms: which, in which order, and as whom."""

import pytest

from hustings.base.ids import RoomId
from hustings.web.crew.mine import Mine, shown
from hustings.web.crew.model import Place
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.wire.kinds import Deleted, Room, RoomState


def room(name: str, state: RoomState = "scheduled", at: int = 5, **facts: object) -> PlannedRoom:
    said = Room(name, name.title(), state, **facts)  # type: ignore[arg-type]
    return PlannedRoom(
        RoomId(name), Wish(name), made_here=True, created_ms=1, facts=said, sort_ms=at
    )


def listed(mine: Mine) -> list[tuple[str, str, bool]]:
    return [(own.planned.room, own.role, own.edits) for own in mine.coming]


def test_what_is_on_comes_first_and_what_is_over_not_at_all() -> None:
    places = [
        Place(room("later", at=9), "cohost", ""),
        Place(room("soon", at=3), "moderator", "seat"),
        Place(room("now", "live", at=4), "checker", ""),
        Place(room("lobby", "lobby", at=1), "host", ""),
        Place(room("over", "ended"), "host", "seat"),
        Place(room("lost"), "", "seat"),  # they had a role there
    ]
    assert listed(Mine(*shown(places, "member"))) == [
        ("now", "checker", False),
        ("lobby", "host", True),
        ("soon", "moderator", False),
        ("later", "cohost", True),
    ]


@pytest.mark.parametrize(
    ("seat", "facts", "kept"),
    [
        ("me", {"tracks": ["me"]}, True),
        ("me", {"tracks": ["others"]}, False),
        ("", {"tracks": []}, False),
        ("me", {"tracks": ["me"], "deleted": Deleted(1)}, False),
    ],
)
def test_of_what_is_over_those_with_ones_own_track(
    seat: str, facts: dict[str, object], kept: bool
) -> None:
    _, tracks = shown([Place(room("over", "ended", **facts), "", seat)], "member")
    assert bool(tracks) == kept


def test_a_role_in_the_house_leads_to_every_room_once() -> None:
    mine = Mine(*shown([Place(room("b"), "cohost", "")], "moderator"))
    whole = mine.with_all(
        [room("a", "live")], [room("b"), room("c")], "moderator", "n", later=False
    )
    assert listed(whole) == [
        ("a", "moderator", False),
        ("b", "cohost", True),  # the stronger of both
        ("c", "moderator", False),
    ]
    assert whole.next == "n"
    more = mine.with_all([], [room("b"), room("d")], "moderator", "", later=True)
    assert (listed(more), more.tracks) == ([("d", "moderator", False)], [])
