"""Taking a backup of a house that may be live: nobody in it waits, and the file is whole or not there.

Keeps true: first the database, of one moment, then each journal up to a whole record; then, room by
room and again until nothing has changed meanwhile, what was taken back is blanked in the copy and
the copy is checked as `hustings verify` does. So a body that was erased before the last look is not
in the file. What is private or wiped (rehearsals, sound checks, the salt of the day) never gets in.
The file appears under its name when it is synced; a kill leaves at most a hidden one, which the
next run takes over. Called by `cli.backup`.
"""

import asyncio
import contextlib
import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

import msgspec

from hustings import VERSION as PROGRAM
from hustings.backup.archive import DATABASE, VERSION, Manifest, Member, RoomLine, Slot, Writer
from hustings.backup.journals import Gone, Region, blank, copy, noted, overwrite, whole_end
from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, OperatorError, PeerError, UserError
from hustings.base.ids import is_private, room_id
from hustings.journal.auditing import Report, audit_bytes
from hustings.journal.deletion import DELETE_FILE, PICTURES, TOMBSTONE_FILE
from hustings.journal.disk import sync_folder
from hustings.journal.entry import Entry
from hustings.journal.erasure import Intent
from hustings.journal.keys import VKEY_FILE
from hustings.journal.records import FIRST_LINE, Damaged, Incomplete, read_record
from hustings.journal.recovery import JOURNAL_FILE
from hustings.journal.scan import Scanner
from hustings.store.dump import dump
from hustings.wire import kinds

KEYS: Final = (
    *("journal.pem", "participant.key", "service.key", "ticket.key", "edges.key"),
    "reminders.key",
    "revoked",
)
_BESIDE: Final = ("ended.json", TOMBSTONE_FILE, DELETE_FILE)  # a journal: small and whole
_TELLING: Final = frozenset({kinds.DUMP, kinds.ROOM, kinds.TOMBSTONE, kinds.GUEST})
_TRIES: Final = 4  # a room that changes again and again while it is copied
_LOOKS: Final = 20
_COPY: Final = 1 << 20

Tell = Callable[[str, int, int], None]  # what is done, bytes done, bytes in all


class _Copied(msgspec.Struct):
    """One room in the archive."""

    slot: Slot
    state: tuple[object, ...]
    noted: list[Intent] = []  # what the stage was overwriting when it was settled
    seen: int = 0  # offset in the source up to which what is taken back was learned
    report: Report | None = None


