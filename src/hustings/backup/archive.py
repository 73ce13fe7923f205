"""The file of a backup: an ordinary tar of plain files, with a manifest as its last member.

Keeps true: members keep their places, so that a record taken back while the backup is being made
is overwritten in it too: hence no compression (sound does not shrink anyway). What is read has
only names that a backup can have, only plain files, each with the size and SHA-256 that the
manifest says, and the manifest has its own. Format: docs/protocol.md 2.9. Called by `backup.taking`
and `backup.restoring`.
"""

import os
import re
import tarfile
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from hustings.base.errors import PeerError

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database"
_DIGEST: Final = "manifest.sha256"
_BLOCK: Final = 512
_COPY: Final = 1 << 20
_MANIFEST_MOST: Final = 1 << 26  # bytes: some 100,000 rooms

_ROOM: Final = r"rooms/[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?/"
_NAME: Final = re.compile(
    rf"{DATABASE}|{_ROOM}(?:journal|ended\.json|tombstone\.json|journal\.delete)"
    r"|pictures/[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?/[0-9a-f]{32}\.jpg"
    r"|keys/(?:journal\.pem|(?:participant|service|ticket|edges|reminders)\.key|revoked)"
    r"|void/[0-9]{1,9}"
)

Progress = Callable[[int], None]  # bytes done since the last call


class Member(msgspec.Struct, frozen=True):
    """One file in the backup."""

    name: str
    size: int
    sha256: str


class RoomLine(msgspec.Struct, frozen=True):
    """What the record of a room was when it was taken."""

    room: str
    entries: int
    head: str  # hex, of the last entry
    deleted: bool = False
    findings: int = 0  # that `hustings verify` would tell; 0 but for --damaged


class Manifest(msgspec.Struct, frozen=True):
    """What the backup holds. schema: of the database; None: there was none."""

    format: int
    hustings: str
    made_ms: int
    schema: str | None
    keys: bool
    journal_key: str  # vkey of the stage, empty if it never ran
    rooms: list[RoomLine]
    members: list[Member]


class Slot(NamedTuple):
    """Where a member's bytes stand in the file."""

    name: str
    start: int
    size: int


