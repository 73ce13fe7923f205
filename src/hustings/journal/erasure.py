"""Overwriting an entry's body where it stands, so that even a power cut leaves a whole journal.

Keeps true: the new record has the old one's length, so nothing else moves; it is written down and
synced beside the journal before the journal is touched, and done again at the next start if the
machine stopped in between. The sidecar never holds the body that goes. Called by `Journal`.
"""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from hustings.base.errors import OperatorError
from hustings.journal.entry import Entry
from hustings.journal.records import BARE, FRAME_BYTES, frame
from hustings.journal.recovery import ERASE_FILE, JOURNAL_FILE
from hustings.journal.scan import Found

log = logging.getLogger(__name__)


class Intent(msgspec.Struct, frozen=True):
    """These bytes are to stand at this offset of the journal."""

    offset: int
    record: bytes


def erase_records(folder: Path, records: Sequence[tuple[Found, Entry]], *, where: int) -> None:
    """Turn these records into bare ones. At most some hundred at once.

    where: descriptor of the file in which they were found. Raises OSError if the disk fails,
    OperatorError `journal_replaced`, with nothing written, if the folder's journal is another one.
    """
    journal = os.open(folder / JOURNAL_FILE, os.O_WRONLY | os.O_CLOEXEC)
    try:
        if not os.path.samestat(os.fstat(journal), os.fstat(where)):
            raise OperatorError(
                "journal_replaced", f"The journal in {folder} is not the one that was read."
            )
        _write_down([blanked(found, entry) for found, entry in records], folder / ERASE_FILE)
        finish_erasure(folder, journal)
    finally:
        os.close(journal)


def _write_down(what: list[Intent], note: Path) -> None:
    partial = note.with_name(note.name + ".new")
    with partial.open("wb") as file:
        file.write(msgspec.msgpack.encode(what))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(note)


def blanked(found: Found, entry: Entry) -> Intent:
    """The same record without body and nonce, as long as it was."""
    head = len(entry.raw).to_bytes(2, "big") + entry.raw
    payload = head.ljust(found.end - found.offset - FRAME_BYTES, b"\x00")
    return Intent(found.offset, frame(BARE, payload))


def finish_erasure(folder: Path, journal: int) -> None:
    """Do what was written down, if anything was; journal: descriptor open for writing."""
    note = folder / ERASE_FILE
    try:
        noted = intents(folder)
    except FileNotFoundError:
        return
    except msgspec.MsgspecError:
        log.error("%s cannot be read; it is left as it is", note)
        return
    size = os.fstat(journal).st_size
    for intent in noted:
        if intent.offset + len(intent.record) <= size:
            os.pwrite(journal, intent.record, intent.offset)
    os.fsync(journal)
    note.unlink()


def intents(folder: Path) -> list[Intent]:
    """What was written down and is not done yet; FileNotFoundError, MsgspecError."""
    data = (folder / ERASE_FILE).read_bytes()
    noted = msgspec.msgpack.decode(data, type=list[Intent] | Intent)
    return [noted] if isinstance(noted, Intent) else noted
