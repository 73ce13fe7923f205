"""What an edge passes on: where a child begins, what it gets, and that it is the same bytes."""

import json

import msgspec
import pytest

from hustings.base.errors import HustingsError, TryLater
from hustings.edge.feed.relay import BEHIND_BYTES, CHILDREN, TAIL_S, IndexRelay, RoomRelay
from hustings.journal.entry import Entry
from hustings.journal.records import Position, Record, RecordReader
from hustings.wire.names import PART_SAMPLES
from tests.fakes.entries import Writer


class Pipe:
    def __init__(self) -> None:
        self.data = b""
        self.unsent = 0
        self.ended = ""

    def write(self, data: bytes) -> None:
        self.data += data

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def close(self) -> None:
        self.ended = "closed"

    def abort(self) -> None:
        self.ended = "aborted"


class Child:
    def __init__(self) -> None:
        self.transport = Pipe()

    @property
    def body(self) -> bytes:
        """Without the chunks' frames."""
        out, rest = b"", self.transport.data
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            out += rest[: int(size, 16)]
            rest = rest[int(size, 16) + 2 :]
        return out

    @property
    def records(self) -> list[Record]:
        return RecordReader().feed(self.body)


def evening(parts: int, *, snapshot_every: int = 188) -> list[Entry]:
    """A room with a snapshot each minute; seq = index."""
    journal = Writer()
    journal.room()
    for n in range(parts):
        journal.part(n)
        if n % snapshot_every == snapshot_every - 1:
            snapshot = journal.snapshot("ada")
            header = msgspec.structs.replace(snapshot.header, media_time=(n + 1) * PART_SAMPLES)
            journal.entries[-1] = msgspec.structs.replace(snapshot, header=header)
    return journal.entries


def seqs(records: list[Record]) -> list[int]:
    return [each.seq for each in records if isinstance(each, Entry)]


def relayed(entries: list[Entry]) -> RoomRelay:
    relay = RoomRelay()
    for entry in entries:
        relay.take(entry)
    return relay


def test_a_child_gets_the_tail_and_then_what_comes() -> None:
    entries = evening(50)
    relay, child = relayed(entries[:40]), Child()
    relay.join(child, relay.beginning(tail_s=30))
    for entry in entries[40:]:
        relay.take(entry)
    relay.take(Position(50 * PART_SAMPLES, 1, len(entries)))
    *got, position = child.records
    assert got == entries
    assert position == Position(50 * PART_SAMPLES, 1, len(entries))


def test_the_tail_begins_at_a_snapshot_that_is_old_enough() -> None:
    entries = evening(188 * 5 + 30)  # 30 parts after the fifth snapshot: 10 s
    relay = relayed(entries)
    snapshots = [each.seq for each in entries if each.kind == "snapshot"]
    for tail_s, first in ((5, snapshots[4]), (45, snapshots[3])):
        child = Child()
        relay.join(child, relay.beginning(tail_s=tail_s))
        assert seqs(child.records) == list(range(first, len(entries)))


def test_no_more_is_kept_than_a_tail_needs() -> None:
    relay = relayed(evening(188 * 20))
    child = Child()
    relay.join(child, relay.beginning(tail_s=10_000))
    kept = len(child.records) * 0.32
    assert TAIL_S <= kept <= TAIL_S + 65


def test_a_child_resumes_at_its_next_entry_if_the_hash_before_it_fits() -> None:
    entries = evening(20)
    relay = relayed(entries)
    for seq in (1, 10, len(entries)):
        child = Child()
        relay.join(child, relay.beginning(from_seq=seq, after=entries[seq - 1].hash))
        assert seqs(child.records) == list(range(seq, len(entries)))
    for seq, after in ((10, bytes(32)), (10_000, entries[-1].hash), (10, entries[3].hash)):
        with pytest.raises(HustingsError) as refused:
            relay.beginning(from_seq=seq, after=after)
        assert (refused.value.code, refused.value.problem()["status"]) == ("fork", 409)


def test_an_empty_shelf_says_later_and_a_fork_begins_anew() -> None:
    relay, child = RoomRelay(), Child()
    with pytest.raises(TryLater):
        relay.beginning()
    relay = relayed(evening(5))
    relay.join(child, relay.beginning())
    relay.fork()
    assert child.transport.ended == "closed"
    with pytest.raises(TryLater):
        relay.beginning()


def test_who_does_not_read_is_cut_off_and_crowds_are_refused() -> None:
    relay, slow, well = relayed(evening(5)), Child(), Child()
    for child in (slow, well):
        relay.join(child, relay.beginning())
    slow.transport.unsent = BEHIND_BYTES + 1
    relay.take(Position(1, 1, 6))
    assert (slow.transport.ended, well.transport.ended) == ("aborted", "")
    assert len(relay) == 1
    for _ in range(CHILDREN - 1):
        relay.join(Child(), b"")
    with pytest.raises(TryLater):
        relay.join(Child(), b"")


def test_the_index_is_told_as_it_is_now() -> None:
    relay, child = IndexRelay(), Child()
    opened = {"room": "a", "epoch_ms": 5, "media_time": 48_000, "wall_ms": 7_000, "facts": {}}
    planned = {"room": "b", "epoch_ms": 0, "media_time": 0, "wall_ms": 7_000, "facts": {}}
    for line in (
        *({"tickets": 1}, {"edges": 1}, opened, planned, {"tick": 7_000}),
        *({"tickets": 2}, {"room": "a", "epoch_ms": 5, "media_time": 96_000, "wall_ms": 8_000}),
    ):
        relay.take(line, 100.0)
    relay.join(child, relay.beginning(102.5))
    relay.take({"tick": 9_000}, 103.0)
    lines = [json.loads(line) for line in child.body.splitlines()]
    assert lines == [
        *({"tickets": 2}, {"edges": 1}),
        {**planned, "wall_ms": 9_500},
        {"room": "a", "epoch_ms": 5, "media_time": 96_000 + 120_000, "wall_ms": 10_500},
        *({"tick": 7_000}, {"tick": 9_000}),
    ]
