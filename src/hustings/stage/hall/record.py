"""What one room has come to, and the one way in: its journal, and all that is folded out of it.

Keeps true: nothing alters a room but an entry of its journal, so that a restart, which folds the
same entries, stands where it stood. The rules (`stage.room`, `stage.commands`, `stage.evening`)
say what changes; `enter` writes it, folds it and tells `entered` (`stage.hall.hall`), which moves
sound and pages. Times are media time: samples since the epoch.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from hustings import VERSION
from hustings.base.clock import Clock
from hustings.base.errors import UserError
from hustings.journal.entry import Entry, Visibility
from hustings.journal.file import Journal
from hustings.settings import StageSettings
from hustings.stage import talkback
from hustings.stage.airing import airs_at
from hustings.stage.erasing import REASON_CHARS, Eraser, Stretch, listed, withdrawn
from hustings.stage.evening.evening import Evening
from hustings.stage.keys import Keys
from hustings.stage.names import clean
from hustings.stage.queue import drawn
from hustings.stage.room import Change, RoomModel
from hustings.stage.usual import new_room
from hustings.stage.written import BODIES, STAGE_KINDS
from hustings.wire import kinds
from hustings.wire.kinds import Room
from hustings.wire.names import PART_SAMPLES, PART_TICKS, TICK_SAMPLES
from hustings.wire.places import room_second

TICK_MS: Final = 20
ENTRY_BYTES: Final = 64 * 1024
_WITH_THE_SOUND: Final = frozenset(
    {kinds.ROOM, kinds.ROSTER, kinds.LEVEL, kinds.AGENDA, kinds.POLL}
)  # wait as it does


class Record:
    """One room's. A journal that holds entries already is continued: same people, same timeline."""

    def __init__(
        self, journal: Journal, clock: Clock, limits: StageSettings, draw_key: bytes
    ) -> None:
        self.room = journal.room
        self.journal = journal
        new = new_room(journal.room, limits)
        self.model = RoomModel(new, seats=limits.seats, people=limits.people)
        self.evening = Evening()
        self.eraser = Eraser(journal)
        self.tick = 0  # of 20 ms, since the epoch
        self.entered: Callable[[Sequence[Change]], None] = lambda _changes: None
        self._draw_key = draw_key
        self._limits = limits
        self._clock = clock
        self._keys = Keys()
        self._snapshot_size = 0
        self._recover()

    def _recover(self) -> None:
        past = self.journal.recovered
        if past.snapshot is not None:
            self.model.restore(past.snapshot)
            self.model.guests.read_back(lambda seq: self.journal.entry(seq).decode(kinds.Booking))
            self._keys.restore(past.snapshot.private.get("keys", {}))
            self.evening.restore(past.snapshot)
            self.eraser.resume(past.snapshot.private.get("erasing", ()))
        for entry in past.entries:
            self._replay(entry)
        self.evening.spoken.hear([], past.next_part * PART_SAMPLES)  # nobody since we ended
        self.term = past.term
        if self.ended:
            self.tick = past.next_part * PART_TICKS
        elif epoch_ms := self.model.facts.epoch_ms:
            by_wall = (self._clock.wall_ms() - epoch_ms) // TICK_MS
            self.tick = max(past.next_part * PART_TICKS, by_wall)

    def _replay(self, entry: Entry) -> None:
        kind = BODIES.get(entry.kind)
        if kind is None or entry.body is None:
            return
        body = entry.decode(kind)
        if isinstance(body, kinds.Key):
            self._keys.add(body.key, body.seq)
        elif isinstance(body, kinds.Dump):  # done already, unless we died over it
            self.eraser.erase(Stretch(body.first, body.last))
        self._fold(body, entry)

    def _fold(self, body: object, entry: Entry) -> None:
        """Take over what an entry says, new or read again."""
        before = self.model.facts
        self.model.fold(body)
        self.evening.fold(body, entry.media_time)
        outdated = self.model.guests.fold(body, entry.seq)
        for what in withdrawn(before, self.model.facts, entry.seq, outdated):
            self.eraser.erase(what)

    def begin_term(self) -> str:
        """From here on it is ours; returns why: `start`, or `restart` after another run."""
        reason = "restart" if self.term else "start"
        self.term += 1
        self.append(kinds.TERM, kinds.Term(self.term, VERSION, reason))
        return reason

    # --- where it stands -----------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the evening is over."""
        return self.model.ended

    @property
    def is_open(self) -> bool:
        """Whether anybody may be listening."""
        return self.model.facts.state in {"lobby", "live"}

    @property
    def media_time(self) -> int:
        """Now; 0 until the lobby opens."""
        return self.tick * TICK_SAMPLES

    @property
    def air_time(self) -> int:
        """When the audience hears what is said now: later with a broadcast delay."""
        return airs_at(self.media_time, self.model.facts)

    @property
    def room_second(self) -> float:
        """Now, as places in the queue count it; the wall's until the lobby opens."""
        if not (epoch_ms := self.model.facts.epoch_ms):
            return self._clock.wall_ms() / 1_000
        return room_second(epoch_ms, self.media_time)

    # --- the one way in ------------------------------------------------------------------------

    def enter(self, changes: Iterable[Change]) -> None:
        """Write and fold each change before the next is asked for; then say what was entered."""
        entered: list[Change] = []
        for change in map(self._with_draw, changes):
            visibility = Visibility.PUBLIC if change.public else Visibility.STAGE
            entry = self.append(change.kind, change.body, visibility=visibility)
            self._fold(change.body, entry)
            entered.append(change)
        if entered:
            self.entered(entered)
            self.enter(talkback.over(self.model))

    def _with_draw(self, change: Change) -> Change:
        if not isinstance(change.body, Room):
            return change
        body = drawn(change.body, self._draw_key, self.media_time, doors=self._limits.doors)
        return msgspec.structs.replace(change, body=body)

    def append(
        self,
        kind: str,
        body: object,
        *,
        media_time: int | None = None,
        visibility: Visibility = Visibility.PUBLIC,
    ) -> Entry:
        """An entry that changes nothing in the room's state (sound, counts), as of now."""
        at = self.media_time if media_time is None else media_time
        if media_time is None and kind in _WITH_THE_SOUND:
            at = airs_at(at, body if isinstance(body, Room) else self.model.facts)
        return self.journal.append(kind, body, media_time=at, visibility=visibility)

    def append_given(
        self, kind: str, body: dict[str, Any], *, visibility: int, at: int, key: str
    ) -> int:
        """An entry of web's (a caption, a note ...); the same key twice is one entry.

        Returns its sequence number. Raises UserError `entry_kind`, `entry_size`.
        """
        if kind in STAGE_KINDS or not kind.isidentifier() or len(kind) > 32:
            raise UserError("entry_kind", "This kind of entry is the stage's own, or not a word.")
        if (known := self._keys.get(key)) is not None:
            return known
        if len(msgspec.msgpack.encode(body)) > ENTRY_BYTES:
            raise UserError("entry_size", f"An entry holds at most {ENTRY_BYTES} bytes.")
        seq = self.append(kind, body, media_time=at, visibility=Visibility(visibility)).seq
        if key:
            self.append(kinds.KEY, kinds.Key(key, seq), visibility=Visibility.STAGE)
            self._keys.add(key, seq)
        return seq

    def write_speaking(self, speaking: list[str]) -> None:
        """Who is heard from now on."""
        level = kinds.Level(speaking)
        self._fold(level, self.append(kinds.LEVEL, level))

    def take_back(self, taken: Stretch, reason: str, by: str) -> None:
        """Give no more of this stretch out, say so in public, and erase it soon."""
        reason = clean(reason, REASON_CHARS)
        self.journal.withhold(taken.first, taken.last)  # before anybody hears of it
        self.append(kinds.DUMP, kinds.Dump(taken.first, taken.last, by, reason))
        erased = listed(self.model.facts, taken, reason=reason, at_ms=self._clock.wall_ms())
        self.enter(self.model.room(erased=erased))
        self.eraser.erase(taken)

    # --- on the disk ---------------------------------------------------------------------------

    def snapshot(self, *, next_part: int, audience: dict[str, Any]) -> None:
        """Where a reader can begin, if there is news: the whole, then the public facts.

        next_part: the first that the journal does not hold. audience: `Audience.state`.
        """
        model = self.model
        if self.journal.size <= self._snapshot_size or model.facts.deleted:
            return
        self.journal.snapshot(
            media_time=self.media_time,
            room=model.facts,
            roster=list(model.people.values()),
            speaking=model.speaking,
            term=self.term,
            part=next_part,
            private=model.private_state()
            | {"keys": self._keys.state(), "audience": audience}
            | {"evening": self.evening.state(self.air_time), "erasing": self.eraser.pending},
            shown=self.evening.shown(),
        )
        self._snapshot_size = self.journal.size

    def close(self) -> None:
        """Sign and sync what there is; the journal can be opened again."""
        self.eraser.close()
        self.journal.close()
