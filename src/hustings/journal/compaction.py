"""What stays of a journal whose recording is deleted: headers, checkpoints and the tombstone. Pure.

Keeps true: every header and every checkpoint stays, byte for byte and in order, so that chain, tree
and signatures verify as before; of the bodies only the tombstone's. Called by `journal.deletion`.
"""

from collections.abc import Iterable, Iterator

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import NO_HASH, Entry
from hustings.journal.records import (
    Damaged,
    Incomplete,
    checkpoint_record,
    entry_record,
    read_record,
)
from hustings.journal.scan import Scanner
from hustings.wire import kinds


def compacted(records: Iterable[Entry | Checkpoint]) -> Iterator[bytes]:
    """The records that stay, each as it is written; the file's first line is the caller's."""
    for record in records:
        if isinstance(record, Checkpoint):
            yield checkpoint_record(record)
        else:
            yield entry_record(record if record.kind == kinds.TOMBSTONE else record.bare())


def readable(scanner: Scanner) -> Iterator[Entry | Checkpoint]:
    """Everything on file that can be read; of a damaged entry its header, if what follows fits it.

    What is lost there stays lost: `hustings verify` named it before, and names it afterwards.
    """
    head, size = NO_HASH, 0
    doubtful: Entry | None = None  # the header of a damaged record
    while True:
        try:
            found = scanner.next()
            if found is None:
                return
            record = read_record(found.type, found.payload)
        except (Incomplete, Damaged):
            try:
                salvaged = scanner.salvage()
            except Incomplete:
                return
            fits = salvaged is not None and (salvaged.seq, salvaged.header.prev) == (size, head)
            doubtful = salvaged if fits else None
            continue
        except PeerError:  # whole, and yet no record of ours
            continue
        if doubtful is not None and _follows(record, doubtful):
            yield doubtful
        doubtful = None
        if isinstance(record, Entry):
            head, size = record.hash, record.seq + 1
        if isinstance(record, Entry | Checkpoint):
            yield record


def _follows(record: object, entry: Entry) -> bool:
    """Whether the next record says that the header before it was that one."""
    if isinstance(record, Entry):
        return record.header.prev == entry.hash
    return isinstance(record, Checkpoint) and record.head == entry.hash
