"""What a house answers, as frozen values. Fields that a newer house adds are passed over."""

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Words(msgspec.Struct, frozen=True):
    """What a room is, for readers of one more language."""

    title: str
    description: str = ""


class Room(msgspec.Struct, frozen=True, kw_only=True):
    """One room, as everybody may see it. Times are wall milliseconds UTC; 0: none."""

    room: str
    title: str
    state: str  # scheduled, lobby, live, ended
    listen: str
    stream: str
    description: str = ""
    language: str = "en"
    host: str = ""
    start_ms: int = 0
    was_ms: int = 0
    ended_ms: int = 0
    cancelled: bool = False
    cancelled_ms: int = 0
    cancelled_why: str = ""
    radio: bool = False
    expected: int = 0
    delay_s: int = 0
    keep_days: int | None = None
    lobby_min: int | None = None  # None: as the house does it
    doors: str | None = None  # lobby, live; None: as the house does it
    own_rules: str = ""
    rules_alone: bool = False
    deleted: bool = False
    picture: str | None = None
    picture_alt: str = ""
    texts: dict[str, Words] = {}  # by language, beside the one that is spoken

    @property
    def start(self) -> datetime | None:
        """When it is to begin, in UTC; None: not said."""
        return moment(self.start_ms) if self.start_ms else None


class RoomPlan(Room, frozen=True, kw_only=True):
    """One room by itself."""

    waiting: bool = False  # the stage has not heard of the last change
    refused: str = ""  # what the stage refused, in its words
    etag: str = ""  # which version this is


class Invitation(msgspec.Struct, frozen=True, kw_only=True):
    """One seat's pass; links are there for keys with the scope rooms:invite."""

    invitation: str
    kind: str  # invite, whip
    role: str
    name: str
    made_ms: int = 0
    revoked_ms: int = 0
    link: str | None = None
    token: str | None = None
    mount: str | None = None  # of a radio studio
    password: str | None = None


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a role in one room alone."""

    person: str
    name: str
    role: str  # host, cohost, moderator, checker


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent on one occasion by one channel. Times are wall milliseconds UTC; 0: none."""

    id: str
    occasion: str  # reminder, moved, cancelled
    channel: str  # mail, push
    start_ms: int = 0
    from_ms: int = 0
    to_ms: int = 0
    planned: int = 0
    sent: int = 0
    failed: int = 0
    uncertain: int = 0
    late: int = 0
    dropped: int = 0
    first_ms: int = 0
    last_ms: int = 0
    final: bool = False


class Reminders(msgspec.Struct, frozen=True, kw_only=True):
    """How many are told of a room, and what was sent."""

    mail: int = 0
    push: int = 0
    promotions: list[Promotion] = []  # the latest first


class GuestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a guest was asked (announce, picture, record), and their last answer."""

    purpose: str
    agreed: bool = False
    at_ms: int = 0  # 0: they have not answered
    words: int = 0  # number of the words that they were asked in
    by_host: bool = False  # it ended since a host changed what is announced


class Guest(msgspec.Struct, frozen=True, kw_only=True):
    """One guest of an evening; the link is there only where it was just made or renewed."""

    guest: str
    name: str
    line: str = ""
    url: str = ""
    made_ms: int = 0
    announced: bool = False
    recorded: bool = False
    picture: str | None = None
    answers: list[GuestAnswer] = []
    link: str | None = None


class RoomMade(RoomPlan, frozen=True, kw_only=True):
    """A new room with the invitations to its stage."""

    invitations: list[Invitation] = []


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with an account."""

    person: str
    name: str
    role: str
    made_ms: int = 0


class PersonInvited(msgspec.Struct, frozen=True, kw_only=True):
    """A one-time link that waits; `link` only where it was just made."""

    invitation: str
    name: str
    role: str
    made_ms: int = 0
    expires_ms: int = 0
    link: str = ""


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """One address that is told what happens."""

    webhook: str
    url: str
    events: list[str]
    state: str  # on, off, failed
    made_ms: int = 0
    reason: str = ""


class WebhookMade(Webhook, frozen=True, kw_only=True):
    """A webhook with its secret, which no other answer holds."""

    secret: str


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to a webhook, and how it went."""

    message: str
    event: str
    state: str  # waiting, sent, failed
    made_ms: int = 0
    attempts: int = 0
    tried_ms: int = 0
    status: int = 0
    answer: str = ""


class WebhookTold(Webhook, frozen=True, kw_only=True):
    """A webhook and its last messages."""

    messages: list[Message] = []


class Me(msgspec.Struct, frozen=True, kw_only=True):
    """The key that calls."""

    key: str
    name: str
    person: str
    person_name: str
    role: str
    scopes: list[str]
    expires_ms: int


def wall_ms(at: datetime | None) -> int:
    """A moment as the interface has it; None: 0. ValueError without a time zone."""
    if at is None:
        return 0
    if at.tzinfo is None:
        raise ValueError("Give the start a time zone: datetime(..., tzinfo=ZoneInfo(...)).")
    return (at - _EPOCH) // timedelta(milliseconds=1)


def moment(at_ms: int) -> datetime:
    """The moment of wall milliseconds, in UTC."""
    return _EPOCH + timedelta(milliseconds=at_ms)
