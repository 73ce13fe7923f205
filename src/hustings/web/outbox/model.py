"""A message to the stage, and when it is tried again; pure."""

from typing import Any, Final, Literal

import msgspec

from hustings.base.ids import RoomId

Call = Literal["room", "picture", "revoke", "entry"]

FIRST_RETRY_S: Final = 0.5
LAST_RETRY_S: Final = 30.0  # the stage is back within this of its return
PENDING: Final = 10_000  # messages; beyond it, changes are refused


class Message(msgspec.Struct, frozen=True):
    """One call that the stage has not answered yet."""

    id: int
    room: RoomId
    call: Call
    body: dict[str, Any]
    made_ms: int
    attempts: int = 0
    error: str = ""
    refused: bool = False  # the stage said no; a person has to act


class Backlog(msgspec.Struct, frozen=True):
    """What of one room has not reached the stage."""

    waiting: int = 0
    refused: str = ""  # the stage's words
    wanted: dict[str, Any] = {}  # the room's facts on their way
    pictures: dict[str, str] = {}  # pictures on their way: hash -> base64


def retry_in_s(attempts: int, spread: float) -> float:
    """Seconds until the next try after `attempts` >= 1 failures; spread in [0, 1)."""
    return min(LAST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempts - 1, 16)) * (0.5 + spread / 2)
