"""What participants' pages are told of a room (docs/protocol.md 4.1). Pure.

Keeps true: a message is bounded whatever the audience does; `stage.hall` sends them.
"""

import heapq
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from hustings.stage.room import RoomModel
from hustings.wire.kinds import Hand

HANDS_TOLD: Final = 50  # of the hands, the oldest; hosts see how many more there are


def roster_view(room: RoomModel) -> list[dict[str, Any]]:
    """Everybody who is here; `taken_for`: whose name theirs can be taken for."""
    return [
        msgspec.to_builtins(who)
        | {"muted": who.muted, "connected": who.connected, "place": who.place}
        | ({"taken_for": room.taken_for(who)} if who.alike else {})
        for who in room.people.values()
    ]


def seats_view(room: RoomModel) -> dict[str, Any]:
    """Who is here, who is asked on stage, who runs the room, who was removed."""
    return {
        "roster": roster_view(room),
        "asked": sorted(room.asked),
        "charge": room.charge,
        "panic": room.panic is not None,
        "removed": [{"id": seat.id, "name": seat.name} for seat in room.barred.values()],
    }


def hands_view(room: RoomModel, hands_up: int) -> dict[str, Any]:
    """The oldest hands, and how many there are at all edges together."""
    first = _oldest(room.hands.values(), HANDS_TOLD)
    return {"hands": [msgspec.to_builtins(hand) for hand in first], "hands_up": hands_up}


def _oldest(hands: Iterable[Hand], count: int) -> list[Hand]:
    return heapq.nsmallest(count, hands, key=lambda hand: hand.at_ms)
