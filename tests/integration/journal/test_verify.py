"""Verify finds every single change, names it, and says what it could not compare."""

import json
import os
import random

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from hustings.cli.main import main
from hustings.journal.auditing import audit_file, journals_in
from hustings.journal.checkpoint import make_checkpoint, read_checkpoint
from hustings.journal.entry import Header
from hustings.journal.merkle import Frontier
from hustings.journal.records import (
    BARE,
    CHECKPOINT,
    ENTRY,
    FIRST_LINE,
    checkpoint_record,
    frame,
    read_record,
)
from hustings.journal.scan import Scanner
from tests.fakes.journals import KEY, ROOM, STRANGER, begin, open_journal, speak


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A closed journal's file and its bytes, record by record."""
    folder = tmp_path_factory.mktemp("whole")
    journal = open_journal(folder)
    begin(journal)
    speak(journal, range(40), snapshot_every=15)
    journal.close()
    return folder / ROOM / "journal"


def split(data):
    """[(type, payload)] of a journal's bytes."""
    scanner = Scanner(lambda n, at: data[at : at + n], len(FIRST_LINE), len(data))
    found = []
    while here := scanner.next():
        found.append((here.type, here.payload))
    return found


def join(records):
    return FIRST_LINE + b"".join(frame(type_, payload) for type_, payload in records)


def header_of(record):
    length = int.from_bytes(record[1][:2], "big")
    return msgspec.msgpack.decode(record[1][2 : 2 + length], type=Header)


def with_header(record, **changes):
    """The entry record with another header, its CRC made anew."""
    length = int.from_bytes(record[1][:2], "big")
    raw = msgspec.msgpack.encode(msgspec.structs.replace(header_of(record), **changes))
    return record[0], len(raw).to_bytes(2, "big") + raw + record[1][2 + length :]


def with_body(record, at):
    """The entry record with one byte of nonce or body changed, its CRC made anew."""
    start = 2 + int.from_bytes(record[1][:2], "big")
    payload = bytearray(record[1])
    payload[start + at % (len(payload) - start)] ^= 1
    return record[0], bytes(payload)


def is_entry(record):
    return record[0] in (ENTRY, BARE)


@pytest.fixture(scope="module")
def check(whole, tmp_path_factory):
    """Write records to a file and audit it with the key, and the true head unless told not to."""
    path = tmp_path_factory.mktemp("tampered") / "journal"
    head = audit_file(whole).head

    def run(records, *, key=True, head_given=True):
        path.write_bytes(records if isinstance(records, bytes) else join(records))
        return audit_file(
            path,
            public=KEY.public if key else None,
            head=bytes.fromhex(head) if head_given else b"",
        )

    return run


def single(report):
    """The only finding."""
    assert [(f.code, f.seq) for f in report.findings] == [
        (f.code, f.seq) for f in report.findings[:1]
    ], report.findings
    return report.findings[0].code, report.findings[0].seq


def test_a_whole_journal_is_whole(whole, check):
    report = check(whole.read_bytes())
    assert report.ok
    assert report.findings == []
    assert report.not_compared == []
    assert (report.room, report.parts, report.erased) == (ROOM, 40, 0)
    records = split(whole.read_bytes())
    assert report.entries == sum(map(is_entry, records))
    assert report.checkpoints == len(records) - report.entries


@given(st.data())
def test_F33_a_changed_body_is_named(whole, check, data):
    records = split(whole.read_bytes())
    k = data.draw(st.sampled_from([i for i, r in enumerate(records) if is_entry(r)]))
    seq = header_of(records[k]).seq
    records[k] = with_body(records[k], data.draw(st.integers(0, 10_000)))
    assert single(check(records)) == ("edited", seq)


CHANGES = {
    "media_time": lambda h: h.media_time + 1,
    "wall_ms": lambda h: h.wall_ms - 1,
    "kind": lambda h: h.kind + "x",
    "visibility": lambda h: h.visibility + 1,
    "prev": lambda h: bytes(reversed(h.prev[:-1])) + b"\x07",
    "digest": lambda h: bytes(reversed(h.digest[:-1])) + b"\x07",
    "seq": lambda h: h.seq + 3,
}


