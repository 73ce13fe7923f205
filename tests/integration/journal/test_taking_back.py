"""Parts whose bodies go: from the feed at once, from the disk soon, and everything verifies."""

import asyncio
import shutil
import threading

import msgspec
import pytest

from hustings.base.errors import OperatorError, TryLater
from hustings.journal import file as file_module
from hustings.journal.auditing import audit_file
from hustings.journal.entry import Entry, Visibility
from hustings.journal.records import RecordReader
from hustings.journal.stream import feed_records
from hustings.stage import erasing
from hustings.stage.erasing import Eraser, Stretch, Withdrawn
from hustings.wire import kinds
from tests.fakes.journals import KEY, ROOM, begin, open_journal, speak


class Gate:
    """A method of the journal that waits at its door; `asked` is what it was called for."""

    def __init__(self, method):
        self.asked, self._method = [], method
        self._reached, self._open = threading.Event(), threading.Event()

    def __call__(self, *what, **more):
        self.asked.append([each for each in what if not callable(each)])
        self._reached.set()
        assert self._open.wait(10)
        return self._method(*what, **more)

    def reached(self):
        assert self._reached.wait(10)

    def open(self):
        self._open.set()


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
    eraser, gate = Eraser(journal), Gate(journal.erase_tracks)
    monkeypatch.setattr(journal, "erase_tracks", gate)
    eraser.erase(Withdrawn("ada", journal.size))
    gate.reached()
    eraser.erase(Stretch(3, 4))
    pending = msgspec.msgpack.decode(msgspec.msgpack.encode(eraser.pending))  # as snapshots do
    assert pending == [["ada", journal.size], [3, 4]]
    gate.open()
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


def test_stretches_go_first_and_of_one_persons_withdrawals_the_last_is_enough(
    tmp_path, monkeypatch
):
    journal = open_journal(tmp_path)
    sing(journal, range(30), "ada", "ben")
    eraser, gate = Eraser(journal), Gate(journal.erase_tracks)
    monkeypatch.setattr(journal, "erase_tracks", gate)
    eraser.erase(Withdrawn("ben", 9))
    gate.reached()
    for before in (20, 60, 40):
        eraser.erase(Withdrawn("ada", before))
    eraser.erase(Stretch(3, 4))
    assert eraser.pending == [("ben", 9), (3, 4), ("ada", 60)]
    gate.open()
    _until_idle(eraser)
    assert [each[:2] for each in gate.asked] == [["ben", 9], ["ada", 60]]
    eraser.close()
    journal.close()


def test_what_was_erased_of_a_track_is_not_read_again(tmp_path, monkeypatch):
    journal = open_journal(tmp_path)
    sing(journal, range(30), "ada")
    eraser, gate = Eraser(journal), Gate(journal.erase_tracks)
    monkeypatch.setattr(journal, "erase_tracks", gate)
    gate.open()
    first = journal.size
    eraser.erase(Withdrawn("ada", first))
    _until_idle(eraser)
    sing(journal, range(30, 35), "ada")
    eraser.erase(Withdrawn("ada", journal.size))
    _until_idle(eraser)
    assert gate.asked == [["ada", first, 0], ["ada", journal.size, first]]
    assert tracks_on_file(journal) == (set(), 35)
    eraser.close()
    journal.close()


def _until_idle(eraser):
    for _ in range(400):
        if not eraser.pending:
            return
        threading.Event().wait(0.025)
    raise AssertionError(eraser.pending)


def test_an_eraser_that_is_stopped_writes_nothing_more(journal):
    asked = []

    def stop():
        asked.append(None)
        return len(asked) > 2

    with pytest.raises(TryLater) as stopped:
        journal.erase_parts(0, 399, stop)
    assert stopped.value.code == "erasing_stopped"
    with journal.reader() as reader:
        bare = [e for e in reader.parts(0, 399) if e.body is None]
    assert len(bare) == 2 * 64
    assert journal.erase_parts(0, 399) == 400 - 2 * 64


def test_who_abandons_and_closes_an_eraser_has_waited_for_its_last_write(journal, monkeypatch):
    eraser, gate = Eraser(journal), Gate(file_module.erase_records)
    monkeypatch.setattr(file_module, "erase_records", gate)
    monkeypatch.setattr(erasing, "_CLOSE_S", 0.01)
    eraser.erase(Stretch(0, 399))
    gate.reached()
    eraser.abandon()
    closing = threading.Thread(target=eraser.close)
    closing.start()
    closing.join(0.2)  # many times as long as it waits for an eraser that goes on later
    assert closing.is_alive()
    gate.open()
    closing.join(10)
    assert not closing.is_alive()
    assert len(gate.asked) == 1  # of seven
    assert f"erase {ROOM}" not in {thread.name for thread in threading.enumerate()}


def test_nothing_is_erased_in_a_journal_that_took_the_place_of_the_one_that_was_read(
    tmp_path, monkeypatch
):
    journal = open_journal(tmp_path)
    speak(journal, range(10))
    journal.flush()
    path = tmp_path / ROOM / "journal"
    erase = file_module.erase_records

    def replaced(*what, **more):
        shutil.copy(path, path.with_name("new"))
        path.with_name("new").replace(path)
        return erase(*what, **more)

    monkeypatch.setattr(file_module, "erase_records", replaced)
    before = path.read_bytes()
    with pytest.raises(OperatorError) as refused:
        journal.erase_parts(0, 9)
    assert refused.value.code == "journal_replaced"
    assert path.read_bytes() == before
    assert not (tmp_path / ROOM / "journal.erase").exists()
    journal.close()
