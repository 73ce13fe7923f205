"""Counting different ones without knowing whom."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.wire.sketch import ERROR, LARGEST, REGISTERS, Sketch, keyed

KEY = b"k" * 32
HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=200)


def sketch_of(values: list[int]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(HASHES, HASHES)
def test_the_sketch_of_both_is_what_merging_gives(one: list[int], other: list[int]) -> None:
    merged = sketch_of(one)
    merged.merge(sketch_of(other))
    both = sketch_of([*one, *other, *one])
    assert merged.encode() == both.encode()
    assert both.size >= max(sketch_of(one).size, sketch_of(other).size)


@given(HASHES)
def test_what_is_sent_is_what_was_made(values: list[int]) -> None:
    sketch = sketch_of(values)
    assert Sketch.decode(sketch.encode()).encode() == sketch.encode()
    assert bool(sketch) == bool(values)


@pytest.mark.parametrize("count", [0, 1, 2, 100, 5_000, 20_000])
def test_estimates_keep_to_their_error(count: int) -> None:
    sketch = sketch_of([keyed(KEY, str(n)) for n in range(count)])
    assert abs(sketch.size - count) <= 4 * ERROR * count


def test_a_full_sketch_is_large_and_small_enough_to_send() -> None:
    full = sketch_of([keyed(KEY, str(n)) for n in range(200_000)])
    assert len(full.encode()) <= 17_000
    for rest in (0, 1):  # what nobody ever meets, but an edge could send
        full = sketch_of([(register << 50) | rest for register in range(REGISTERS)])
        assert full.size == LARGEST
    assert len(full.encode()) <= 17_000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nonsense",
        zlib.compress(bytes(REGISTERS - 1)),
        zlib.compress(bytes(REGISTERS + 1)),
        zlib.compress(bytes([99]) * REGISTERS),
        zlib.compress(bytes(50_000_000)),
    ],
)
def test_what_is_no_sketch_is_refused(data: bytes) -> None:
    with pytest.raises(PeerError, match="sketch"):
        Sketch.decode(data)


def test_hashes_depend_on_the_key_and_on_where_texts_end() -> None:
    made = {keyed(KEY, "ab", "c"), keyed(KEY, "a", "bc"), keyed(KEY, "abc"), keyed(b"x", "abc")}
    assert len(made) == 4
