"""A letter, and what became of an attempt to send it; frozen values."""

from dataclasses import dataclass
from typing import Final, Literal

TransportName = Literal["mail", "push", "hook"]
State = Literal["waiting", "sending", "sent", "given_up", "unsure"]
Scope = Literal["letter", "host", "transport"]

BODY_BYTES: Final = 64 * 1024
KEY_CHARS: Final = 200
REASON_CHARS: Final = 300
TRANSPORTS: Final[tuple[TransportName, ...]] = ("mail", "push", "hook")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A letter to be queued. Times are wall milliseconds UTC."""

    transport: TransportName
    key: str  # what it is for; the same key is never queued twice
    batch: str  # what it belongs to, as the page counts them: `sign-in`, `remind:hall`
    host: str  # whose trouble must not be everybody's: the domain of a mail address, of a URL
    recipient: str  # as its transport wants it
    body: bytes  # as its transport reads it; empty, as the recipient, once it is over
    until_ms: int  # not sent later than this
    not_before_ms: int = 0
    urgent: bool = False  # somebody sits and waits for it


@dataclass(frozen=True)
class Letter:
    """A letter that is to be sent now."""

    id: int
    key: str
    host: str
    recipient: str
    body: bytes
    made_ms: int
    until_ms: int
    attempts: int  # that failed by its own fault


@dataclass(frozen=True)
class Sent:
    """The other side has taken it."""


@dataclass(frozen=True)
class TryAgain:
    """Not this time. scope: whether it is this letter's trouble, its host's, or the transport's."""

    reason: str
    delay_s: float = 0.0  # at least; as the other side asked
    scope: Scope = "letter"


@dataclass(frozen=True)
class Refused:
    """Never."""

    reason: str


@dataclass(frozen=True)
class Unsure:
    """It may have arrived: the line broke after all was said. scope: who rests because of it."""

    reason: str
    scope: Scope = "host"


Outcome = Sent | TryAgain | Refused | Unsure


@dataclass(frozen=True)
class Standing:
    """How one transport's letters stand, for people who look."""

    transport: TransportName
    counts: dict[State, int]  # states without letters are not in it
    last_sent_ms: int  # 0: none that is still kept
    troubles: list["Trouble"]


@dataclass(frozen=True)
class Trouble:
    """Letters that met the same thing: the most frequent first. No recipient is named."""

    batch: str
    host: str
    state: State
    reason: str
    count: int
    latest_ms: int
