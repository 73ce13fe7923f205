"""The kinds of entries that the stage alone may write, and those of them that a restart folds."""

from typing import Final

import msgspec

from hustings.stage.evening.evening import KINDS
from hustings.wire import kinds

BODIES: Final[dict[str, type[msgspec.Struct]]] = {
    kinds.ROOM: kinds.Room,
    kinds.ROSTER: kinds.Roster,
    kinds.HAND: kinds.Hand,
    kinds.SEAT: kinds.Seat,
    kinds.LEVEL: kinds.Level,
    kinds.KEY: kinds.Key,
    kinds.CHARGE: kinds.Charge,
    kinds.TALK: kinds.Talk,
    kinds.PANIC: kinds.Panic,
    kinds.DUMP: kinds.Dump,
    kinds.TOMBSTONE: kinds.Tombstone,
    kinds.ENDING: kinds.Ending,
    kinds.GUEST: kinds.Booking,
    **KINDS,
}
STAGE_KINDS: Final = frozenset(BODIES) | {
    kinds.PART,
    kinds.TRACK,
    kinds.CALL,
    kinds.SNAPSHOT,
    kinds.GAP,
    kinds.TERM,
    kinds.REACH,
    kinds.LADDER,
    kinds.REHEARSAL,
    kinds.REACTIONS,
}
