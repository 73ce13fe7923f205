"""The journal on a real disk: writing, reopening, damage, erasing, the lock."""

import errno
import os
import threading

import msgspec
import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import NotFound, OperatorError, UserError
from hustings.journal.auditing import audit_file
from hustings.journal.chain import Chain
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import Entry, Visibility
from hustings.journal.records import FIRST_LINE, FRAME_BYTES, RecordReader
from hustings.journal.scan import Scanner
from hustings.wire import kinds
from tests.fakes.journals import KEY, ROOM, STRANGER, begin, open_journal, speak, take_snapshot


def records(path):
    """Offsets of all whole records."""
    data = path.read_bytes()
    scanner = Scanner(lambda n, at: data[at : at + n], len(FIRST_LINE), len(data))
    found = []
    while here := scanner.next():
        found.append(here)
    return found


def flip(path, offset):
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def path(tmp_path):
    return tmp_path / ROOM / "journal"


def written(tmp_path, parts=30, **how):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(parts), **how)
    journal.close()
    return journal


def test_what_was_written_is_the_protocols_bytes(tmp_path, path):
    journal = written(tmp_path)
    found = RecordReader().feed(path.read_bytes())
    chain = Chain()
    checked = 0
    for item in found:
        if isinstance(item, Entry):
            chain.take(item)
        else:
            assert isinstance(item, Checkpoint)
            assert item.is_signed_by(KEY.public)
            assert chain.agrees(item)
            checked += 1
    assert (chain.size, chain.head) == (journal.size, journal.head)
    assert checked == 10
    assert found[-1].size == journal.size


def test_a_journal_reopens_at_its_last_snapshot(tmp_path):
    before = written(tmp_path, 130, snapshot_every=50)
    journal = open_journal(tmp_path)
    again = journal.recovered
    assert (journal.size, journal.head) == (before.size, before.head)
    assert again.snapshot.part == 100
    assert again.snapshot.private == {"hands": ["h1"]}
    assert [p.id for p in again.snapshot.roster] == ["ann", "bob"]
    assert again.entries[0].seq == again.snapshot.size + 1
    assert again.entries[-1].seq == before.size - 1
    assert (again.next_part, again.term, again.cut_bytes) == (130, 1, 0)
    begin(journal)
    journal.close()
    third = open_journal(tmp_path)
    assert third.recovered.term == 2
    third.close()


def test_the_public_snapshot_says_nothing_private(tmp_path):
    journal = open_journal(tmp_path)
    stage, public = journal.snapshot(
        media_time=0,
        room=kinds.Room(ROOM, "Evening"),
        roster=[kinds.Participant("bob", "Bob", "speaker")],
        speaking=[],
        term=1,
        part=0,
        private={"revoked": ["x"]},
    )
    journal.close()
    assert (stage.visibility, public.visibility) == (Visibility.STAGE, Visibility.PUBLIC)
    assert public.decode(kinds.Snapshot).roster == []
    assert public.decode(kinds.Snapshot).private == {}
    assert (stage.decode(kinds.Snapshot).size, public.decode(kinds.Snapshot).size) == (0, 1)


def test_a_start_at_hour_four_reads_as_little_as_one_at_minute_four(tmp_path):
    read = []
    journal = open_journal(tmp_path)
    done = 0
    for parts in (750, 9_000):  # 4 minutes and 48 minutes of parts, 188 to the minute
        speak(journal, range(done, parts), snapshot_every=188, frame_bytes=200)
        done = parts
        journal.close()
        journal = open_journal(tmp_path)
        read.append(journal.recovered.bytes_read)
    assert (tmp_path / ROOM / "journal").stat().st_size > 25_000_000
    journal.close()
    minute = 188 * 16 * 210
    assert all(size < 2 * minute for size in read), read