class Taking:
    """One backup being made."""

    def __init__(self, data: Path, writer: Writer, *, damaged: bool, tell: Tell) -> None:
        """damaged: take journals with findings as they are."""
        self._rooms, self._pictures = data / "rooms", data / PICTURES
        self._writer, self._damaged, self._tell = writer, damaged, tell
        self._copied: dict[str, _Copied] = {}
        self._done = 0
        sizes = ((each / JOURNAL_FILE).stat().st_size for each in _folders(self._rooms))
        self._all = 3 * sum(sizes)  # copied, checked, hashed

    def rooms(self) -> list[RoomLine]:
        """Take all rooms; OperatorError `backup_journal` if one cannot be copied whole."""
        for folder in _folders(self._rooms):
            self._copy(folder)
        beside: dict[str, dict[str, bytes]] = {}
        todo = list(self._copied)
        for _ in range(_LOOKS):
            for room in todo:
                self._settle(room)
                beside[room] = self._read_beside(room)
            todo = [room for room in self._copied if self._news(room)]
            if not todo:
                break
        else:
            raise _not_whole(todo[0], "it changes again and again")
        for room in self._copied:
            for name, data in beside[room].items():
                self._writer.add(name, data)
        return [_line(room, copied) for room, copied in self._copied.items()]

    def hashed(self, count: int) -> None:
        """Progress of the last step."""
        self._step("hashing", count)

    def _read_beside(self, room: str) -> dict[str, bytes]:
        """What else there is of a room, by its name in the archive."""
        folder, pictures = self._rooms / room, self._pictures / room
        paths = {f"rooms/{room}/{name}": folder / name for name in _BESIDE}
        if not _going(folder):
            paths |= {f"pictures/{room}/{path.name}": path for path in pictures.glob("[!.]*.jpg")}
        found = {}
        for name, path in sorted(paths.items()):
            with contextlib.suppress(FileNotFoundError):
                found[name] = path.read_bytes()
        return found

    def _copy(self, folder: Path) -> None:
        """Put the room's journal into the archive, unless it has none yet."""
        room, state = folder.name, _state(folder)
        with contextlib.suppress(FileNotFoundError), _opened(folder) as source:
            if source.size < len(FIRST_LINE):
                return
            try:
                end = whole_end(source)
            except PeerError as error:
                raise _not_whole(room, error.title) from error
            slot = self._writer.begin(_member(room), end)
            for count in copy(source, Region(self._writer.fd, slot.start, slot.size)):
                self._step(room, count)
            self._copied[room] = _Copied(slot, state)

    def _settle(self, room: str) -> None:
        """Blank what is gone and check the copy; copy it anew where that does not come out right."""
        folder, said = self._rooms / room, ""
        for _ in range(_TRIES):
            copied = self._copied[room]
            if copied.state == _state(folder):
                self._blank(folder, copied)
                copied.report = report = self._check(copied)
                if report.ok:
                    return
                said = report.findings[0].said
            self._writer.void(_member(room))
            del self._copied[room]
            self._copy(folder)
            if room not in self._copied:
                raise _not_whole(room, "its journal is gone")
        if not self._damaged or not said:
            raise _not_whole(room, said or "it changes again and again")
        copied = self._copied[room]
        self._blank(folder, copied)
        copied.report = self._check(copied)

    def _blank(self, folder: Path, copied: _Copied) -> None:
        region = self._region(copied)
        gone = Gone(deleted=_going(folder))
        with _opened(folder) as source:
            gone.learn(source)
            gone.learn(region)
            copied.seen = whole_end(source) if source.size else 0
        copied.noted = noted(folder)
        overwrite(region, copied.noted)
        blank(region, gone)

    def _check(self, copied: _Copied) -> Report:
        region = self._region(copied)
        told = 0

        def progress(done: int, _size: int) -> None:
            nonlocal told
            self._step("checking", done - told)
            told = done

        return audit_bytes(region.read, region.size, path=copied.slot.name, progress=progress)

    def _news(self, room: str) -> bool:
        """Whether something may have been taken back since the room was settled."""
        folder, copied = self._rooms / room, self._copied[room]
        if copied.state != _state(folder) or noted(folder) not in ([], copied.noted):
            return True
        with _opened(folder) as source:
            scanner = Scanner(source.read, copied.seen, source.size)
            try:
                while found := scanner.next():
                    record = read_record(found.type, found.payload)
                    if isinstance(record, Entry) and record.kind in _TELLING:
                        return True
            except Incomplete:
                return False  # it is being written
            except (Damaged, PeerError):
                return not self._damaged
        return False

    def _region(self, copied: _Copied) -> Region:
        return Region(self._writer.fd, copied.slot.start, copied.slot.size)

    def _step(self, what: str, count: int) -> None:
        self._done += count
        self._tell(what, min(self._done, self._all), self._all)


def take(
    data: Path,
    file: Path,
    *,
    database: str,
    with_keys: bool,
    damaged: bool,
    clock: Clock,
    tell: Tell,
) -> Manifest:
    """Back the house in `data` up to `file`, which is not there yet.

    database: as `web.database` of the settings. Raises UserError `backup_exists`, OperatorError
    `backup_empty`, `backup_busy`, `backup_disk`, `backup_journal`, and as `store.dump.dump` does.
    """
    if file.exists():
        raise UserError("backup_exists", f"{file} exists: name another file, with the date in it.")
    if not (data / "rooms").is_dir() and not (data / "hustings.sqlite").exists():
        raise OperatorError("backup_empty", f"{data} holds no house: give its folder by --data.")
    partial = file.with_name(f".{file.name}.unfinished")
    try:
        with _alone(partial) as fd:
            with tempfile.TemporaryFile(dir=file.parent) as rows:
                made = _write(data, Writer(fd), rows, database, with_keys, damaged, clock, tell)
            if file.exists():
                raise FileExistsError
            partial.rename(file)
            sync_folder(file.parent)
    except FileExistsError:
        raise UserError("backup_exists", f"{file} exists: name another file.") from None
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise OperatorError(
            "backup_disk", f"The backup cannot be written to {file} ({error.strerror or error})."
        ) from error
    except HustingsError as error:
        if error.code != "backup_busy":
            partial.unlink(missing_ok=True)
        raise
    return made


