"""Who asked to be told of an evening, and what was sent to how many; frozen values, pure."""

from typing import Final, Literal

import msgspec

from hustings.base.ids import RoomId
from hustings.web.reminders.spread import Spread
from hustings.wire.kinds import Promotion

Channel = Literal["mail", "push"]
Occasion = Literal["reminder", "moved", "cancelled"]
Stand = Literal["open", "closing", "done"]

CHANNELS: Final[tuple[Channel, ...]] = ("mail", "push")
OFF: Final = -1  # told instead of a start: that the evening is cancelled
UNTOLD: Final = -2  # ... nothing that counts: their notice was withdrawn


class Subscription(msgspec.Struct, frozen=True):
    """One address that is told of one room."""

    subscription: str  # random; its place in every window follows from it
    room: RoomId
    channel: Channel
    address: str  # of a mailbox, or a push endpoint
    keys: bytes  # of a push subscription
    language: str
    zone: str  # IANA, of the reader's clock; "": not known
    place: int


class Evening(msgspec.Struct, frozen=True):
    """What decides who is told what."""

    room: RoomId
    state: str
    start_ms: int  # 0: not said
    is_off: bool
    revision: int
    moved_ms: int  # wall ms of the last change of start or cancellation
    lobby_ms: int = 0  # so long before the start its lobby opens by itself; 0: by hand
    is_gone: bool = False  # deleted, whatever it was

    @property
    def told_ms(self) -> int:
        """What its subscribers should know: the start, or `OFF`."""
        return OFF if self.is_off else self.start_ms


class Sending(msgspec.Struct, frozen=True):
    """One occasion on one channel, from its opening to its last entry in the journal."""

    id: int
    room: RoomId
    occasion: Occasion
    channel: Channel
    start_ms: int  # of the evening; of a cancelled one, when it would have been
    revision: int  # of the announcement that is told; 0 for a reminder
    spread: Spread
    state: Stand
    queued: int  # that became letters
    missed: int  # that did not, for want of time
    dropped: int  # ... since the plan changed
    told: int  # entries in the journal so far
    told_ms: int  # when the last one was made
    body: Promotion | None  # the last one

    @property
    def told_start_ms(self) -> int:
        """What its receivers know afterwards (`Evening.told_ms`)."""
        return OFF if self.occasion == "cancelled" else self.start_ms

    @property
    def batch(self) -> str:
        """Under which its letters are counted."""
        return batch_of(self.room, self.id)

    def key(self, subscription: str) -> str:
        """Of the one letter that it has for a subscription."""
        return f"{self.batch}:{subscription}"


def batch_of(room: str, sending: int) -> str:
    """Under which a sending's letters are counted."""
    return f"remind:{room}:{sending}"


class Fates(msgspec.Struct, frozen=True):
    """What became of a batch's letters."""

    waiting: int = 0  # or on their way
    recalled: int = 0  # of these: came back and go no more
    sent: int = 0
    failed: int = 0  # refused, or tried in vain
    late: int = 0  # not sent in time, by no fault of theirs: their server was slow, or away
    unsure: int = 0
    first_ms: int = 0  # 0: none was sent
    last_ms: int = 0

    @property
    def total(self) -> int:
        """All letters that are there."""
        return self.waiting + self.sent + self.failed + self.late + self.unsure


def promotion(sending: Sending, fates: Fates, *, left: int) -> Promotion:
    """The entry for the journal. left: who is still to become a letter.

    Letters that are not there any more were withdrawn: the plan changed, or their reader went.
    """
    final = sending.state == "done"
    gone = sending.queued - fates.total
    return Promotion(
        id=f"{sending.id}",
        occasion=sending.occasion,
        channel=sending.channel,
        start_ms=max(0, sending.start_ms),
        from_ms=sending.spread.opens_ms,
        to_ms=sending.spread.closes_ms,
        planned=sending.queued + sending.missed + sending.dropped + left,
        sent=fates.sent,
        failed=fates.failed,
        uncertain=fates.unsure
        + (fates.waiting if final else 0),  # still under way after all that time
        late=sending.missed + fates.late,
        dropped=sending.dropped + gone,
        first_ms=fates.first_ms,
        last_ms=fates.last_ms,
        final=final,
    )
