"""Taking sound back: which parts, whose track, the public list, and the thread that erases bodies.

Keeps true: first nothing more of it is given out (`Journal.withhold`), then the record says so
(entry `dump`), then bodies and nonces are overwritten; what a crash leaves undone is pending in the
next snapshot and in the `dump` and `room` entries after it, and is done at the next start. Owned by
`stage.hall`. Why so: docs/decisions/0004.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable
from math import ceil, floor
from typing import Any, Final

import msgspec

from hustings.base.errors import HustingsError, UserError
from hustings.journal.file import Journal
from hustings.wire.kinds import Erased, Room
from hustings.wire.names import PART_SECONDS, PART_TICKS

log = logging.getLogger(__name__)

REACH_TICKS: Final = 500  # one press takes back the last ten seconds that were spoken
LISTED: Final = 20  # stretches in a room's facts; the journal has all
REASON_CHARS: Final = 140
_AGAIN_S: Final = 5.0  # a disk that refuses is asked again
_CLOSE_S: Final = 5.0
_LATEST_S: Final = 1e11  # 3,000 years of media time


class Stretch(msgspec.Struct, frozen=True):
    """Parts first … last, both included."""

    first: int
    last: int


class Withdrawn(msgspec.Struct, frozen=True):
    """Somebody's own track, as far as it was kept before entry `before`."""

    who: str
    before: int


def withdrawn(before: Room, after: Room, seq: int) -> list[Withdrawn]:
    """Whose track is to be kept no more, as entry `seq` says."""
    return [Withdrawn(who, seq) for who in before.tracks if who not in after.tracks]


def pressed(tick: int, *, delay: int, next_part: int) -> Stretch:
    """What the dump button takes back when it is pressed before tick `tick`.

    delay: ticks; what was spoken within it nobody has heard. next_part: the first part that is
    not in the journal. Sound spoken at tick t airs at t + delay.
    """
    first = max(0, tick - REACH_TICKS + delay) // PART_TICKS
    return Stretch(min(first, next_part), ceil((tick + delay) / PART_TICKS) - 1)


def asked(from_s: object, to_s: object, *, next_part: int) -> Stretch:
    """A stretch of the past in seconds of media time, or UserError `stretch_bad`."""
    if isinstance(from_s, int | float) and isinstance(to_s, int | float) and 0 <= from_s < to_s:
        first = floor(min(from_s, _LATEST_S) / PART_SECONDS)
        last = min(ceil(min(to_s, _LATEST_S) / PART_SECONDS), next_part) - 1
        if first <= last:
            return Stretch(first, last)
    raise UserError("stretch_bad", "Name a stretch of the room that has been aired.")


def listed(facts: Room, taken: Stretch, *, reason: str, at_ms: int) -> list[Erased]:
    """The public list with one more; a second press right after the first is the same stretch."""
    new = Erased(taken.first, taken.last, at_ms, reason)
    *before, last = facts.erased or [new]
    if last is not new and last.reason == reason and last.first <= new.first <= last.last + 1:
        return [*before, Erased(last.first, max(last.last, new.last), at_ms, reason)]
    return [*facts.erased, new][-LISTED:]


class Eraser:
    """Overwrites bodies of sound, in a thread of its own while there is something to do."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed = threading.Condition()  # guards all below
        self._todo: deque[Stretch | Withdrawn] = deque()
        self._thread: threading.Thread | None = None
        self._closing = False

    @property
    def pending(self) -> list[tuple[Any, ...]]:
        """What is not erased yet, for snapshots: first and last part, or who and before which entry."""
        with self._changed:
            return [msgspec.structs.astuple(each) for each in self._todo]

    def resume(self, pending: Iterable[Any]) -> None:
        """Do what another run left."""
        for one, two in pending:
            self.erase(Withdrawn(one, two) if isinstance(one, str) else Stretch(one, two))

    def erase(self, what: Stretch | Withdrawn) -> None:
        """Give nothing more of it out, and erase it soon; never waits for the disk."""
        if isinstance(what, Stretch):  # tracks are given to nobody anyway
            self._journal.withhold(what.first, what.last)
        with self._changed:
            self._todo.append(what)
            if self._thread is None:
                name = f"erase {self._journal.room}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._todo or self._closing:
                    self._thread = None
                    return
                what = self._todo[0]
            done = self._try(what)
            with self._changed:
                if done and self._todo:  # else abandoned meanwhile
                    self._todo.popleft()
                elif not done:
                    self._changed.wait_for(lambda: self._closing, _AGAIN_S)

    def _try(self, what: Stretch | Withdrawn) -> bool:
        try:
            if isinstance(what, Stretch):
                erased = self._journal.erase_parts(what.first, what.last)
            else:
                erased = self._journal.erase_tracks(what.who, what.before)
        except (OSError, HustingsError) as error:
            log.error("%s: parts cannot be erased yet: %s", self._journal.room, error)
            return False
        except Exception:  # a thread that dies would leave the rest unerased, unseen
            log.exception("%s: parts cannot be erased yet", self._journal.room)
            return False
        log.info("%s: %d bodies erased", self._journal.room, erased)
        return True

    def abandon(self) -> None:
        """Nothing is left to be erased: the whole journal goes, or is gone."""
        with self._changed:
            self._todo.clear()
            self._closing = True
            self._changed.notify_all()

    def close(self) -> None:
        """Finish, or leave the rest to the next start."""
        with self._changed:
            self._closing = self._closing or len(self._todo) > 1  # the one that runs is finished
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(_CLOSE_S)