@pytest.mark.parametrize("keep", [1, 5, FRAME_BYTES, 60])
def test_a_torn_end_is_cut_and_kept_aside(tmp_path, path, keep):
    journal = written(tmp_path)
    last = records(path)[-1]
    torn = path.read_bytes()[last.offset : last.offset + keep]
    os.truncate(path, last.offset + keep)
    again = open_journal(tmp_path)
    assert again.recovered.cut_bytes == keep
    assert again.size == journal.size  # the last record was a checkpoint
    (aside,) = path.parent.glob("journal.torn-*")
    assert aside.read_bytes() == torn
    again.close()
    third = open_journal(tmp_path)
    assert third.recovered.cut_bytes == 0
    third.close()


@pytest.mark.parametrize("keep", [0, 1, 16, 18])
def test_a_file_torn_in_its_first_line_begins_anew(tmp_path, path, keep):
    path.parent.mkdir()
    path.write_bytes(FIRST_LINE[:keep])
    journal = open_journal(tmp_path)
    assert journal.size == 0
    journal.close()
    assert path.read_bytes().startswith(FIRST_LINE)


def test_a_flipped_bit_in_a_body_costs_that_body_only(tmp_path, path):
    journal = written(tmp_path)
    victim = records(path)[20]
    flip(path, victim.end - 3)
    again = open_journal(tmp_path)
    assert (again.size, again.head) == (journal.size, journal.head)
    assert again.recovered.lost_bodies == 1
    assert again.recovered.cut_bytes == 0
    (bare,) = [e for e in again.recovered.entries if e.body is None]
    assert victim.payload[2:].startswith(bare.raw)
    again.close()


@pytest.mark.parametrize("byte", [1, 2, 3])
def test_a_flipped_bit_in_a_length_costs_that_body_only(tmp_path, path, byte):
    journal = written(tmp_path)
    flip(path, records(path)[20].offset + byte)
    again = open_journal(tmp_path)
    assert (again.size, again.head) == (journal.size, journal.head)
    assert (again.recovered.lost_bodies, again.recovered.cut_bytes) == (1, 0)
    again.close()


def test_a_damaged_checkpoint_is_stepped_over(tmp_path, path):
    journal = written(tmp_path)
    flip(path, next(r for r in records(path) if r.type == 2).end - 1)
    again = open_journal(tmp_path)
    assert (again.size, again.recovered.cut_bytes, again.recovered.lost_bodies) == (
        journal.size,
        0,
        0,
    )
    again.close()


def test_a_flipped_bit_in_a_header_cuts_the_file_there_and_keeps_the_rest_aside(
    tmp_path, path, caplog
):
    written(tmp_path)
    data = path.read_bytes()
    victim = records(path)[20]
    flip(path, victim.offset + FRAME_BYTES + 6)
    damaged = path.read_bytes()
    again = open_journal(tmp_path)
    (aside,) = path.parent.glob("journal.torn-*")
    assert aside.read_bytes() == damaged[victim.offset :]
    assert again.recovered.cut_bytes == len(data) - victim.offset
    begin(again)
    again.close()
    assert path.read_bytes()[: victim.offset] == data[: victim.offset]
    assert "could not be read and were moved" in caplog.text


def test_a_removed_entry_cuts_the_file_there_and_keeps_the_rest_aside(tmp_path, path, caplog):
    """Nobody but somebody with an editor does this: what follows it is not our chain any more."""
    written(tmp_path)
    victim = records(path)[20]
    data = path.read_bytes()
    path.write_bytes(data[: victim.offset] + data[victim.end :])
    again = open_journal(tmp_path)
    (aside,) = path.parent.glob("journal.torn-*")
    assert aside.read_bytes() == data[victim.end :]
    assert again.recovered.cut_bytes == len(data) - victim.end
    assert "are missing" in caplog.text
    begin(again)
    again.close()
    assert audit_file(path, public=KEY.public).ok


def test_an_erased_body_does_not_disturb_a_start(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(30), snapshot_every=12)
    journal.erase(journal.size - 2)
    with journal.reader() as reader:
        stage_snapshots = [e.seq for e in reader.entries() if e.kind == "snapshot" and e.visibility]
    journal.erase(stage_snapshots[-1])
    journal.close()
    again = open_journal(tmp_path)
    assert (again.size, again.head) == (journal.size, journal.head)
    assert again.recovered.snapshot.size == stage_snapshots[-2]
    assert sum(e.body is None for e in again.recovered.entries) == 2
    assert (again.recovered.lost_bodies, again.recovered.cut_bytes) == (0, 0)
    again.close()


