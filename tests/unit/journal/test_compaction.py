"""A journal without bodies: whatever was in it, chain, tree and signatures verify as before."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import PeerError
from hustings.journal.audit import Audit
from hustings.journal.chain import Chain
from hustings.journal.checkpoint import Checkpoint, make_checkpoint
from hustings.journal.compaction import compacted, readable
from hustings.journal.entry import Entry
from hustings.journal.records import FIRST_LINE, checkpoint_record, entry_record, read_record
from hustings.journal.scan import Scanner
from hustings.wire import kinds
from tests.fakes.journals import KEY

BODIES = st.binary(max_size=300).map(lambda body: b"what was said: " + body)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["part", "room", "hand", "note", "level"]), BODIES),
        st.just("snapshot"),
        st.just("checkpoint"),
    ),
    max_size=60,
)


def written(steps: list[object]) -> list[Entry | Checkpoint]:
    """A random journal that ends in a tombstone and the checkpoint over it."""
    chain, records = Chain(), []
    for number, step in enumerate([*steps, "tombstone", "checkpoint"]):
        if step == "checkpoint":
            assert chain.tree
            records.append(
                make_checkpoint(
                    room="r", size=chain.size, root=chain.tree.root(), head=chain.head,
                    wall_ms=number, public=KEY.public_raw, sign=KEY.sign,
                )
            )  # fmt: skip
            continue
        kind, body = (step, b"") if isinstance(step, str) else step
        if kind == "snapshot":
            assert chain.tree
            facts = kinds.Room("r", "A title")
            body = kinds.encode(
                kinds.Snapshot(chain.size, chain.tree.hashes, facts, [], [], term=1, part=0)
            )
        elif kind == "tombstone":
            said = kinds.Tombstone(kinds.Room("r", "A title", "ended"), chain.size, chain.head)
            body = kinds.encode(said)
        nonce = number.to_bytes(16, "big")
        records.append(
            chain.make(kind, body, media_time=0, wall_ms=0, visibility=number % 3, nonce=nonce)
        )
    return records


def on_file(records: list[Entry | Checkpoint]) -> bytes:
    return FIRST_LINE + b"".join(
        entry_record(each) if isinstance(each, Entry) else checkpoint_record(each)
        for each in records
    )


def scanner(data: bytes) -> Scanner:
    return Scanner(lambda n, at: data[at : at + n], len(FIRST_LINE), len(data))


def audited(data: bytes) -> Audit:
    audit = Audit(public=KEY.public)
    walk = scanner(data)
    while (found := walk.next()) is not None:
        record = read_record(found.type, found.payload)
        if isinstance(record, Entry):
            audit.entry(found.offset, record)
        elif isinstance(record, Checkpoint):
            audit.checkpoint(found.offset, record)
    assert audit.finish(len(data)) == []
    return audit


@given(STEPS)
def test_what_stays_verifies_as_what_was(steps: list[object]) -> None:
    before = on_file(written(steps))
    after = FIRST_LINE + b"".join(compacted(readable(scanner(before))))
    one, two = audited(before), audited(after)
    assert (one.entries, one.checkpoints, one.head) == (two.entries, two.checkpoints, two.head)
    assert two.signed_size == two.entries
    assert two.bare == two.entries - 1  # all but the tombstone
    assert two.tombstone == one.tombstone
    assert after == FIRST_LINE + b"".join(compacted(readable(scanner(after))))  # twice is once
    for each in steps:
        if isinstance(each, tuple):
            assert each[1] not in after


@given(STEPS, st.data())
def test_damage_loses_what_it_hit_and_no_body_slips_through(
    steps: list[object], data: st.DataObject
) -> None:
    records = written([("part", b"a first body, quite long"), *steps])
    before = bytearray(on_file(records))
    at = data.draw(st.integers(len(FIRST_LINE), len(before) - 1))
    before[at] ^= 0xFF
    left = list(readable(scanner(bytes(before))))
    heads = {each.hash for each in records if isinstance(each, Entry)}
    for each in left:
        if isinstance(each, Entry):
            assert each.hash in heads
    after = b"".join(compacted(left))
    for each in steps:
        if isinstance(each, tuple):
            assert each[1] not in after


def test_a_record_of_an_unknown_type_does_not_stay() -> None:
    from hustings.journal.records import frame

    data = on_file(written([("note", b"abcdefgh")]))
    odd = data[: len(FIRST_LINE)] + frame(9, b"a body of the future") + data[len(FIRST_LINE) :]
    assert b"".join(compacted(readable(scanner(odd)))) == b"".join(
        compacted(readable(scanner(data)))
    )
    broken = data + frame(2, b"no checkpoint")
    try:
        read_record(2, b"no checkpoint")
    except PeerError:
        assert len(list(readable(scanner(broken)))) == len(list(readable(scanner(data))))
