"""What the audience says to the stage: hands and reactions, gathered into one batch a second.

Keeps true: however many people call, the stage gets one small request a room and second, and
none of it waits: what does not fit, or cannot be delivered, is refused to the person at once.
Pure; `edge.upstream` sends what `take` gives.
"""

from collections import Counter
from typing import Any, Final

import msgspec

from hustings.base.errors import TryLater, UserError
from hustings.base.ids import RoomId, new_secret
from hustings.wire.tokens import hand_of

REACTIONS: Final = ("clap", "heart", "laugh", "wow", "agree", "doubt")
_HANDS: Final = 50  # of one room and second; a stage shows fewer in an evening
_NAME: Final = 80  # characters
_QUESTION: Final = 280


class _Hand(msgspec.Struct, frozen=True):
    name: str
    question: str = ""


class _Reaction(msgspec.Struct, frozen=True):
    kind: str


class Audience:
    """The words of all rooms' listeners since the last batch."""

    def __init__(self) -> None:
        self._hands: dict[RoomId, list[dict[str, str]]] = {}
        self._reactions: dict[RoomId, Counter[str]] = {}

    def hand(self, room: RoomId, body: bytes) -> dict[str, str]:
        """Raise a hand; returns its id and the ticket that proves whose hand it is.

        Nothing is kept for that: the id is the ticket's fingerprint (`wire.tokens.hand_of`).
        """
        hand = _read(body, _Hand)
        name, question = " ".join(hand.name.split()), " ".join(hand.question.split())
        if not 0 < len(name) <= _NAME or len(question) > _QUESTION:
            raise UserError(
                "hand_bad", "A hand has a name of 1 to 80 and a question of at most 280 letters."
            )
        hands = self._hands.setdefault(room, [])
        if len(hands) >= _HANDS:
            raise TryLater(
                "hands_full", "Very many hands are going up. Try again in a moment.", delay_s=3
            )
        ticket = new_secret()
        made = hand_of(ticket)
        hands.append({"id": made, "name": name, "question": question})
        return {"hand": made, "ticket": ticket}

    def react(self, room: RoomId, body: bytes) -> None:
        """Count a reaction."""
        reaction = _read(body, _Reaction)
        if reaction.kind not in REACTIONS:
            raise UserError("reaction_bad", f"A reaction is one of {', '.join(REACTIONS)}.")
        self._reactions.setdefault(room, Counter())[reaction.kind] += 1

    def take(self, room: RoomId, *, listeners: int) -> dict[str, Any]:
        """The room's batch: what came since the last one."""
        return {
            "listeners": listeners,
            "hands": self._hands.pop(room, []),
            "reactions": dict(self._reactions.pop(room, {})),
        }


def _read(body: bytes, type_: type[Any]) -> Any:
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise UserError("body_bad", f"The body is not what this call takes: {error}") from None