def test_damage_before_the_last_snapshot_is_not_even_read(tmp_path, path):
    journal = written(tmp_path, 130, snapshot_every=50)
    flip(path, records(path)[10].offset + FRAME_BYTES + 6)
    again = open_journal(tmp_path)
    assert (again.size, again.recovered.cut_bytes) == (journal.size, 0)
    again.close()


def test_a_damaged_snapshot_sends_the_start_to_the_one_before(tmp_path, path):
    journal = written(tmp_path, 130, snapshot_every=50)
    seq = open_journal(tmp_path)
    at = seq.recovered.snapshot.size
    seq.close()
    with seq.reader() as reader:
        flip(path, reader.find(at)[0].end - 1)
    again = open_journal(tmp_path)
    assert again.recovered.snapshot.part == 50
    assert (again.size, again.recovered.lost_bodies) == (journal.size, 1)
    again.close()


@pytest.mark.parametrize("what", ["missing", "garbage", "stale", "foreign"])
def test_the_index_is_only_a_cache(tmp_path, path, what):
    journal = written(tmp_path, 130, snapshot_every=50)
    index = path.with_name("journal.index")
    if what == "missing":
        index.unlink()
    elif what == "garbage":
        index.write_bytes(os.urandom(5_001))
    elif what == "stale":
        os.truncate(index, 80)
    else:
        other = tmp_path / "other"
        written(other, 300, snapshot_every=40)
        index.write_bytes((other / ROOM / "journal.index").read_bytes())
    again = open_journal(tmp_path)
    assert (again.size, again.head, again.recovered.next_part) == (journal.size, journal.head, 130)
    assert again.recovered.snapshot.part == 100
    assert again.recovered.entries[0].seq == again.recovered.snapshot.size + 1
    assert again.recovered.entries[-1].seq == journal.size - 1
    with again.reader() as reader:
        assert [e.seq for e in reader.entries(70, 75)] == list(range(70, 76))
        assert [e.media_time // 15_360 for e in reader.parts(99, 101)] == [99, 100, 101]
    again.close()
    third = open_journal(tmp_path)
    assert third.recovered.snapshot.part == 100
    third.close()


def test_something_else_is_not_overwritten(tmp_path, path):
    path.parent.mkdir()
    path.write_bytes(b"RIFF precious wave file")
    with pytest.raises(OperatorError) as caught:
        open_journal(tmp_path)
    assert caught.value.code == "journal_foreign"
    assert path.read_bytes() == b"RIFF precious wave file"


def test_a_newer_format_is_not_touched(tmp_path, path):
    path.parent.mkdir()
    path.write_bytes(b"HUSTINGS-JOURNAL 2\n\x00")
    with pytest.raises(OperatorError, match="format 2"):
        open_journal(tmp_path)


def test_a_journal_has_one_writer(tmp_path):
    journal = open_journal(tmp_path)
    with pytest.raises(OperatorError) as caught:
        open_journal(tmp_path)
    assert caught.value.code == "journal_locked"
    assert str(os.getpid()) in caught.value.title
    journal.close()
    open_journal(tmp_path).close()


def test_another_key_is_told(tmp_path, caplog):
    written(tmp_path)
    open_journal(tmp_path, key=STRANGER).close()
    assert "signed with another key" in caplog.text


def test_an_erased_body_is_gone_from_the_disk_and_all_else_holds(tmp_path, path):
    journal = open_journal(tmp_path)
    begin(journal)
    secret = journal.append("note", {"text": "the secret sentence"}, media_time=0)
    speak(journal, range(9))
    journal.flush()
    before = path.read_bytes()
    assert b"the secret sentence" in before
    journal.erase(secret.seq)
    journal.erase(secret.seq)
    after = path.read_bytes()
    assert len(after) == len(before)
    assert b"the secret sentence" not in after
    assert secret.nonce not in after
    assert sorted(os.listdir(path.parent)) == ["journal", "journal.index", "journal.lock"]
    with pytest.raises(NotFound):
        journal.erase(10_000)
    journal.close()
    again = open_journal(tmp_path)
    assert (again.size, again.recovered.lost_bodies, again.recovered.cut_bytes) == (
        journal.size,
        0,
        0,
    )
    again.close()


def test_an_erasure_that_a_crash_interrupted_is_finished(tmp_path, path):
    journal = open_journal(tmp_path)
    secret = journal.append("note", {"text": "the secret sentence"}, media_time=0)
    speak(journal, range(9))
    journal.flush()
    whole = path.read_bytes()
    journal.erase(secret.seq)
    journal.close()
    erased = path.read_bytes()
    found = records(path)[0]
    half = (found.end + found.offset) // 2
    note = {"offset": found.offset, "record": erased[found.offset : found.end]}
    path.with_name("journal.erase").write_bytes(msgspec.msgpack.encode(note))
    path.write_bytes(erased[:half] + whole[half : found.end] + erased[found.end :])
    open_journal(tmp_path).close()
    assert path.read_bytes() == erased
    assert not path.with_name("journal.erase").exists()


def test_appending_from_many_threads_keeps_one_chain(tmp_path):
    journal = open_journal(tmp_path)
    seen = []
    journal.subscribe(lambda record, item: seen.append(item.seq))

    def work(name):
        for n in range(200):
            journal.append("note", {"by": name, "n": n}, media_time=0)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert seen == list(range(800))
    again = open_journal(tmp_path)
    assert (again.size, again.head) == (800, journal.head)
    again.close()


def test_a_failing_subscriber_is_dropped_and_the_others_go_on(tmp_path, caplog):
    journal = open_journal(tmp_path)
    seen = []

    def fail(record, item):
        raise RuntimeError("of no use")

    journal.subscribe(fail)
    end = journal.subscribe(lambda record, item: seen.append(item.seq))
    journal.append("note", {}, media_time=0)
    journal.append("note", {}, media_time=0)
    end()
    journal.append("note", {}, media_time=0)
    journal.close()
    assert seen == [0, 1]
    assert caplog.text.count("is dropped") == 1


def test_an_entry_too_big_leaves_the_journal_as_it_was(tmp_path):
    journal = open_journal(tmp_path)
    with pytest.raises(UserError):
        journal.append("note", {"text": "x" * (1 << 20)}, media_time=0)
    assert journal.size == 0
    assert journal.append("note", {}, media_time=0).seq == 0
    journal.close()


def test_a_checkpoint_is_made_only_for_news(tmp_path):
    journal = open_journal(tmp_path)
    assert journal.checkpoint() is None
    journal.append("note", {}, media_time=0)
    assert journal.checkpoint().size == 1
    assert journal.checkpoint() is None
    journal.close()


def test_wall_time_is_the_clocks_even_when_it_steps(tmp_path):
    clock = ManualClock()
    journal = open_journal(tmp_path, clock=clock)
    first = journal.append("note", {}, media_time=0)
    clock.step_wall(-3_600)
    second = journal.append("note", {}, media_time=15_360)
    journal.close()
    assert second.header.wall_ms == first.header.wall_ms - 3_600_000
    again = open_journal(tmp_path, clock=clock)
    assert again.size == 2
    again.close()


def test_a_folder_that_cannot_be_made_is_the_operators(tmp_path):
    (tmp_path / ROOM).write_bytes(b"a file")
    with pytest.raises(OperatorError) as caught:
        open_journal(tmp_path)
    assert caught.value.code == "journal_folder"
    assert (
        os.strerror(errno.EEXIST) in caught.value.title or "Not a directory" in caught.value.title
    )


def test_snapshots_by_media_time(tmp_path):
    journal = open_journal(tmp_path)
    for part in (10, 20, 30):
        take_snapshot(journal, part=part)
    journal.flush()
    with journal.reader() as reader:
        assert [reader.snapshot_before(n * 15_360) for n in (5, 10, 25, 99)] == [0, 1, 3, 5]
    journal.close()
