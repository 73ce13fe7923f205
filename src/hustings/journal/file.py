"""A room's journal: the one object through which its single writer, the stage, writes.

Keeps true: every entry follows the one before it, whoever appends; subscribers see all records in
order and at once; nothing here waits for the disk (`journal.disk` does), so `append` may be called
from the 20 ms tick: 12 µs for a part in a loop, about 0.15 ms (p99 0.35) at a room's own pace on a
busy machine (`python -m bench record`). All methods may be called from any thread.

On disk: FOLDER/ROOM/journal, with the caches and side files of `journal.recovery` beside it.
"""

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, OperatorError, TryLater
from hustings.base.ids import RoomId
from hustings.journal.checkpoint import Checkpoint, make_checkpoint
from hustings.journal.disk import Disk, Health, Waiting
from hustings.journal.entry import NONCE_BYTES, Entry, Visibility
from hustings.journal.erasure import erase_records, finish_erasure
from hustings.journal.index import Index
from hustings.journal.keys import SigningKey
from hustings.journal.reader import JournalReader
from hustings.journal.records import checkpoint_record, entry_record
from hustings.journal.recovery import (
    INDEX_FILE,
    JOURNAL_FILE,
    Recovered,
    Recovery,
    lock,
    prepare,
)
from hustings.journal.scan import Found
from hustings.journal.taken import SOUND
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES

log = logging.getLogger(__name__)

_FLUSH_S: Final = 5.0
_ERASE_AT_ONCE: Final = 64  # records written down beside the journal: 0.5 MB

Subscriber = Callable[[bytes, Entry | Checkpoint], None]
Stop = Callable[[], bool]  # asked in between: whether to go no further


class Attached(msgspec.Struct, frozen=True):
    """One moment of a journal: what is on file, what is not yet, and everything later is called."""

    size: int
    head: bytes
    media_time: int  # of the last entry
    end: int  # the file holds the records up to this offset
    waiting: list[Waiting]  # and these come after it
    detach: Callable[[], None]