@given(st.data(), st.sampled_from(sorted(CHANGES)))
def test_a_changed_header_is_named(whole, check, data, field):
    records = split(whole.read_bytes())
    places = [i for i, r in enumerate(records) if is_entry(r)]
    k = data.draw(st.sampled_from(places[:-1]))
    old = header_of(records[k])
    records[k] = with_header(records[k], **{field: CHANGES[field](old)})
    assert single(check(records)) == ("edited", old.seq)


@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a_changed_last_header_does_not_pass(whole, check, field):
    records = split(whole.read_bytes())
    k = max(i for i, r in enumerate(records) if is_entry(r))
    records[k] = with_header(records[k], **{field: CHANGES[field](header_of(records[k]))})
    assert not check(records, head_given=False).ok


@given(st.data())
def test_F33_a_removed_entry_is_named(whole, check, data):
    records = split(whole.read_bytes())
    k = data.draw(st.sampled_from([i for i, r in enumerate(records) if is_entry(r)]))
    seq = header_of(records[k]).seq
    del records[k]
    assert single(check(records, head_given=False)) == ("removed", seq)


@given(st.data())
def test_removed_ranges_are_named(whole, check, data):
    records = split(whole.read_bytes())
    a = data.draw(st.integers(0, len(records) - 2))
    b = data.draw(st.integers(a + 1, len(records) - 1))  # the last checkpoint stays
    gone = [header_of(r).seq for r in records[a:b] if is_entry(r)]
    report = check(records[:a] + records[b:], head_given=False)
    if not gone:  # a missing checkpoint hides nothing: the next one covers the same
        assert report.ok
    else:
        (finding,) = report.findings
        assert (finding.code, finding.seq) == ("removed", gone[0])


@given(st.data())
def test_an_entry_moved_elsewhere_does_not_pass(whole, check, data):
    records = split(whole.read_bytes())
    places = [i for i, r in enumerate(records) if is_entry(r)]
    a = data.draw(st.sampled_from(places))
    b = data.draw(st.integers(0, len(records) - 1))
    moved = records.pop(a)
    order_before = [header_of(r).seq for r in split(whole.read_bytes()) if is_entry(r)]
    records.insert(b, moved)
    order = [header_of(r).seq for r in records if is_entry(r)]
    report = check(records)
    assert report.ok == (records == split(whole.read_bytes()))
    if order != order_before:
        assert "reordered" in report.counts
    assert not {"edited", "removed", "cut"} & set(report.counts)


def test_F33_two_neighbours_swapped_are_one_finding(whole, check):
    records = split(whole.read_bytes())
    k = next(i for i, r in enumerate(records) if is_entry(r) and i > 5 and is_entry(records[i + 1]))
    seq = header_of(records[k]).seq
    records[k], records[k + 1] = records[k + 1], records[k]
    assert single(check(records)) == ("reordered", seq)


@given(st.data())
def test_an_entry_put_in_twice_is_named(whole, check, data):
    records = split(whole.read_bytes())
    k = data.draw(st.sampled_from([i for i, r in enumerate(records) if is_entry(r)]))
    at = data.draw(st.integers(k + 1, len(records)))
    records.insert(at, records[k])
    assert single(check(records)) == ("repeated", header_of(records[k]).seq)


@given(st.data())
def test_F33_a_cut_end_is_seen_with_a_kept_head(whole, check, data):
    records = split(whole.read_bytes())
    last = max(i for i, r in enumerate(records) if is_entry(r))
    kept = data.draw(st.integers(0, last))
    report = check(records[:kept])
    assert single(report)[0] == "cut"
    blind = check(records[:kept], head_given=False)
    assert blind.ok
    assert any("cut off" in what for what in blind.not_compared)


