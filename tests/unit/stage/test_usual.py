"""What the house does with a room that does not say otherwise."""

import pytest

from hustings.base.ids import RoomId
from hustings.settings import StageSettings
from hustings.stage.usual import new_room, said

HOUSE = StageSettings(lobby_min=45, keep_days=7, doors="live")


def test_a_new_room_says_what_the_house_does() -> None:
    facts = new_room(RoomId("hall"), HOUSE)
    assert (facts.lobby_min, facts.keep_days, facts.doors) == (45, 7, "live")
    assert new_room(RoomId("hall"), StageSettings(keep_days=-1)).keep_days is None


@pytest.mark.parametrize(
    ("asked", "kept"),
    [({"lobby_min": None}, 45), ({"lobby_min": 0}, 0), ({"lobby_min": 5}, 5)],
)
def test_who_asks_for_the_usual_gets_its_number(asked: dict[str, int | None], kept: int) -> None:
    assert said(asked, HOUSE)["lobby_min"] == kept


def test_who_says_nothing_changes_nothing() -> None:
    assert "lobby_min" not in said({"title": "x", "keep_days": None}, HOUSE)
    assert said({"doors": None}, HOUSE) == {"doors": "live"}
    assert said({"doors": "lobby"}, HOUSE) == {"doors": "lobby"}
