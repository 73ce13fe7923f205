"""What participants' pages are told of a room (docs/protocol.md 4.1). Pure.

Keeps true: a message is bounded whatever the audience does; `stage.hall.telling` sends them.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from hustings.stage.mix.delay import DelayLine
from hustings.stage.room import RoomModel
from hustings.wire.kinds import Hand, Participant
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

HANDS_TOLD: Final = 50  # of the hands, the oldest; hosts see how many more there are
TOPIC_TOLD: Final = 10  # of each topic; AUDIENCE_HANDS // 9 are in the list


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
        "talks": dict(room.talks),
        "removed": [{"id": seat.id, "name": seat.name} for seat in room.barred.values()],
    }


def hands_view(room: RoomModel, hands_up: int, topics_up: Mapping[str, int]) -> dict[str, Any]:
    """The oldest hands, the oldest of each topic, and how many there are at all edges together.

    topics_up: as edges count them.
    """
    hands = room.hands.values()
    told = {hand.id: hand for hand in _oldest(hands, HANDS_TOLD)}
    for topic in room.facts.topics:
        of_topic = _oldest((hand for hand in hands if hand.topic == topic), TOPIC_TOLD)
        told |= {hand.id: hand for hand in of_topic}
    first = [_hand_view(room, hand) for hand in _oldest(told.values(), len(told))]
    return {"hands": first, **counts_view(room, hands_up, topics_up)}


def counts_view(room: RoomModel, hands_up: int, topics_up: Mapping[str, int]) -> dict[str, Any]:
    """How many hands are up in all and, if the room has topics, on each ("" for none, last)."""
    if not (topics := room.facts.topics):
        return {"hands_up": hands_up, "topics": {}}
    hands = room.hands.values()
    shown = Counter(hand.topic for hand in hands)
    named = Counter(hand.topic for hand in hands if hand.participant)
    counts = {each: max(shown[each], named[each] + topics_up.get(each, 0)) for each in topics}
    return {
        "hands_up": hands_up,
        "topics": counts | {"": max(0, hands_up - sum(counts.values()))},
    }


def held_view(delay: DelayLine[Any]) -> dict[str, float]:
    """For the hosts' pages, in seconds: the delay as it is, and how much is held back just now."""
    told = {"delay_s": delay.length, "held_s": len(delay)}
    tick_s = TICK_SAMPLES / SAMPLE_RATE
    return {name: ticks * tick_s for name, ticks in told.items() if delay.length}


def _hand_view(room: RoomModel, hand: Hand) -> dict[str, Any]:
    view: dict[str, Any] = msgspec.to_builtins(hand)
    if seen := room.taken_for(Participant(hand.participant or hand.id, hand.name, "speaker")):
        view["taken_for"] = seen
    return view


def _oldest(hands: Iterable[Hand], count: int) -> list[Hand]:
    return heapq.nsmallest(count, hands, key=lambda hand: hand.at_ms)