class Journal:
    """One room's journal, open for writing. Open it with `Journal.open`."""

    def __init__(
        self,
        *,
        folder: Path,
        room: RoomId,
        key: SigningKey,
        clock: Clock,
        recovered: Recovered,
        recovery: Recovery,
        disk: Disk,
        close: Callable[[float], None],
    ) -> None:
        """Use `open`."""
        self.folder, self.room, self.clock = folder, room, clock
        self.recovered = recovered
        self._key, self._disk, self._close = key, disk, close
        self._chain = recovery.chain
        self._checkpointed = recovery.checkpoint.size if recovery.checkpoint else 0
        self._media_time = recovery.media_time
        self._lock = threading.RLock()  # guards the chain and the subscribers; never held over I/O
        self._subscribers: dict[int, tuple[Subscriber, Callable[[], None]]] = {}
        self._subscriptions = 0
        self._erasing = threading.Lock()
        self._withheld: list[tuple[int, int]] = []  # few: until the disk has been overwritten

    @classmethod
    def open(
        cls,
        folder: Path,
        room: RoomId,
        key: SigningKey,
        clock: Clock,
        settings: JournalSettings | None = None,
    ) -> "Journal":
        """Open or make the journal FOLDER/ROOM/journal and recover what it knew.

        The caller then appends its `term` entry (`recovered.term` + 1). Reads the last minute or
        two from disk: call it off the tick. Raises OperatorError `journal_locked`,
        `journal_foreign` or `journal_folder`.
        """
        settings = settings or JournalSettings()
        place = folder / room
        path = place / JOURNAL_FILE
        opened: list[int] = []
        try:
            place.mkdir(parents=True, exist_ok=True)
            opened.append(lock(place))
            opened.append(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640))
            first = prepare(opened[-1], path)
            finish_erasure(place, opened[-1])
            index = Index(place / INDEX_FILE, writable=True)
            recovery = Recovery(opened[-1], path, index, clock, first)
            recovered = recovery.run()
        except OSError as error:
            _close_all(opened)
            raise OperatorError(
                "journal_folder",
                f"The journal {path} cannot be opened ({error.strerror}). "
                "Give this user write access to the folder and room on the disk.",
            ) from error
        except BaseException:
            _close_all(opened)
            raise
        if recovery.checkpoint and not recovery.checkpoint.is_signed_by(key.public):
            log.warning("%s: its last checkpoint was signed with another key", path)
        disk = Disk(opened[-1], recovery.end, index, clock, settings, folder=place)
        disk.start(recovered.next_part)

        def close(timeout_s: float) -> None:
            if disk.close(timeout_s):  # else its thread still uses them
                index.close()
                _close_all(opened)

        return cls(
            folder=place,
            room=room,
            key=key,
            clock=clock,
            recovered=recovered,
            recovery=recovery,
            disk=disk,
            close=close,
        )

    @property
    def size(self) -> int:
        """Number of entries; the next one's sequence."""
        return self._chain.size

    @property
    def head(self) -> bytes:
        """SHA-256 of the last entry's header."""
        return self._chain.head

    @property
    def signed(self) -> bool:
        """Whether the last checkpoint covers every entry."""
        return self._checkpointed == self._chain.size

    @property
    def health(self) -> Health:
        """Whether the disk takes what we write."""
        return self._disk.health

    def append(
        self,
        kind: str,
        body: object,
        *,
        media_time: int,
        visibility: Visibility = Visibility.PUBLIC,
    ) -> Entry:
        """Write one entry.

        body: a struct of `wire.kinds` or plain data, or msgpack bytes as they are. media_time:
        samples at 48 kHz that it refers to. Raises UserError `entry_size` or `entry_kind`, never
        for the disk's sake.
        """
        data = body if isinstance(body, bytes) else kinds.encode(body)
        nonce = os.urandom(NONCE_BYTES)
        with self._lock:
            entry = self._chain.make(
                kind,
                data,
                media_time=media_time,
                wall_ms=self.clock.wall_ms(),
                visibility=visibility,
                nonce=nonce,
            )
            self._media_time = media_time
            self._emit(entry_record(entry), entry)
        return entry

    def snapshot(
        self,
        *,
        media_time: int,
        room: kinds.Room,
        roster: Sequence[kinds.Participant],
        speaking: Sequence[str],
        term: int,
        part: int,
        private: dict[str, Any] | None = None,
        shown: dict[str, Any] | None = None,
    ) -> tuple[Entry, Entry]:
        """Write where a reader can begin: the stage's whole one, then the public one.

        The public one has of `roster` only those on stage and nothing of `private`.
        part: the next part number. Returns both entries. Tree size and edge are filled in here.
        """
        on_stage = [person for person in roster if person.place == "stage"]
        with self._lock:
            written = []
            for visibility, people, secret in (
                (Visibility.STAGE, list(roster), private or {}),
                (Visibility.PUBLIC, on_stage, {}),
            ):
                assert self._chain.tree is not None  # the writer always knows its tree
                body = kinds.Snapshot(
                    size=self._chain.size,
                    frontier=self._chain.tree.hashes,
                    room=room,
                    roster=people,
                    speaking=list(speaking),
                    term=term,
                    part=part,
                    private=secret,
                    shown=shown or {},
                )
                written.append(
                    self.append(kinds.SNAPSHOT, body, media_time=media_time, visibility=visibility)
                )
        return written[0], written[1]

    def checkpoint(self) -> Checkpoint | None:
        """Sign what the journal holds now; None if nothing came since the last time.

        About 60 µs; the stage calls it each second.
        """
        with self._lock:
            chain = self._chain
            if chain.size == self._checkpointed or chain.tree is None:
                return None
            made = make_checkpoint(
                room=self.room,
                size=chain.size,
                root=chain.tree.root(),
                head=chain.head,
                wall_ms=self.clock.wall_ms(),
                public=self._key.public_raw,
                sign=self._key.sign,
            )
            self._checkpointed = chain.size
            self._emit(checkpoint_record(made), made)
        return made

    def subscribe(
        self, callback: Subscriber, *, ended: Callable[[], None] = lambda: None
    ) -> Callable[[], None]:
        """Have `callback(record, entry or checkpoint)` called for everything from now on.

        It runs in the appender's thread, in order, under the journal's lock: it must be quick,
        must not wait and must not write to the journal. One that raises is logged and dropped.
        Records carry bodies of every visibility. `ended` is called when the journal closes.
        Returns the function that ends the subscription.
        """
        with self._lock:
            self._subscriptions += 1
            number = self._subscriptions
            self._subscribers[number] = (callback, ended)

        def end() -> None:
            with self._lock:
                self._subscribers.pop(number, None)

        return end

    def attach(self, callback: Subscriber, *, ended: Callable[[], None]) -> Attached:
        """Subscribe, and learn in the same moment all that is needed to read what came before."""
        with self._lock:
            detach = self.subscribe(callback, ended=ended)
            end, waiting = self._disk.cut()
            return Attached(self.size, self.head, self._media_time, end, waiting, detach)

    def reader(self) -> JournalReader:
        """A reader of what is on file; the caller closes it."""
        return JournalReader(self.folder)

    def entry(self, seq: int) -> Entry:
        """One entry as it is on file. Raises NotFound `entry_missing`, OperatorError `journal_damaged`."""
        with self.reader() as reader:
            return reader.find(seq)[1]

    def erase(self, seq: int) -> None:
        """Destroy body and nonce of an entry on disk; its header stays and everything verifies.

        Waits for the disk: call it off the tick. Who asked for it and why is the caller's own
        entry. Does nothing if it is erased already. Raises NotFound `entry_missing`, TryLater
        `journal_disk` if the disk does not answer.
        """
        with self._erasing:
            self.flush()
            with self.reader() as reader:
                found, entry = reader.find(seq)
                if entry.body is None:
                    return
                erase_records(self.folder, [(found, entry)], where=reader.fileno())

    def erase_entry(self, seq: int) -> int:
        """As `erase`; returns 1, or 0 for one that is not on file: it has no body to erase."""
        try:
            self.erase(seq)
        except NotFound:
            return 0
        return 1

    def withhold(self, first: int, last: int) -> None:
        """Give the bodies of parts first..last to no reader of `attach` any more, from now on."""
        with self._lock:
            self._withheld.append((first, last))

    def shown(self, entry: Entry) -> Entry:
        """The entry as readers may have it: bare if its part is withheld."""
        if not self._withheld or entry.kind not in SOUND:
            return entry
        n = entry.media_time // PART_SAMPLES
        return entry.bare() if any(a <= n <= b for a, b in self._withheld) else entry

    def erase_parts(self, first: int, last: int, stop: Stop = lambda: False) -> int:
        """Erase the bodies of parts first..last and of tracks in them on disk, as `erase` does.

        Returns how many had one. Ten seconds take 16 ms, two hours 3.2 s. stop: asked before each
        64 records; true: TryLater `erasing_stopped`. Raises as `erase` does too, and OSError.
        """
        erased = self._erase_all(lambda reader: reader.part_records(first, last), stop)
        with self._lock:
            self._withheld = [each for each in self._withheld if each != (first, last)]
        return erased

    def erase_tracks(
        self, who: str, before: int, since: int = 0, stop: Stop = lambda: False
    ) -> int:
        """Erase the bodies of somebody's track in entries since … before - 1, as `erase_parts` does.

        Two hours take 1.1 s to read; since: what comes before it is erased, and is not read again.
        """
        return self._erase_all(lambda reader: reader.track_records(who, before, since), stop)

    def _erase_all(
        self, found: Callable[[JournalReader], Iterator[tuple[Found, Entry]]], stop: Stop
    ) -> int:
        erased = 0
        with self._erasing:
            self.flush()
            with self.reader() as reader:
                records = found(reader)
                while some := list(islice(records, _ERASE_AT_ONCE)):
                    if stop():
                        raise TryLater(
                            "erasing_stopped", "The rest is erased later, or goes whole."
                        )
                    erase_records(self.folder, some, where=reader.fileno())
                    erased += len(some)
        return erased

    def flush(self, timeout_s: float = _FLUSH_S) -> None:
        """Wait until everything is on disk and synced; TryLater `journal_disk` if it is not."""
        if not self._disk.flush(timeout_s):
            problem = self.health.problem or "too slow"
            raise TryLater("journal_disk", f"The disk does not take the journal ({problem}).")

    def close(self, timeout_s: float = _FLUSH_S) -> None:
        """Write a last checkpoint, sync, let the lock go. Append nothing afterwards.

        What the disk does not take within the time is lost, and logged.
        """
        self.checkpoint()
        with self._lock:
            followers = [ended for _, ended in self._subscribers.values()]
            self._subscribers.clear()
        for ended in followers:
            with contextlib.suppress(RuntimeError):  # its loop is closed already
                ended()
        self._close(timeout_s)

    def _emit(self, record: bytes, item: Entry | Checkpoint) -> None:
        """Hand a record to the disk's thread and to all subscribers; under the lock."""
        dropped = self._disk.put(record, item if isinstance(item, Entry) else None)
        for number, (callback, _) in list(self._subscribers.items()):
            try:
                callback(record, item)
            except Exception:
                log.exception("journal %s: a subscriber failed and is dropped", self.room)
                self._subscribers.pop(number, None)
        if dropped is not None:  # heard by all followers, but the record will not have it
            gap = kinds.Gap(*dropped, reason="disk")
            self.append(kinds.GAP, gap, media_time=self._media_time)


def _close_all(descriptors: list[int]) -> None:
    for descriptor in reversed(descriptors):
        os.close(descriptor)