@given(st.data())
def test_a_cut_inside_a_record_is_torn(whole, check, data):
    raw = whole.read_bytes()
    size = data.draw(st.integers(len(FIRST_LINE), len(raw) - 1))
    report = check(raw[:size], head_given=False)
    ends = {len(FIRST_LINE)}
    at = len(FIRST_LINE)
    for type_, payload in split(raw):
        at += len(frame(type_, payload))
        ends.add(at)
    if size in ends:
        assert report.ok
    else:
        assert single(report) == ("torn", -1)


@given(st.data())
def test_one_flipped_bit_anywhere_does_not_pass(whole, check, data):
    raw = bytearray(whole.read_bytes())
    bit = data.draw(st.integers(len(FIRST_LINE) * 8, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    report = check(bytes(raw))
    assert not report.ok
    assert set(report.counts) <= {"damaged", "torn", "removed", "cut", "edited"}


def test_a_damaged_body_is_named_and_nothing_else(whole, check):
    raw = bytearray(whole.read_bytes())
    scanner = Scanner(lambda n, at: bytes(raw[at : at + n]), len(FIRST_LINE), len(raw))
    for _ in range(20):
        found = scanner.next()
    raw[found.end - 1] ^= 1
    report = check(bytes(raw))
    assert single(report) == ("damaged", header_of((found.type, found.payload)).seq)
    assert report.findings[0].offset == found.offset


def rewrite(records, change, key):
    """What somebody with the whole file can do: change entry `change`, chain and sign anew."""
    prev, tree, done = bytes(32), Frontier(), []
    for record in records:
        if is_entry(record):
            changes = {"wall_ms": 1} if header_of(record).seq == change else {}
            new = with_header(record, prev=prev, **changes)
            made = read_record(*new)
            tree.append(made.raw)
            prev = made.hash
            done.append(new)
        elif key is None:
            done.append(record)
        else:
            old = read_checkpoint(record[1])
            signed = make_checkpoint(
                room=old.room,
                size=old.size,
                root=tree.root(),
                head=prev,
                wall_ms=old.wall_ms,
                public=key.public_raw,
                sign=key.sign,
            )
            done.append((CHECKPOINT, signed.note.encode()))
    return done


def test_a_chain_made_anew_without_the_key_is_seen(whole, check):
    records = rewrite(split(whole.read_bytes()), 30, None)
    report = check(records, key=False, head_given=False)
    assert not report.ok
    (finding, *_) = report.findings
    assert finding.code == "rewritten"
    assert "30" in finding.said or finding.seq <= 30
    assert report.counts["rewritten"] > 1  # counted, not listed again and again
    assert len(report.findings) == 1


def test_a_chain_made_anew_with_another_key_is_seen_by_the_key_or_a_head(whole, check):
    records = rewrite(split(whole.read_bytes()), 30, STRANGER)
    assert "foreign_key" in check(records, head_given=False).counts
    assert "cut" in check(records, key=False).counts


def test_a_changed_checkpoint_is_seen(whole, check):
    records = split(whole.read_bytes())
    k = next(i for i, r in enumerate(records) if r[0] == CHECKPOINT)
    note = records[k][1].replace(b"time 18", b"time 17")
    records[k] = (CHECKPOINT, note)
    code, _ = single(check(records))
    assert code == "signature"
    assert check(records, key=False).ok  # the time of a checkpoint is only in its signature


def test_another_rooms_checkpoint_is_seen(whole, check):
    records = split(whole.read_bytes())
    k = max(i for i, r in enumerate(records) if r[0] == CHECKPOINT)
    records[k] = (CHECKPOINT, records[k][1].replace(ROOM.encode(), b"elsewhere"))
    assert "other_room" in check(records, key=False).counts


def test_erased_and_withheld_bodies_are_counted_and_fine(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    speak(journal, range(20))
    journal.erase(5)
    journal.erase(9)
    journal.close()
    report = audit_file(tmp_path / ROOM / "journal", public=KEY.public, head=journal.head)
    assert report.ok
    assert report.erased == 2


def test_a_journal_being_written_is_not_called_torn(tmp_path):
    journal = open_journal(tmp_path)
    begin(journal)
    journal.checkpoint()
    journal.flush()
    path = tmp_path / ROOM / "journal"
    with path.open("ab") as file:
        file.write(b"\x00\x00\x10")  # as when the stage is in the middle of a write
    assert audit_file(path, public=KEY.public).ok
    journal.close()


# -------------------------------------------------------------------- the command


@pytest.fixture
def data(tmp_path):
    """A data folder with two rooms and the public key in three forms."""
    folder = tmp_path / "data"
    for room in ("one", "two"):
        journal = open_journal(folder / "journal" / room)
        begin(journal)
        speak(journal, range(12))
        journal.close()
    (folder / "vkey").write_text(KEY.vkey + "\n")
    (folder / "pem").write_bytes(
        KEY.public.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return folder


def test_paths_of_every_kind_are_understood(data):
    room = data / "journal" / "one" / ROOM
    assert journals_in(room / "journal") == [room / "journal"]
    assert journals_in(room) == [room / "journal"]
    assert journals_in(data / "journal" / "one") == [room / "journal"]
    assert len(journals_in(data)) == 2


def test_the_command_says_what_it_found_and_what_it_could_not_compare(data, capsys):
    path = data / "journal" / "one" / ROOM
    assert main(["verify", str(path)]) == 0
    said = capsys.readouterr().out
    assert "journal: whole" in said
    assert "not compared: whose signatures these are" in said
    assert "not compared: whether entries at the end were cut off" in said
    head = said.split("head ")[1][:64]
    for key in (KEY.vkey, str(data / "vkey"), str(data / "pem")):
        assert main(["verify", str(path), "--key", key, "--head", head]) == 0
        assert "not compared" not in capsys.readouterr().out


def test_the_command_fails_for_a_foreign_key_and_a_foreign_head(data, capsys):
    path = data / "journal" / "one" / ROOM
    assert main(["verify", str(path), "--key", STRANGER.vkey]) == 1
    said = capsys.readouterr().out
    assert "NOT WHOLE" in said
    assert "(foreign_key)" in said
    assert "more of the kind foreign_key" in said
    assert main(["verify", str(path), "--head", "ab" * 32]) == 1
    assert "(cut)" in capsys.readouterr().out


def test_a_head_may_be_a_kept_checkpoint(data, capsys):
    path = data / "journal" / "one" / ROOM / "journal"
    note = next(p for t, p in split(path.read_bytes()) if t == CHECKPOINT)
    (data / "kept").write_bytes(note)
    assert main(["verify", str(path), "--head", str(data / "kept")]) == 0
    assert "cut off" not in capsys.readouterr().out


def test_the_command_reports_as_json(data, capsys):
    os.truncate(data / "journal" / "two" / ROOM / "journal", 1_000)
    assert main(["verify", str(data), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert [j["ok"] for j in said["journals"]] == [True, False]
    (finding,) = said["journals"][1]["findings"]
    assert finding["code"] == "torn"


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere"],
        [".", "--key", "nonsense"],
        [".", "--head", "nonsense"],
        [".", "--head", "a" * 32],
    ],
)
def test_used_wrongly_is_two(data, capsys, monkeypatch, words):
    monkeypatch.chdir(data / "journal" / "one")
    assert main(["verify", *words]) == 2
    assert capsys.readouterr().err.startswith("hustings: ")


def test_one_head_cannot_be_of_two_journals(data, capsys):
    assert main(["verify", str(data), "--head", "ab" * 32]) == 2
    assert "name that one" in capsys.readouterr().err


def test_what_is_no_journal_is_named(tmp_path, capsys):
    (tmp_path / "song.wav").write_bytes(random.Random(1).randbytes(500))
    assert main(["verify", str(tmp_path / "song.wav")]) == 1
    assert "not a journal" in capsys.readouterr().err


def test_checkpoint_record_is_the_note(whole):
    record = next(r for r in split(whole.read_bytes()) if r[0] == CHECKPOINT)
    assert checkpoint_record(read_checkpoint(record[1])) == frame(*record)
