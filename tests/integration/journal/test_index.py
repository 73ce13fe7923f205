"""The index finds places with few reads, and a damaged row only makes it less exact."""

import pytest

from hustings.journal.index import ROW_BYTES, Index, Mark


@pytest.fixture
def index(tmp_path):
    index = Index(tmp_path / "index", writable=True)
    for n in range(1_000):
        index.add(Mark(seq=n * 64, offset=n * 1_000, media_time=n * 15_360, part=n * 40))
    yield index
    index.close()


def test_lookups_find_the_last_mark_before(index):
    assert index.before_seq(0).seq == 0
    assert index.before_seq(6_399).seq == 6_336
    assert index.before_seq(6_400).seq == 6_400
    assert index.before_seq(10**9).seq == 63_936
    assert index.before_part(79).part == 40
    assert index.before_part(80).part == 80


def test_a_lookup_reads_the_logarithm(index):
    before = index.bytes_read
    index.before_seq(31_000)
    assert index.bytes_read - before <= 11 * ROW_BYTES


def test_a_damaged_row_sends_the_reader_further_back_never_astray(index, tmp_path):
    path = tmp_path / "index"
    data = bytearray(path.read_bytes())
    for row in range(0, 1_000, 3):
        data[row * ROW_BYTES + 5] ^= 1
    path.write_bytes(data)
    for seq in range(0, 64_000, 777):
        mark = index.before_seq(seq)
        assert mark is None or mark.seq <= seq
    assert [number for number, _ in index.backwards()][:3] == [998, 997, 995]


def test_an_index_that_is_not_there_is_empty(tmp_path):
    index = Index(tmp_path / "none", writable=False)
    assert len(index) == 0
    assert index.before_seq(5) is None
    index.close()
    assert not (tmp_path / "none").exists()


def test_a_reader_sees_rows_that_come_later(index, tmp_path):
    reader = Index(tmp_path / "index", writable=False)
    index.add(Mark(64_000, 1_000_000, 0, 40_000))
    assert reader.before_seq(70_000).seq == 64_000
    reader.close()


def test_a_row_torn_by_a_crash_is_overwritten(index, tmp_path):
    with (tmp_path / "index").open("ab") as file:
        file.write(b"half a row")
    again = Index(tmp_path / "index", writable=True)
    assert len(again) == 1_000
    again.add(Mark(64_000, 1_000_000, 0, 40_000))
    assert again.row(1_000).seq == 64_000
    again.close()
