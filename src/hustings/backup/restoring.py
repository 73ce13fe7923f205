"""A house out of a backup: into a folder that is not there yet, or empty, and all or nothing.

Keeps true: nothing of the archive is believed before its hash is right, and each journal is read
whole and blanked of what it says is taken back, as when it was taken; all is written to a hidden
folder beside the one that is named, synced, and renamed. A kill leaves the hidden folder, which the
next restore clears away. With PostgreSQL its rows are committed just before the rename. Called by
`cli.restore`.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

from hustings.backup.archive import (
    DATABASE,
    Manifest,
    Slot,
    digest,
    pieces,
    read_archive,
)
from hustings.backup.journals import Gone, Region, blank
from hustings.base.clock import SystemClock
from hustings.base.errors import OperatorError, PeerError, UserError
from hustings.journal.auditing import audit_bytes
from hustings.journal.deletion import DELETE_FILE, TOMBSTONE_FILE
from hustings.journal.disk import sync_folder
from hustings.journal.recovery import HOUSE_LOCK_FILE, JOURNAL_FILE, held
from hustings.store.dump import load

_PAST_FILE: Final = "ended.json"  # `stage.studio` leaves it with what is over
_LEFT: Final = (HOUSE_LOCK_FILE,)  # a folder with only these is empty

Tell = Callable[[str, int, int], None]  # what is done, bytes done, bytes in all


def restore(file: Path, data: Path, *, database: str, tell: Tell) -> Manifest:
    """Make the folder `data` of the backup in `file`; returns what it was.

    database: as `web.database` of the settings; empty: SQLite in the folder. Raises PeerError
    `restore_file`, `restore_damaged`, `restore_newer`, UserError `restore_folder`, OperatorError
    `restore_running`, `restore_mount`, `restore_disk`, `restore_busy`, and as `store.dump.load`.
    """
    with _source(file) as fd:
        manifest, slots = read_archive(fd)
        expect_free(data)
        data = data.resolve()
        hidden = data.with_name(f".{data.name}.restoring")
        try:
            data.parent.mkdir(parents=True, exist_ok=True)
            with _alone(hidden):
                _extract(fd, manifest, slots, hidden, tell)
                asyncio.run(_database(fd, manifest, slots, hidden, data, database))
        except OSError as error:
            raise OperatorError(
                "restore_disk", f"{data} cannot be written ({error.strerror or error})."
            ) from error
    return manifest


def not_over(made: Manifest, data: Path) -> list[str]:
    """Rooms of a restored house that its next run goes on with: their journals get new entries."""
    rooms = data / "rooms"
    return [
        line.room
        for line in made.rooms
        if not line.deleted and not (rooms / line.room / _PAST_FILE).exists()
    ]


def expect_free(data: Path) -> None:
    """Raise `restore_running`, `restore_folder` or `restore_mount` if no house can be put there."""
    if not os.path.lexists(data):
        return
    if not data.is_dir():
        raise UserError("restore_folder", f"{data} is not a folder: name one that is not there.")
    if held(data / HOUSE_LOCK_FILE):
        raise OperatorError("restore_running", f"A house runs in {data}: name another folder.")
    if any(each.name not in _LEFT for each in data.iterdir()):
        raise UserError(
            "restore_folder",
            f"{data} is not empty: name another folder, or move this one away. "
            "A restore writes over nothing.",
        )
    if os.path.ismount(data):
        raise OperatorError(
            "restore_mount", f"{data} is a disk of its own: name a folder in it, by --data."
        )


def _extract(fd: int, manifest: Manifest, slots: dict[str, Slot], hidden: Path, tell: Tell) -> None:
    done, size = 0, 2 * sum(slot.size for slot in slots.values())

    def step(count: int) -> None:
        nonlocal done
        done += count
        tell("checking", done, size)

    for member in manifest.members:
        if digest(fd, slots[member.name], step) != member.sha256:
            raise PeerError(
                "restore_damaged",
                f"This backup is damaged: {member.name} was changed. Take another one.",
            )
    for name, slot in slots.items():
        if name.startswith(("rooms/", "pictures/", "keys/")):
            path = hidden / name
            for folder in reversed(path.relative_to(hidden).parents[:-1]):
                (hidden / folder).mkdir(exist_ok=True, mode=0o700)
            with open(path, "xb", opener=_private) as out:
                for data in pieces(fd, slot):
                    out.write(data)
                    tell("writing", done := done + len(data), size)
                out.flush()
                os.fsync(out.fileno())
            sync_folder(path.parent)
    for line in manifest.rooms:
        path = hidden / "rooms" / line.room / JOURNAL_FILE
        _check(path, line.head, clean=not line.findings)


def _check(path: Path, head: str, *, clean: bool) -> None:
    """Blank what the room itself says is gone; the record is what it was, and as whole."""
    deleted = any((path.parent / name).exists() for name in (TOMBSTONE_FILE, DELETE_FILE))
    with path.open("r+b") as file:
        region = Region(file.fileno(), 0, os.fstat(file.fileno()).st_size)
        gone = Gone(deleted=deleted)
        gone.learn(region)
        if blank(region, gone):
            os.fsync(file.fileno())
        report = audit_bytes(region.read, region.size, path=str(path))
    if report.head != head or (clean and not report.ok):
        said = report.findings[0].said if report.findings else "its head is another"
        raise PeerError(
            "restore_damaged", f"The record of {path.parent.name} is not whole: {said}."
        )


async def _database(
    fd: int, manifest: Manifest, slots: dict[str, Slot], hidden: Path, data: Path, url: str
) -> None:
    """The last step: rows, then the folder's name."""
    if manifest.schema is not None and DATABASE in slots:
        with _Slice(fd, slots[DATABASE]) as source:
            await load(url, hidden, manifest.schema, source, now_ms=SystemClock().wall_ms())
    _rename(hidden, data)


def _rename(hidden: Path, data: Path) -> None:
    for path in hidden.glob("hustings.sqlite*"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.chmod(0o600)
    sync_folder(hidden)
    for name in _LEFT:
        (data / name).unlink(missing_ok=True)
    hidden.rename(data)  # also over an empty folder
    sync_folder(data)


class _Slice:
    """A member as a file to be read from its beginning."""

    def __init__(self, fd: int, slot: Slot) -> None:
        self._file: BinaryIO = os.fdopen(os.dup(fd), "rb")
        self._file.seek(slot.start)
        self._left = slot.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the member's end."""
        data = self._file.read(min(size, self._left))
        self._left -= len(data)
        return data


@contextlib.contextmanager
def _source(file: Path) -> Iterator[int]:
    try:
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise PeerError("restore_file", f"{file} cannot be read ({error.strerror}).") from error
    try:
        if not file.is_file():
            raise PeerError("restore_file", f"{file} is not a file.")
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def _alone(hidden: Path) -> Iterator[None]:
    """The hidden folder, empty; what a killed restore left in it goes, and so does it on an error."""
    hidden.mkdir(mode=0o700, exist_ok=True)
    fd = os.open(hidden, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                "restore_busy", f"Another restore is writing to {hidden}."
            ) from None
        for each in hidden.iterdir():
            shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        try:
            yield
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
    finally:
        os.close(fd)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
