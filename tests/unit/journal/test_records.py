"""Records survive any cutting of the stream and show any damage."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import MAX_PAYLOAD, NO_HASH, Entry, Visibility, make_entry
from hustings.journal.records import (
    FIRST_LINE,
    Incomplete,
    Position,
    RecordReader,
    checkpoint_record,
    entry_record,
    frame,
    frame_at,
    position_record,
    read_first_line,
)
from tests.unit.journal.test_checkpoint import checkpoint


def entry(seq=0, visibility=Visibility.PUBLIC, body=b"\x81\xa1a\x01"):
    return make_entry(
        seq=seq,
        media_time=0,
        wall_ms=0,
        kind="note",
        visibility=visibility,
        prev=NO_HASH,
        nonce=b"n" * 16,
        body=body,
    )


STREAM = (
    FIRST_LINE
    + entry_record(entry(0))
    + frame(99, b"from the future")
    + checkpoint_record(checkpoint())
    + position_record(Position(48_000, 5, 2))
    + entry_record(entry(1), reader=-1)
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_however_the_bytes_are_cut_the_records_are_the_same(cuts):
    edges = [0, *sorted(cuts), len(STREAM)]
    reader = RecordReader()
    found = [r for a, b in pairwise(edges) for r in reader.feed(STREAM[a:b])]
    assert found == [entry(0), checkpoint(), Position(48_000, 5, 2), entry(1).bare()]


@given(st.integers(len(FIRST_LINE) * 8, len(STREAM) * 8 - 1))
def test_one_flipped_bit_never_gives_another_record(bit):
    data = bytearray(STREAM)
    data[bit // 8] ^= 1 << bit % 8
    whole = RecordReader().feed(STREAM)
    try:
        found = RecordReader().feed(bytes(data))
    except PeerError:
        return
    # a length that grew: the reader waits for more
    assert found == whole[: len(found)]
    assert len(found) < len(whole)


def test_a_withheld_body_leaves_a_bare_entry():
    private = entry(visibility=Visibility.STAGE, body=b"\x81\xa1a\xa6secret")
    record = entry_record(private, reader=Visibility.PUBLIC)
    assert b"secret" not in record
    assert b"n" * 16 not in record
    assert RecordReader(first_line=False).feed(record) == [private.bare()]
    assert RecordReader(first_line=False).feed(entry_record(private, reader=Visibility.STAGE)) == [
        private
    ]


def test_a_huge_length_is_damage_not_patience():
    with pytest.raises(PeerError) as caught:
        RecordReader(first_line=False).feed((MAX_PAYLOAD + 1).to_bytes(4, "big") + b"\x00" * 5)
    assert caught.value.code == "record_bad"


@pytest.mark.parametrize("payload", [b"", b"\x00", b"\x00\x09short", b"\xff\xff" + b"x" * 40])
def test_an_entry_shorter_than_it_says_is_refused(payload):
    with pytest.raises(PeerError) as caught:
        RecordReader(first_line=False).feed(frame(1, payload))
    assert caught.value.code == "record_bad"


def test_a_short_buffer_is_incomplete():
    with pytest.raises(Incomplete):
        frame_at(entry_record(entry())[:-1], 0)


def test_the_first_line_names_the_version():
    assert read_first_line(FIRST_LINE + b"rest") == (1, len(FIRST_LINE))
    for begun in (b"", b"HUST", b"HUSTINGS-JOURNAL ", b"HUSTINGS-JOURNAL 1"):
        with pytest.raises(Incomplete):
            read_first_line(begun)
    for other in (
        b"HUSTINGS-JOURNAL 2\n",
        b"RIFF....WAVE",
        b"HUSTINGS-JOURNAL x\n",
        b"HUSTINGS-JOURNAL " + b"1" * 40,
    ):
        with pytest.raises(PeerError) as caught:
            read_first_line(other)
        assert caught.value.code == "journal_version"


def test_the_kinds_of_record_are_told_apart_by_type():
    kinds = [type(record) for record in RecordReader().feed(STREAM)]
    assert kinds == [Entry, Checkpoint, Position, Entry]