class Writer:
    """Writes members one behind the other; each may be overwritten until `finish`."""

    def __init__(self, fd: int) -> None:
        """fd: an empty file, open for reading and writing."""
        self.fd = fd
        self._end = 0
        self._slots: dict[str, Slot] = {}
        self._voids = 0

    def begin(self, name: str, size: int) -> Slot:
        """Room for a member; its bytes are the caller's to write."""
        assert _NAME.fullmatch(name), name
        slot = self._slots[name] = self._header(name, size)
        return slot

    def add(self, name: str, data: bytes) -> None:
        """A small member."""
        _write(self.fd, data, self.begin(name, len(data)).start)

    def void(self, name: str, progress: Progress = lambda done: None) -> None:
        """Overwrite a member with nothing; its name is free again."""
        slot = self._slots.pop(name)
        self._voids += 1
        new = f"void/{self._voids}"
        self._slots[new] = Slot(new, slot.start, slot.size)
        _write(self.fd, _head(new, slot.size), slot.start - _BLOCK)
        for at in range(slot.start, slot.start + slot.size, _COPY):
            count = min(_COPY, slot.start + slot.size - at)
            _write(self.fd, bytes(count), at)
            progress(0)

    def finish(self, manifest: Callable[[list[Member]], Manifest], progress: Progress) -> Manifest:
        """Hash all members, write the manifest and the tar's end; synced. OSError."""
        members = [
            Member(slot.name, slot.size, digest(self.fd, slot, progress))
            for slot in self._slots.values()
        ]
        made = manifest(members)
        data = msgspec.json.format(msgspec.json.encode(made), indent=1)
        for name, body in ((MANIFEST, data), (_DIGEST, sha256(data).hexdigest().encode())):
            _write(self.fd, body, self._header(name, len(body)).start)
        _write(self.fd, bytes(2 * _BLOCK), self._end)
        os.fsync(self.fd)
        return made

    def _header(self, name: str, size: int) -> Slot:
        _write(self.fd, _head(name, size), self._end)
        slot = Slot(name, self._end + _BLOCK, size)
        self._end = slot.start + -(-size // _BLOCK) * _BLOCK
        os.ftruncate(self.fd, self._end)
        return slot


def read_archive(fd: int) -> tuple[Manifest, dict[str, Slot]]:
    """The manifest and the members it names. Nothing of their content is checked here (`digest`).

    Raises PeerError `restore_file` (no backup), `restore_damaged`, `restore_newer`.
    """
    size = os.fstat(fd).st_size
    slots: dict[str, Slot] = {}
    for slot in _walk(fd, size):
        if slot.name in slots:
            raise _damaged(f"{slot.name} stands in it twice")
        slots[slot.name] = slot
    if MANIFEST not in slots or _DIGEST not in slots:
        raise _damaged("its end is missing")
    said, body = slots.pop(_DIGEST), slots.pop(MANIFEST)
    if body.size > _MANIFEST_MOST or said.size != 2 * sha256().digest_size:
        raise _damaged("its manifest cannot be")
    data = os.pread(fd, body.size, body.start)
    if sha256(data).hexdigest().encode() != os.pread(fd, said.size, said.start):
        raise _damaged("its manifest was changed")
    manifest = _read_manifest(data)
    named = {member.name: member.size for member in manifest.members}
    if len(named) != len(manifest.members) or named != {s.name: s.size for s in slots.values()}:
        raise _damaged("it does not hold what its manifest names")
    journals = sorted(name for name in named if name.endswith("/journal"))
    if journals != sorted(f"rooms/{line.room}/journal" for line in manifest.rooms):
        raise _damaged("it does not hold the rooms that its manifest names")
    return manifest, slots


def digest(fd: int, slot: Slot, progress: Progress) -> str:
    """SHA-256 of a member as it stands in the file, hex."""
    sum_ = sha256()
    for data in pieces(fd, slot):
        sum_.update(data)
        progress(len(data))
    return sum_.hexdigest()


def pieces(fd: int, slot: Slot) -> Iterator[bytes]:
    """A member's bytes, a megabyte at a time; PeerError `restore_damaged` if the file is short."""
    at, end = slot.start, slot.start + slot.size
    while at < end:
        data = os.pread(fd, min(_COPY, end - at), at)
        if not data:
            raise _damaged("it is cut short")
        at += len(data)
        yield data


def _read_manifest(data: bytes) -> Manifest:
    class _Version(msgspec.Struct):
        format: int

    try:
        version = msgspec.json.decode(data, type=_Version).format
        if version > VERSION:
            raise PeerError(
                "restore_newer",
                f"This backup has format {version}; this program reads {VERSION}. "
                "Use a newer Hustings.",
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _damaged("its manifest cannot be read") from None


def _walk(fd: int, size: int) -> Iterator[Slot]:
    at = 0
    while True:
        block = os.pread(fd, _BLOCK, at)
        if at and block == bytes(_BLOCK):
            return
        slot = _slot(block, at)
        if slot.start + slot.size > size:
            raise _damaged("it is cut short")
        yield slot
        at = slot.start + -(-slot.size // _BLOCK) * _BLOCK


def _slot(block: bytes, at: int) -> Slot:
    """The member of a header; links, folders, devices, foreign names and extensions are refused."""
    try:
        info = tarfile.TarInfo.frombuf(block, "ascii", "strict")
    except (tarfile.HeaderError, ValueError):
        if at == 0:
            raise PeerError("restore_file", "This file is not a backup of Hustings.") from None
        raise _damaged("it is cut short" if len(block) < _BLOCK else "a header is none") from None
    known = info.name in (MANIFEST, _DIGEST) or _NAME.fullmatch(info.name)
    if info.type != tarfile.REGTYPE or info.linkname or info.size < 0 or not known:
        if at == 0:
            raise PeerError("restore_file", "This file is not a backup of Hustings.")
        raise _damaged(f"it holds {ascii(info.name)[:80]}, which no backup does")
    return Slot(info.name, at + _BLOCK, info.size)


def _head(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    return info.tobuf(tarfile.GNU_FORMAT, "ascii", "strict")  # for sizes beyond 8 GiB


def _write(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        done = os.pwrite(fd, view, offset)
        view, offset = view[done:], offset + done


def _damaged(what: str) -> PeerError:
    return PeerError("restore_damaged", f"This backup is damaged: {what}. Take another one.")
