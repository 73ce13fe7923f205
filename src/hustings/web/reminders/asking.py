"""Mailboxes that somebody wants to be reminded by: which of them are asked, by a mail with a link; pure.

Keeps true: nobody's mailbox can be filled (a letter each 10 minutes for a room, 5 rooms at once); who
is subscribed already is not asked. Whoever typed the address learns nothing of all that: it is decided
behind their request (`web.reminders.mailing`).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from hustings.base.ids import RoomId
from hustings.web.post.addresses import Address
from hustings.web.reminders.model import Subscription
from hustings.web.reminders.words import Event

AGAIN_MS: Final = 600_000  # between two letters that ask the same mailbox about the same room
UNCONFIRMED: Final = 5  # rooms for which one mailbox is asked at once
GOOD_MS: Final = 3_600_000  # later the letter that asks is of no use


class Ask(msgspec.Struct, frozen=True):
    """Somebody wants this mailbox to be told of a room."""

    to: Address
    address_hash: str
    new: Subscription  # as it will be kept, if it is not there
    event: Event
    told_ms: int  # what the page said of the start (`Evening.told_ms`)
    at_ms: int

    @property
    def room(self) -> RoomId:
        """Of which it is to be told."""
        return self.new.room


class Known(msgspec.Struct, frozen=True):
    """A subscription of such a mailbox, as the database has it."""

    subscription: str
    room: RoomId
    address_hash: str
    confirmed_ms: int  # 0: not yet
    made_ms: int  # or asked again


class Letter(msgspec.Struct, frozen=True):
    """One mailbox that is asked."""

    ask: Ask
    again: str  # the subscription that waits for its answer; "": it is a new one

    @property
    def subscription(self) -> str:
        """Which its link confirms."""
        return self.again or self.ask.new.subscription


def letters(
    asks: Sequence[Ask], known: Sequence[Known], space: Mapping[RoomId, int], now_ms: int
) -> list[Letter]:
    """Whom to write to, in order.

    known: all subscriptions of these mailboxes. space: how many more each room takes.
    """
    there = {(each.room, each.address_hash): each for each in known}
    left, found = dict(space), list[Letter]()
    for ask in asks:
        mine = there.get((ask.room, ask.address_hash))
        if now_ms > ask.at_ms + GOOD_MS:  # the database was away for long
            continue
        if mine is not None:
            if mine.confirmed_ms or now_ms < mine.made_ms + AGAIN_MS:
                continue
            found.append(Letter(ask, mine.subscription))
            mine = msgspec.structs.replace(mine, made_ms=now_ms)
        else:
            if _unconfirmed(there.values(), ask.address_hash) >= UNCONFIRMED or not left[ask.room]:
                continue
            left[ask.room] -= 1
            found.append(Letter(ask, ""))
            mine = Known(ask.new.subscription, ask.room, ask.address_hash, 0, now_ms)
        there[ask.room, ask.address_hash] = mine
    return found


def _unconfirmed(there: Iterable[Known], address_hash: str) -> int:
    return sum(each.address_hash == address_hash and not each.confirmed_ms for each in there)