def _write(
    data: Path,
    writer: Writer,
    rows: BinaryIO,
    database: str,
    with_keys: bool,
    damaged: bool,
    clock: Clock,
    tell: Tell,
) -> Manifest:
    made_ms = clock.wall_ms()
    keys = _keys(data) if with_keys else {}
    for name, key in keys.items():
        writer.add(f"keys/{name}", key)
    schema = asyncio.run(dump(database, data, rows))
    if schema is not None:
        at = writer.begin(DATABASE, rows.tell()).start
        rows.seek(0)
        while piece := rows.read(_COPY):
            at += os.pwrite(writer.fd, piece, at)
    taking = Taking(data, writer, damaged=damaged, tell=tell)
    lines = taking.rooms()

    def manifest(members: list[Member]) -> Manifest:
        return Manifest(VERSION, PROGRAM, made_ms, schema, bool(keys), _vkey(data), lines, members)

    return writer.finish(manifest, taking.hashed)


def _keys(data: Path) -> dict[str, bytes]:
    paths = [data / "keys" / name for name in KEYS]
    return {path.name: path.read_bytes() for path in paths if path.exists()}


def _vkey(data: Path) -> str:
    try:
        return (data / "keys" / VKEY_FILE).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _folders(rooms: Path) -> Iterator[Path]:
    """The folders of rooms that may be kept, in order."""
    for path in sorted(rooms.glob(f"*/{JOURNAL_FILE}")):
        name = path.parent.name
        with contextlib.suppress(UserError):
            if not is_private(room_id(name)):
                yield path.parent


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[Region]:
    fd = os.open(folder / JOURNAL_FILE, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield Region(fd, 0, os.fstat(fd).st_size)
    finally:
        os.close(fd)


def _state(folder: Path) -> tuple[object, ...]:
    """Which file the journal is, and what lies beside it: another one is to be copied anew."""
    found: list[object] = []
    for name in (JOURNAL_FILE, *_BESIDE):
        try:
            seen = (folder / name).stat()
        except FileNotFoundError:
            found.append(None)
        else:
            found.append(seen.st_ino if name == JOURNAL_FILE else (seen.st_ino, seen.st_mtime_ns))
    return tuple(found)


def _going(folder: Path) -> bool:
    return any((folder / name).exists() for name in (TOMBSTONE_FILE, DELETE_FILE))


def _line(room: str, copied: _Copied) -> RoomLine:
    report = copied.report
    assert report is not None
    deleted = report.deleted is not None
    return RoomLine(room, report.entries, report.head, deleted, sum(report.counts.values()))


def _member(room: str) -> str:
    return f"rooms/{room}/{JOURNAL_FILE}"


@contextlib.contextmanager
def _alone(partial: Path) -> Iterator[int]:
    """The hidden file, empty, for one backup at a time; what a killed one left is taken over."""
    fd = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                "backup_busy", f"Another backup is being written to {partial}."
            ) from None
        if not _is_at(fd, partial):  # the other one has just given it its name
            raise OperatorError("backup_busy", "Another backup has just been written there.")
        os.fchmod(fd, 0o600)
        os.ftruncate(fd, 0)
        yield fd
    finally:
        os.close(fd)


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _not_whole(room: str, why: str) -> OperatorError:
    return OperatorError(
        "backup_journal",
        f"The journal of {room} cannot be copied whole: {why}. `hustings verify` says what is "
        "wrong with it; --damaged takes it as it is.",
    )
