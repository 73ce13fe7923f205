"""Parts whose bodies go: from the feed at once, from the disk soon, and everything verifies."""

import asyncio
import shutil
import threading

import msgspec
import pytest

from hustings.journal.auditing import audit_file
from hustings.journal.entry import Entry, Visibility
from hustings.journal.records import RecordReader
from hustings.journal.stream import feed_records
from hustings.stage.erasing import Eraser, Stretch, Withdrawn
from hustings.wire import kinds
from tests.fakes.journals import KEY, ROOM, begin, open_journal, speak


def numbers(records):
    """Part numbers with and without a body."""
    parts = [r for r in records if isinstance(r, Entry) and r.kind == kinds.PART]
    having = [r.decode(kinds.Part).n for r in parts if r.body is not None]
    return having, [r.media_time // 15_360 for r in parts if r.body is None]


async def follow(journal, until_seq):
    reader, found = RecordReader(), []
    async for data in feed_records(journal, from_seq=0):
        found += reader.feed(data)
        if any(isinstance(r, Entry) and r.seq >= until_seq for r in found):
            return found
    return found


@pytest.fixture
def journal(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(400), snapshot_every=100)
    yield journal
    journal.close()


@pytest.mark.parametrize("flushed", [True, False])
async def test_withheld_parts_go_out_bare_before_the_disk_knows(journal, flushed):
    if flushed:
        journal.flush()
    journal.withhold(120, 150)
    having, bare = numbers(await follow(journal, journal.size - 1))
    assert bare == list(range(120, 151))
    assert having == [*range(120), *range(151, 400)]


async def test_what_waits_for_a_slow_follower_goes_out_bare(journal):
    feed = feed_records(journal, from_seq=journal.size, after=journal.head)
    await anext(feed)
    speak(journal, range(400, 410))  # no chance to send it in between
    journal.withhold(404, 500)
    journal.append(kinds.DUMP, kinds.Dump(404, 500), media_time=0)
    reader, found = RecordReader(first_line=False), []
    while not found or not (isinstance(found[-1], Entry) and found[-1].kind == kinds.DUMP):
        found += reader.feed(await asyncio.wait_for(anext(feed), 10))
    having, bare = numbers(found)
    assert (having, bare) == (list(range(400, 404)), list(range(404, 410)))
    await feed.aclose()


def test_a_stretch_is_gone_from_the_disk_and_all_verifies(journal, tmp_path):
    before = (tmp_path / ROOM / "journal").stat().st_size
    assert journal.erase_parts(50, 249) == 200
    assert journal.erase_parts(50, 249) == 0
    with journal.reader() as reader:
        bare = [e.media_time // 15_360 for e in reader.parts(0, 399) if e.body is None]
    assert bare == list(range(50, 250))
    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public, head=journal.head)
    assert (report.ok, report.erased) == (True, 200)
    assert (tmp_path / ROOM / "journal").stat().st_size >= before
    assert not (tmp_path / ROOM / "journal.erase").exists()


def test_the_eraser_works_off_the_callers_thread_and_tells_what_is_pending(journal):
    eraser = Eraser(journal)
    eraser.erase(Stretch(10, 20))
    eraser.erase(Stretch(30, 40))
    eraser.close()
    with journal.reader() as reader:
        bare = {e.media_time // 15_360 for e in reader.parts(0, 399) if e.body is None}
    assert bare | {n for each in eraser.pending for n in range(each[0], each[1] + 1)} == {
        *range(10, 21),
        *range(30, 41),
    }


def test_an_eraser_that_is_abandoned_stops_trying(tmp_path):
    journal = open_journal(tmp_path)
    shutil.rmtree(journal.folder)
    eraser = Eraser(journal)
    eraser.erase(Stretch(0, 3))
    eraser.erase(Stretch(5, 9))
    eraser.abandon()
    eraser.close()
    assert eraser.pending == []
    assert f"erase {ROOM}" not in {thread.name for thread in threading.enumerate()}
    journal.close()


def test_an_erasure_of_many_that_a_crash_interrupted_is_finished(tmp_path):
    journal = open_journal(tmp_path)
    speak(journal, range(100))
    journal.flush()
    room = tmp_path / ROOM
    shutil.copy(room / "journal", room / "whole")
    journal.erase_parts(50, 60)
    journal.close()
    erased = (room / "journal").read_bytes()
    with journal.reader() as reader:
        found = [f for f, e in reader.records() if isinstance(e, Entry) and e.body is None]
    intents = [{"offset": f.offset, "record": erased[f.offset : f.end]} for f in found]
    whole = (room / "whole").read_bytes()
    torn = whole + erased[len(whole) :]  # nothing overwritten yet, but written down
    (room / "journal").write_bytes(torn)
    (room / "journal.erase").write_bytes(msgspec.msgpack.encode(intents))
    open_journal(tmp_path).close()
    assert (room / "journal").read_bytes()[: len(erased)] == erased


def sing(journal, parts, *who):
    """Parts with the own tracks of some people behind each."""
    for n in parts:
        at = n * 15_360
        journal.append(kinds.PART, kinds.Part(n, {"opus": [b"mix "] * 16}), media_time=at)
        for each in who:
            track = kinds.Track(n, each, [each.encode()] * 16)
            journal.append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)


def tracks_on_file(journal):
    """(participant, part) of the tracks that have a body; how many have none."""
    with journal.reader() as reader:
        entries = [e for e in reader.entries() if e.kind == kinds.TRACK]
    whole = [e.decode(kinds.Track) for e in entries if e.body is not None]
    return {(each.who, each.n) for each in whole}, len(entries) - len(whole)


def test_a_stretch_takes_the_tracks_along(tmp_path):
    journal = open_journal(tmp_path)
    sing(journal, range(200), "ada", "ben", "kim")  # so that the index has marks among them
    assert journal.erase_parts(50, 149) == 100 * 4
    assert journal.erase_parts(50, 149) == 0
    having, bare = tracks_on_file(journal)
    assert {n for _, n in having} == {*range(50), *range(150, 200)}
    assert bare == 300
    journal.close()
    assert audit_file(tmp_path / ROOM / "journal", public=KEY.public).ok


def test_one_persons_track_goes_as_far_as_it_was_withdrawn(tmp_path):
    journal = open_journal(tmp_path)
    sing(journal, range(100), "ada", "ben")
    size = journal.size
    sing(journal, range(100, 120), "ada")  # she agreed again
    assert journal.erase_tracks("ada", size) == 100
    assert journal.erase_tracks("ada", size) == journal.erase_tracks("nobody", size) == 0
    having, bare = tracks_on_file(journal)
    assert having == {("ben", n) for n in range(100)} | {("ada", n) for n in range(100, 120)}
    assert bare == 100
    with journal.reader() as reader:
        assert all(entry.body is not None for entry in reader.parts(0, 119))
    journal.close()
    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public)
    assert (report.ok, report.erased) == (True, 100)


