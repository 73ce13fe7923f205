"""Deleting a room's recording: one room's folder, from the decision to the last file.

Keeps true: the decision is on disk before anybody is told (`journal.delete`); then a tombstone is
written and signed; then the journal is written anew without bodies and takes the old one's place in
one step, so that a kill at any moment leaves the whole old file or the whole new one; then what lies
beside it goes, and the decision's file last. Whoever finds that file begins again: each step may be
done twice. The disk has its space back; the blocks are freed, not overwritten.
Called by `stage.deleting`, off the tick; `deleted` by whoever makes or keeps copies.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.base.ids import RoomId
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.compaction import compacted, readable
from hustings.journal.disk import sync_folder
from hustings.journal.entry import Entry
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.journal.proof import proof_of
from hustings.journal.records import FIRST_LINE, Incomplete, read_first_line
from hustings.journal.recovery import ERASE_FILE, INDEX_FILE, JOURNAL_FILE
from hustings.journal.scan import Scanner
from hustings.wire import kinds

DELETE_FILE: Final = "journal.delete"
TOMBSTONE_FILE: Final = "tombstone.json"
PICTURES: Final = "pictures"  # in the data folder: one folder a room
_NEW_FILE: Final = "journal.new"
_PODCAST_FILE: Final = "podcast.xml"  # as `archive.podcast` calls it
_AT_ONCE: Final = 64  # records, about 2 ms; then live rooms have the interpreter
_REST_S: Final = 0.004


def intend(folder: Path, line: dict[str, Any]) -> None:
    """Write the decision down; line: what is said of the room from now on. OSError: it is not."""
    write_whole(folder / DELETE_FILE, msgspec.json.encode(line))


def intended(folder: Path) -> dict[str, Any] | None:
    """The line of a decision that is not carried out yet; None: there is none."""
    try:
        return dict(msgspec.json.decode((folder / DELETE_FILE).read_bytes()))
    except (OSError, msgspec.MsgspecError, TypeError, ValueError):
        return None


def deleted(folder: Path) -> bool:
    """Whether a room's recording is deleted, or being deleted. Two looks at the disk."""
    return (folder / TOMBSTONE_FILE).exists() or (folder / DELETE_FILE).exists()


def destroy(
    rooms: Path, room: RoomId, facts: kinds.Room, key: SigningKey, clock: Clock
) -> dict[str, Any]:
    """Carry the decision out, as far as the journal goes; returns the proof as plain data.

    Nobody else has the journal open. Two hours (105 MB, then 4.5) take 4 to 9 s, 1.1 s of it work, the rest rest. Raises OSError and
    OperatorError as `Journal.open` does; then it is done again later.
    """
    folder = rooms / room
    journal = Journal.open(rooms, room, key, clock)
    try:
        _bury(journal, facts)
        _rewrite(folder)
    finally:
        journal.close()
    for path in _beside(folder):
        path.unlink(missing_ok=True)
    with contextlib.closing(_records(folder)) as records:
        proof = proof_of(records, key=key.vkey)
    if proof is None:
        raise OperatorError("journal_damaged", f"{folder} has no tombstone at its end.")
    return dict(msgspec.to_builtins(proof))


def settle(folder: Path, proof: dict[str, Any], line_file: str, line: dict[str, Any]) -> None:
    """The last step: what stays readable, then the decision's file goes. Raises OSError."""
    write_whole(folder / TOMBSTONE_FILE, msgspec.json.format(msgspec.json.encode(proof)))
    write_whole(folder / line_file, msgspec.json.encode(line))
    (folder / DELETE_FILE).unlink(missing_ok=True)
    sync_folder(folder)


def read_again(folder: Path, key: str) -> dict[str, Any] | None:
    """The proof out of the journal itself, where its file is lost; reads all that is left of it."""
    with contextlib.closing(_records(folder)) as records:
        proof = proof_of(records, key=key)
    return None if proof is None else dict(msgspec.to_builtins(proof))


def remove_pictures(data: Path, room: str) -> None:
    """The room's pictures, which lie outside of its folder. Raises OSError."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(data / PICTURES / room)


def remove_replay(data: Path, room: str) -> None:
    """All that was made of a room's sound, also what is being made just now. Raises nothing.

    With it the podcast's feed, which names people: who follows the replays writes it anew at once.
    """
    if (data / "replays" / room).exists():
        with contextlib.suppress(OSError):
            (data / "replays" / _PODCAST_FILE).unlink()
    for name in (room, f".making-{room}", f".old-{room}"):
        shutil.rmtree(data / "replays" / name, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> None:
    """A small file, whole or not at all, also after a power cut."""
    partial = path.with_name(f".{path.name}.new")
    with partial.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    sync_folder(path.parent)


def _bury(journal: Journal, facts: kinds.Room) -> None:
    """Append the tombstone, unless it is there; sign and sync it."""
    past = journal.recovered.entries
    if not past or past[-1].kind != kinds.TOMBSTONE:
        with contextlib.closing(_records(journal.folder)) as records:
            media_time, parts = 0, 0
            for record in records:
                if isinstance(record, Entry):
                    parts += record.kind == kinds.PART
                    media_time = max(media_time, record.media_time)
        size_bytes = (journal.folder / JOURNAL_FILE).stat().st_size
        said = kinds.Tombstone(facts, journal.size, journal.head, parts, size_bytes)
        journal.append(kinds.TOMBSTONE, said, media_time=media_time)
    journal.checkpoint()
    journal.flush()


def _rewrite(folder: Path) -> None:
    """The journal without bodies, in the old one's place."""
    with (
        contextlib.closing(_records(folder)) as records,
        (folder / _NEW_FILE).open("wb") as file,
    ):
        file.write(FIRST_LINE)
        for data in compacted(records):
            file.write(data)
        file.flush()
        os.fsync(file.fileno())
    (folder / _NEW_FILE).replace(folder / JOURNAL_FILE)
    (folder / INDEX_FILE).unlink(missing_ok=True)  # names places in the old one
    sync_folder(folder)


def _records(folder: Path) -> Generator[Entry | Checkpoint, None, None]:
    """All records of a journal that nobody writes; rests in between."""
    descriptor = os.open(folder / JOURNAL_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        try:
            first = read_first_line(os.pread(descriptor, 64, 0))[1]
        except Incomplete:
            return
        scanner = Scanner(lambda length, offset: os.pread(descriptor, length, offset), first, size)
        for number, record in enumerate(readable(scanner), 1):
            yield record
            if number % _AT_ONCE == 0:
                time.sleep(_REST_S)
    finally:
        os.close(descriptor)


def _beside(folder: Path) -> Iterator[Path]:
    """Files beside a journal that hold, or name places of, what is gone."""
    yield folder / INDEX_FILE
    yield from folder.glob(f"{ERASE_FILE}*")
    yield from folder.glob(f"{JOURNAL_FILE}.torn-*")
