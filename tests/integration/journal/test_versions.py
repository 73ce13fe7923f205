"""Journals of every format ever written are read for ever. Never change or remove a fixture."""

import shutil
from pathlib import Path

import pytest

from hustings.journal.auditing import audit_file
from hustings.journal.keys import read_public
from hustings.journal.reader import JournalReader
from hustings.journal.records import READERS, VERSION
from hustings.wire import kinds
from tests.fakes.journals import ROOM, begin, open_journal

DATA = Path(__file__).parents[2] / "data"

# version -> entries, head
KNOWN = {1: (54, "69320ce047e4ec3ad178762af42164a0b6fda8cbbee4dfc97fb8f33ad575ad6b")}


def test_every_version_has_its_fixture_and_its_reader():
    assert set(READERS) == set(KNOWN)
    assert max(KNOWN) == VERSION


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_an_old_journal_verifies(version):
    folder = DATA / f"journal-v{version}"
    entries, head = KNOWN[version]
    public = read_public(str(folder / "key.vkey"))
    report = audit_file(folder / "journal", public=public, head=bytes.fromhex(head))
    assert report.findings == []
    assert (report.entries, report.head, report.erased) == (entries, head, 1)


@pytest.mark.parametrize("version", sorted(KNOWN))
def test_an_old_journal_is_read_and_continued(version, tmp_path):
    entries, head = KNOWN[version]
    shutil.copytree(DATA / f"journal-v{version}", tmp_path / ROOM)
    with JournalReader(tmp_path / ROOM) as reader:
        found = list(reader.parts(0, 99))
    assert [p.media_time // 15_360 for p in found] == list(range(36))
    assert found[20].decode(kinds.Part).renditions["opus"][0] == (20).to_bytes(4, "big") * 5
    journal = open_journal(tmp_path)
    assert (journal.size, journal.head.hex()) == (entries, head)
    assert (journal.recovered.next_part, journal.recovered.term) == (36, 2)
    assert journal.recovered.snapshot.room.title == "Evening"
    begin(journal)
    journal.close()
    assert audit_file(tmp_path / ROOM / "journal").ok
