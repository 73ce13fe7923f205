"""The file of a backup: what is written is read, and nothing else is ever believed."""

import io
import os
import tarfile

import pytest

from hustings.backup.archive import (
    MANIFEST,
    VERSION,
    Manifest,
    RoomLine,
    Writer,
    digest,
    pieces,
    read_archive,
)
from hustings.base.errors import PeerError

JOURNAL = "rooms/town-hall/journal"


def manifest(members, format_=VERSION, room="town-hall"):
    rooms = [RoomLine(room, 1, "")]
    return Manifest(format_, "1", 1, None, False, "", rooms, members)


@pytest.fixture
def fd(tmp_path):
    opened = os.open(tmp_path / "b.tar", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def written(fd, format_=VERSION):
    """A backup with a key and a journal of 600 bytes."""
    writer = Writer(fd)
    writer.add("keys/participant.key", b"k" * 64)
    slot = writer.begin(JOURNAL, 600)
    os.pwrite(fd, b"j" * 600, slot.start)
    writer.finish(lambda members: manifest(members, format_), lambda _: None)
    return os.pread(fd, os.fstat(fd).st_size, 0)


def refused(fd, data):
    os.ftruncate(fd, 0)
    os.pwrite(fd, data, 0)
    with pytest.raises(PeerError) as caught:
        read_archive(fd)
    return caught.value.code


def test_what_is_written_is_read_by_us_and_by_any_tar(fd):
    data = written(fd)
    said, slots = read_archive(fd)
    assert b"".join(pieces(fd, slots[JOURNAL])) == b"j" * 600
    assert [digest(fd, slots[m.name], lambda _: None) for m in said.members] == [
        m.sha256 for m in said.members
    ]
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.extractfile(JOURNAL).read() == b"j" * 600
        assert {member.mode for member in tar} == {0o600}


def test_a_member_that_is_voided_leaves_no_byte_and_may_be_written_again(fd):
    writer = Writer(fd)
    slot = writer.begin(JOURNAL, 600)
    os.pwrite(fd, b"secret" * 100, slot.start)
    writer.void(JOURNAL)
    writer.add(JOURNAL, b"new")
    writer.finish(manifest, lambda _: None)
    _, slots = read_archive(fd)
    assert b"".join(pieces(fd, slots[JOURNAL])) == b"new"
    assert b"secret" not in os.pread(fd, os.fstat(fd).st_size, 0)


def test_a_backup_that_is_cut_anywhere_is_refused(fd):
    data = written(fd)
    for size in range(0, len(data) - 1024, 97):
        assert refused(fd, data[:size]) in {"restore_damaged", "restore_file"}, size


def test_any_bit_that_is_turned_is_noticed(fd):
    data = written(fd)
    end = data.rindex(b"\x00ustar") + 512 + 64  # behind the last digest: padding
    for at in range(0, end, 7):
        changed = bytearray(data)
        changed[at] ^= 0x20
        os.ftruncate(fd, 0)
        os.pwrite(fd, bytes(changed), 0)
        try:
            said, slots = read_archive(fd)
        except PeerError:
            continue
        whole = all(digest(fd, slots[m.name], lambda _: None) == m.sha256 for m in said.members)
        inside = any(s.start <= at < s.start + s.size for s in slots.values())
        assert whole != inside, at  # else it is padding, or an owner's name


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "/etc/passwd",
        "rooms/../../x/journal",
        "rooms/a/b/journal",
        "rooms/.importing/journal",
        "rooms/town-hall/journal.lock",
        "keys/salt",
        "keys/../journal.pem",
        "hustings.sqlite",
    ],
)
def test_names_that_no_backup_has_are_refused(fd, name):
    assert refused(fd, written(fd)[:-1024] + entry(name) + bytes(1024)) == "restore_damaged"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_what_is_no_plain_file_is_refused(fd, kind):
    forged = entry("rooms/other/journal", kind=kind, link="/etc/passwd")
    assert refused(fd, written(fd)[:-1024] + forged + bytes(1024)) == "restore_damaged"


def test_a_member_twice_or_beside_the_manifest_is_refused(fd):
    data = written(fd)
    for name in (JOURNAL, "rooms/other/journal", MANIFEST):
        assert refused(fd, data[:-1024] + entry(name) + bytes(1024)) == "restore_damaged"


@pytest.mark.parametrize("room", ["other", "../town-hall", "/town-hall", "town-hall/."])
def test_a_manifest_that_names_other_rooms_than_are_there_is_refused(fd, room):
    writer = Writer(fd)
    writer.add(JOURNAL, b"j")
    writer.finish(lambda members: manifest(members, room=room), lambda _: None)
    assert refused(fd, os.pread(fd, os.fstat(fd).st_size, 0)) == "restore_damaged"


def test_a_newer_format_and_a_file_of_another_kind_are_named(fd):
    newer = written(fd, VERSION + 1)
    assert refused(fd, newer) == "restore_newer"
    assert refused(fd, b"SQLite format 3\x00" * 100) == "restore_file"
    assert refused(fd, entry("holiday.jpg") + bytes(1024)) == "restore_file"


def entry(name, *, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info.tobuf(tarfile.GNU_FORMAT)