async def test_no_reader_of_the_feed_has_ever_a_track(journal):
    sing(journal, range(400, 410), "ada")
    found = await follow(journal, journal.size - 1)
    live = feed_records(journal, from_seq=journal.size, after=journal.head)
    await anext(live)
    sing(journal, range(410, 412), "ada")
    reader = RecordReader(first_line=False)
    while sum(isinstance(r, Entry) and r.kind == kinds.TRACK for r in found) < 12:
        found += reader.feed(await asyncio.wait_for(anext(live), 10))
    await live.aclose()
    assert all(r.body is None for r in found if isinstance(r, Entry) and r.kind == kinds.TRACK)


def test_a_withdrawal_that_was_not_finished_is_pending_and_resumed(tmp_path, monkeypatch):
    journal = open_journal(tmp_path)
    sing(journal, range(30), "ada", "ben")
    eraser, go = Eraser(journal), threading.Event()
    erase = journal.erase_tracks
    monkeypatch.setattr(journal, "erase_tracks", lambda *what: go.wait(10) and erase(*what))
    eraser.erase(Withdrawn("ada", journal.size))
    eraser.erase(Stretch(3, 4))
    pending = msgspec.msgpack.decode(msgspec.msgpack.encode(eraser.pending))  # as snapshots do
    assert pending == [["ada", journal.size], [3, 4]]
    go.set()
    eraser.close()
    again = Eraser(journal)
    again.resume(pending)
    for _ in range(400):
        if not again.pending:
            break
        threading.Event().wait(0.025)
    again.close()
    having, _ = tracks_on_file(journal)
    assert having == {("ben", n) for n in range(30) if n not in {3, 4}}
    journal.close()
