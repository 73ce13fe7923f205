"""What the house does with a room that does not say otherwise. Pure.

Keeps true: a room's public facts say what was agreed for it and not "as usual", so that edges,
calendars and the record need no settings of the stage. Called by `stage.hall.record` and `stage.hall.hall`.
"""

from collections.abc import Mapping
from typing import Any, Final

from hustings.base.ids import RoomId
from hustings.settings import StageSettings
from hustings.wire.kinds import Room

_USUAL: Final = ("lobby_min", "doors")


def new_room(room: RoomId, house: StageSettings) -> Room:
    """The facts of a room of which nothing is known but its address."""
    keep_days = None if house.keep_days < 0 else house.keep_days
    usual: dict[str, Any] = {name: getattr(house, name) for name in _USUAL}
    return Room(room, room, keep_days=keep_days, **usual)


def said(wanted: Mapping[str, Any], house: StageSettings) -> Mapping[str, Any]:
    """What web asks for, with the house's word where it asks for that (null)."""
    asked = [name for name in _USUAL if wanted.get(name, 0) is None]
    return {**wanted, **{name: getattr(house, name) for name in asked}}
