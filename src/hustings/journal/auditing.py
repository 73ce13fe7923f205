"""Walking a journal file for `hustings verify`: from bytes to a report.

Keeps true: only reads; one pass over the file; damage does not end the walk. Called by
`cli.verify`, tests and the bench.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.errors import NotFound, PeerError
from hustings.journal.audit import Audit, Finding
from hustings.journal.checkpoint import Checkpoint, read_checkpoint
from hustings.journal.entry import Entry
from hustings.journal.extent import Sound
from hustings.journal.records import Damaged, Incomplete, read_first_line, read_record
from hustings.journal.recovery import JOURNAL_FILE, LOCK_FILE, held
from hustings.journal.scan import Read, Scanner
from hustings.wire import kinds

_DEPTH = ("", "*/", "*/*/", "*/*/*/")  # a data folder holds journal/ROOM/journal


class Report(msgspec.Struct, frozen=True):
    """What one journal turned out to be."""

    path: str
    ok: bool
    room: str
    entries: int
    parts: int
    erased: int  # bodies that are not there: erased, or withheld from this copy
    checkpoints: int
    head: str  # hex, of the last entry
    first_ms: int
    last_ms: int
    bytes: int
    findings: list[Finding]
    counts: dict[str, int]  # all findings by code, also those not listed
    not_compared: list[str]
    sound: Sound = Sound()  # how much there is of it, and what is missing
    deleted: kinds.Deleted | None = None  # the recording: when, by whom, why
    deleted_parts: int = 0  # of sound that there were
    imported: kinds.Imported | None = None  # its sound was not made here, as the record says


def journals_in(path: Path) -> list[Path]:
    """The journal files that a path names: a file, a room's folder, a folder of rooms, a data folder.

    Raises NotFound `journal_missing`.
    """
    if path.is_file():
        return [path]
    for above in _DEPTH:
        found = sorted(p for p in path.glob(above + JOURNAL_FILE) if p.is_file())
        if found:
            return found
    raise NotFound("journal_missing", f"There is no journal in {path}.")


def read_head(source: str) -> bytes:
    """A head as 64 hex digits or as a file with a checkpoint; PeerError `checkpoint_bad`."""
    if len(source) == 64:
        try:
            return bytes.fromhex(source)
        except ValueError:
            pass
    try:
        return read_checkpoint(Path(source).read_bytes()).head
    except OSError as error:
        raise PeerError(
            "checkpoint_bad", "A head is 64 hex digits, or a file with a checkpoint."
        ) from error


def audit_file(
    path: Path,
    *,
    public: Ed25519PublicKey | None = None,
    head: bytes = b"",
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> Report:
    """Check one journal file; progress is called with bytes done and in all, about each 1 %.

    Raises PeerError `journal_version` if it is no journal, OSError if it cannot be read.
    """
    live = held(path.parent / LOCK_FILE)
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size

        def read(length: int, offset: int) -> bytes:
            return os.pread(descriptor, length, offset)

        return audit_bytes(
            read, size, path=str(path), public=public, head=head, progress=progress, live=live
        )
    finally:
        os.close(descriptor)


def audit_bytes(
    read: Read,
    size: int,
    *,
    path: str,
    public: Ed25519PublicKey | None = None,
    head: bytes = b"",
    progress: Callable[[int, int], None] = lambda done, size: None,
    live: bool = False,
) -> Report:
    """Check a journal wherever its bytes are; live: it may end inside a record. As `audit_file`."""
    audit = Audit(public=public, head=head)
    scanner = Scanner(read, _first_record(read(64, 0)), size)
    for done in _walk(scanner, audit, live=live):
        progress(done, size)
    findings = audit.finish(size)
    return Report(
        path=path,
        ok=not findings,
        room=audit.room,
        imported=audit.imported,
        entries=audit.entries,
        parts=audit.parts,
        sound=audit.extent.sound(),
        erased=audit.bare,
        checkpoints=audit.checkpoints,
        head=audit.head.hex(),
        first_ms=audit.first_ms,
        last_ms=audit.last_ms,
        bytes=size,
        findings=findings,
        counts=audit.counts,
        not_compared=list(_not_compared(audit, public, head)),
        deleted=audit.tombstone.facts.deleted if audit.tombstone else None,
        deleted_parts=audit.tombstone.parts if audit.tombstone else 0,
    )


def _walk(scanner: Scanner, audit: Audit, *, live: bool) -> Iterator[int]:
    """Feed all records to the audit; yields the offset reached now and then."""
    step = max(1, scanner.end // 100)
    told = 0
    while True:
        begin = scanner.at
        try:
            found = scanner.next()
            if found is None:
                return
            record = read_record(found.type, found.payload)
        except (Incomplete, Damaged):
            try:
                audit.damage(begin, scanner.salvage())
            except Incomplete:
                if not live:  # else it is being written just now
                    audit.torn(begin, scanner.end - begin)
                return
            continue
        except PeerError:  # a whole record that says nothing sensible: made by hand
            audit.damage(begin, None)
            continue
        if isinstance(record, Entry):
            audit.entry(begin, record)
        elif isinstance(record, Checkpoint):
            audit.checkpoint(begin, record)
        if begin - told >= step:
            told = begin
            yield begin


def _not_compared(audit: Audit, public: Ed25519PublicKey | None, head: bytes) -> Iterator[str]:
    if public is None:
        yield (
            "whose signatures these are: give the stage's public key with --key (from its "
            "`/journal-key`, or the file keys/journal.vkey in its data folder)"
        )
    if not head:
        yield (
            "whether entries at the end were cut off: give a head that somebody kept with --head "
            f"(now {audit.head.hex()})"
        )
    if audit.tombstone and audit.entries > audit.bare + 1:
        yield f"{audit.entries - audit.bare - 1} bodies: the stage has not finished deleting them"
    if audit.entries > audit.signed_size:
        yield f"the last {audit.entries - audit.signed_size} entries: no checkpoint covers them"


def _first_record(data: bytes) -> int:
    try:
        return read_first_line(data)[1]
    except Incomplete:
        raise PeerError("journal_version", "This journal ends inside its first line.") from None
