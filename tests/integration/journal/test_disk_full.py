"""A disk that refuses: the room goes on, the chain stays whole, the loss is marked and told."""

import errno
import os
import resource
import threading
from contextlib import contextmanager

import pytest

from hustings.base.clock import ManualClock
from hustings.journal import disk as disk_module
from hustings.journal.auditing import audit_file
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.disk import Disk
from hustings.journal.entry import Entry
from hustings.journal.index import Index
from hustings.journal.records import RecordReader
from hustings.journal.stream import feed_records
from hustings.settings import JournalSettings
from hustings.wire import kinds
from hustings.wire.names import PART_SAMPLES
from tests.fakes.journals import KEY, ROOM, begin, open_journal, speak


@contextmanager
def files_end_at(size):
    """The kernel refuses writes behind this offset (EFBIG), whole or in part, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(disk_module, "RETRY_S", 0.05)


def wait_for(condition):
    for _ in range(400):
        if condition():
            return
        threading.Event().wait(0.025)
    raise AssertionError("did not happen within 10 s")


def test_a_short_time_without_disk_loses_nothing(tmp_path, caplog):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(20))
    journal.flush()
    size = (tmp_path / ROOM / "journal").stat().st_size
    with files_end_at(size + 1_000):  # the next batch is written in part, then refused
        speak(journal, range(20, 60))
        wait_for(lambda: not journal.health.ok)
        health = journal.health
        assert health.pending_bytes > 1_000
        assert health.problem in (os.strerror(errno.EFBIG), os.strerror(errno.ENOSPC))
        assert health.since_ms > 0
        speak(journal, range(60, 80))
    wait_for(lambda: journal.health.ok)
    journal.close()
    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public, head=journal.head)
    assert report.ok
    assert (report.erased, report.parts) == (0, 80)
    assert caplog.text.count("the disk refuses") == 1
    assert caplog.text.count("the disk takes records again") == 1


def test_beyond_the_bound_bodies_of_parts_go_and_a_gap_names_them(tmp_path):
    journal = open_journal(tmp_path, pending_bytes=400_000)
    begin(journal)
    journal.flush()
    size = (tmp_path / ROOM / "journal").stat().st_size
    heard = []
    journal.subscribe(lambda record, item: heard.append(item))
    with files_end_at(size):
        speak(journal, range(300), frame_bytes=400)
        wait_for(lambda: not journal.health.ok)
        health = journal.health
        assert 200 < health.dropped_parts < 300
        assert health.pending_bytes <= 400_000
    wait_for(lambda: journal.health.ok)
    journal.close()

    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public, head=journal.head)
    assert report.ok
    assert report.parts == 300
    assert report.erased == health.dropped_parts
    gone, gaps = set(), set()
    with journal.reader() as reader:
        for entry in reader.entries():
            if entry.kind == kinds.PART and entry.body is None:
                gone.add(entry.media_time // PART_SAMPLES)
            if entry.kind == kinds.GAP:
                gap = entry.decode(kinds.Gap)
                assert gap.reason == "disk"
                gaps |= set(range(gap.first, gap.last + 1))
    assert gone == gaps
    assert max(gone) < 299  # the oldest went, not the newest
    live = [i for i in heard if isinstance(i, Entry) and i.kind == kinds.PART]
    assert all(entry.body is not None for entry in live)  # followers heard everything


def test_own_tracks_go_before_any_part_does(tmp_path):
    journal = open_journal(tmp_path, pending_bytes=400_000)
    begin(journal)
    journal.flush()
    size = (tmp_path / ROOM / "journal").stat().st_size
    with files_end_at(size):
        for n in range(100):  # 1.6 kB a part, 4.8 kB of three tracks
            speak(journal, range(n, n + 1), frame_bytes=100)
            for who in ("ada", "ben", "kim"):
                track = kinds.Track(n, who, [b"voice" * 20] * 16)
                journal.append(kinds.TRACK, track, media_time=n * PART_SAMPLES)
        wait_for(lambda: not journal.health.ok)
        health = journal.health
        assert health.dropped_parts == 0
        assert 100 < health.dropped_tracks < 300
        speak(journal, range(100, 400), frame_bytes=100)
        health = journal.health
        assert health.dropped_tracks == 300
        assert 0 < health.dropped_parts < 400
        assert health.pending_bytes <= 400_000
    wait_for(lambda: journal.health.ok)
    journal.close()
    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public, head=journal.head)
    assert (report.ok, report.erased) == (True, 300 + health.dropped_parts)
    with journal.reader() as reader:
        entries = list(reader.entries())
    gaps = [e.decode(kinds.Gap) for e in entries if e.kind == kinds.GAP]
    parts = [e.media_time // PART_SAMPLES for e in entries if e.kind == "part" and e.body is None]
    assert sorted(n for gap in gaps for n in range(gap.first, gap.last + 1)) == parts
    assert [each.size for each in checkpoints(journal)][-1] == journal.size  # the newest stayed


def checkpoints(journal):
    with journal.reader() as reader:
        return [item for _, item in reader.records() if isinstance(item, Checkpoint)]


async def test_a_follower_can_join_while_the_disk_is_full(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(20))
    journal.flush()
    size = (tmp_path / ROOM / "journal").stat().st_size
    with files_end_at(size):
        speak(journal, range(20, 40))
        reader, found = RecordReader(), []
        async for data in feed_records(journal, from_seq=0):
            found += [i for i in reader.feed(data) if isinstance(i, Entry)]
            if len(found) >= journal.size:
                break
        assert [e.seq for e in found] == list(range(journal.size))
        assert all(e.body is not None for e in found if not e.visibility)
    journal.close()


def test_dev_full_is_a_full_disk_and_is_said_each_minute(tmp_path, caplog):
    clock = ManualClock()
    fd = os.open("/dev/full", os.O_RDWR)
    index = Index(tmp_path / "index", writable=True)
    disk = Disk(fd, 0, index, clock, JournalSettings(), folder=tmp_path)
    disk.start(0)
    disk.put(b"record", None)
    wait_for(lambda: not disk.health.ok)
    assert "No space left" in disk.health.problem
    assert caplog.text.count("Make room on the disk") == 1
    clock.advance(61)
    wait_for(lambda: caplog.text.count("Make room on the disk") == 2)
    assert not disk.flush(0.1)
    assert disk.close(0.2)
    assert "closed with 6 bytes that the disk refused" in caplog.text
    index.close()
    os.close(fd)


def test_closing_with_a_full_disk_leaves_a_journal_that_opens(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(20))
    journal.flush()
    kept = journal.size
    size = (tmp_path / ROOM / "journal").stat().st_size
    with files_end_at(size + 500):
        speak(journal, range(20, 30))
        wait_for(lambda: not journal.health.ok)
        journal.close(timeout_s=0.1)
    again = open_journal(tmp_path)
    assert again.size >= kept
    assert again.recovered.cut_bytes < 500
    again.close()
    assert audit_file(tmp_path / ROOM / "journal", public=KEY.public).ok
