"""The scanner finds the next whole record behind any damage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.journal import scan
from hustings.journal.chain import Chain
from hustings.journal.records import Damaged, Incomplete, entry_record, frame
from hustings.journal.scan import Scanner
from tests.unit.journal.test_chain import grow

ENTRIES = grow(Chain(), 12)
RECORDS = [entry_record(entry) for entry in ENTRIES]
DATA = b"".join(RECORDS)
STARTS = [sum(map(len, RECORDS[:n])) for n in range(13)]


def scanner(data, start=0, end=None):
    return Scanner(lambda n, at: data[at : at + n], start, len(data) if end is None else end)


def walk(reader):
    found = []
    while here := reader.next():
        found.append(here.offset)
    return found


@pytest.mark.parametrize("block", [1, 10, 100, 1 << 18])
def test_records_come_in_order_whatever_the_block(monkeypatch, block):
    monkeypatch.setattr(scan, "_BLOCK", block)
    assert walk(scanner(DATA)) == STARTS[:-1]
    assert walk(scanner(DATA, start=STARTS[5])) == STARTS[5:-1]
    assert walk(scanner(DATA, end=STARTS[5])) == STARTS[:5]


def test_a_large_record_is_read_whole(monkeypatch):
    monkeypatch.setattr(scan, "_BLOCK", 64)
    large = frame(9, bytes(300_000))
    assert [f.end for f in iter(scanner(large + DATA[: STARTS[1]]).next, None)] == [
        len(large),
        len(large) + STARTS[1],
    ]


@given(st.integers(0, 10), st.data())
def test_damage_in_one_record_costs_that_one_only(number, data):
    damaged = bytearray(DATA)
    for place in data.draw(
        st.sets(st.integers(STARTS[number], STARTS[number + 1] - 1), min_size=1, max_size=20)
    ):
        damaged[place] ^= data.draw(st.integers(1, 255))
    reader = scanner(bytes(damaged))
    for _ in range(number):
        reader.next()
    with pytest.raises((Incomplete, Damaged)):
        reader.next()
    assert reader.at == STARTS[number]
    reader.salvage()
    assert walk(reader) == STARTS[number + 1 : -1]


def test_a_damaged_body_leaves_the_header():
    damaged = bytearray(DATA)
    damaged[STARTS[4] - 1] ^= 1
    reader = scanner(bytes(damaged), start=STARTS[3])
    with pytest.raises(Damaged):
        reader.next()
    assert reader.salvage() == ENTRIES[3].bare()


def test_nothing_whole_behind_is_a_torn_end():
    reader = scanner(DATA[: STARTS[1] - 1])
    with pytest.raises(Incomplete):
        reader.next()
    with pytest.raises(Incomplete):
        reader.salvage()
    assert reader.at == 0


def test_the_search_crosses_its_windows(monkeypatch):
    monkeypatch.setattr(scan, "_WINDOW", 64)
    reader = scanner(b"\xff" * 1_000 + DATA)
    with pytest.raises(Damaged):
        reader.next()
    assert reader.salvage() is None
    assert reader.at == 1_000
