"""Taking back what was kept: parts, tracks, outdated entries; the public list, and the thread that erases.

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


class Outdated(msgspec.Struct, frozen=True):
    """One entry whose body a newer one takes the place of."""

    seq: int
    entry: None = None  # what tells it from a stretch in a snapshot


What = Stretch | Withdrawn | Outdated


def withdrawn(
    before: Room, after: Room, seq: int, outdated: int | None = None
) -> list[Withdrawn | Outdated]:
    """Whose track is to be kept no more, as entry `seq` says; and the entry that it outdates."""
    tracks = [Withdrawn(who, seq) for who in before.tracks if who not in after.tracks]
    return [*tracks, *([] if outdated is None else [Outdated(outdated)])]


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
    """Overwrites bodies, in a thread of its own while there is something to do."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._changed = threading.Condition()  # guards all below
        self._now: What | None = None  # being erased
        self._stretches: deque[Stretch | Outdated] = deque()  # go first: people wait for them
        self._withdrawn: dict[str, Withdrawn] = {}  # one each: the later one takes in the earlier
        self._erased: dict[str, int] = {}  # nothing of theirs is left before this entry
        self._thread: threading.Thread | None = None
        self._closing = False
        self._abandoned = False
        self._stop = threading.Event()  # also in the middle of one

    @property
    def pending(self) -> list[tuple[Any, ...]]:
        """What is not erased yet, for snapshots: first and last part, or who and before which entry."""
        with self._changed:
            now = [self._now] if self._now is not None else []
            waiting = [*now, *self._stretches, *self._withdrawn.values()]
            return [msgspec.structs.astuple(each) for each in waiting]

    def resume(self, pending: Iterable[Any]) -> None:
        """Do what another run left."""
        for one, two in pending:
            if two is None:
                self.erase(Outdated(one))
            else:
                self.erase(Withdrawn(one, two) if isinstance(one, str) else Stretch(one, two))

    def erase(self, what: What) -> None:
        """Give nothing more of it out, and erase it soon; never waits for the disk."""
        if isinstance(what, Stretch):  # tracks are given to nobody anyway
            self._journal.withhold(what.first, what.last)
        with self._changed:
            if not isinstance(what, Withdrawn):
                self._stretches.append(what)
            elif (other := self._withdrawn.get(what.who)) is None or other.before < what.before:
                self._withdrawn[what.who] = what
            if self._thread is None:
                name = f"erase {self._journal.room}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._now = what = None if self._closing else self._next()
                if what is None:
                    self._thread = None
                    return
            done = self._try(what)
            with self._changed:
                if not done:
                    self._changed.wait_for(lambda: self._closing, _AGAIN_S)
                    if not self._abandoned:
                        self._put_back(what)
                self._now = None

    def _next(self) -> What | None:
        if self._stretches:
            return self._stretches.popleft()
        return self._withdrawn.pop(next(iter(self._withdrawn))) if self._withdrawn else None

    def _put_back(self, what: What) -> None:
        if not isinstance(what, Withdrawn):
            self._stretches.appendleft(what)
        else:
            self._withdrawn.setdefault(what.who, what)  # a later one came meanwhile

    def _try(self, what: What) -> bool:
        stop = self._stop.is_set
        try:
            if isinstance(what, Stretch):
                erased = self._journal.erase_parts(what.first, what.last, stop)
            elif isinstance(what, Outdated):
                erased = self._journal.erase_entry(what.seq)
            else:
                since = self._erased.get(what.who, 0)
                erased = self._journal.erase_tracks(what.who, what.before, since, stop)
                self._erased[what.who] = what.before
        except (OSError, HustingsError) as error:
            log.error("%s: bodies cannot be erased yet: %s", self._journal.room, error)
            return False
        except Exception:  # a thread that dies would leave the rest unerased, unseen
            log.exception("%s: bodies cannot be erased yet", self._journal.room)
            return False
        log.info("%s: %d bodies erased", self._journal.room, erased)
        return True

    def abandon(self) -> None:
        """Nothing is left to be erased: the whole journal goes, or is gone."""
        with self._changed:
            self._now = None
            self._stretches.clear()
            self._withdrawn.clear()
            self._closing = self._abandoned = True
            self._stop.set()
            self._changed.notify_all()

    def close(self) -> None:
        """Finish one, leave the rest to the next start; waits up to 10 s.

        After `abandon` it waits without limit, for at most 64 records, so call it off the tick:
        whoever deletes the journal must know that nobody writes into what comes in its place.
        """
        with self._changed:
            waiting = len(self._stretches) + len(self._withdrawn)
            self._closing = self._closing or self._now is not None or waiting > 1
            thread = self._thread
            self._changed.notify_all()
        if thread is None:
            return
        thread.join(None if self._abandoned else _CLOSE_S)
        with self._changed:
            self._closing = True
            self._stop.set()
            self._changed.notify_all()
        thread.join(_CLOSE_S)
