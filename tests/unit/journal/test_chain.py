"""The chain takes what fits and stays as it was for what does not."""

import pytest

from hustings.base.errors import PeerError
from hustings.journal.chain import Chain
from hustings.journal.entry import Entry
from tests.unit.journal.test_checkpoint import checkpoint


def grow(chain, count, first=0):
    return [
        chain.make(
            "note",
            b"\x81\xa1n" + bytes([n]),
            media_time=0,
            wall_ms=0,
            visibility=0,
            nonce=bytes([n]) * 16,
        )
        for n in range(first, first + count)
    ]


def state(chain):
    return chain.size, chain.head, chain.tree.root()


def test_what_one_chain_makes_another_takes():
    made, taken = Chain(), Chain()
    for entry in grow(made, 9):
        taken.take(entry if entry.seq % 2 else entry.bare())
    assert state(taken) == state(made)


def test_it_goes_on_from_any_point():
    chain = Chain()
    entries = grow(chain, 6)
    half = Chain()
    for entry in entries[:4]:
        half.take(entry)
    again = half.copy()
    for entry in entries[4:]:
        again.take(entry)
    assert state(again) == state(chain)
    assert half.size == 4


def test_what_does_not_fit_changes_nothing():
    chain = Chain()
    first, second, third = grow(chain, 3)
    foreign = grow(Chain(), 3, first=7)
    reader = Chain()
    reader.take(first)
    before = state(reader)
    other_body = Entry(second.header, second.raw, second.nonce, b"\x80")
    for wrong in (first, third, foreign[1], other_body):
        with pytest.raises(PeerError) as caught:
            reader.take(wrong)
        assert caught.value.code == "chain_broken"
    assert state(reader) == before


def test_a_checkpoint_agrees_only_here():
    chain = Chain()
    grow(chain, 3)
    good = checkpoint(size=3, root=chain.tree.root(), head=chain.head)
    assert chain.agrees(good)
    assert Chain(3, chain.head, None).agrees(good)  # a reader who does not know the tree
    for change in ({"size": 4}, {"head": b"h" * 32}, {"root": b"r" * 32}):
        facts = {"size": 3, "root": chain.tree.root(), "head": chain.head, **change}
        assert not chain.agrees(checkpoint(**facts))
