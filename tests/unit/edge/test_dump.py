"""After a `dump` entry nothing of an edge gives out those parts: not live, not HLS, not to other edges."""

from itertools import pairwise

import pytest

from hustings.edge.feed.relay import RoomRelay
from hustings.edge.metrics import Counts
from hustings.edge.sound.facts import Facts
from hustings.edge.sound.fanout import Channel
from hustings.edge.sound.program import Program
from hustings.edge.sound.streams import CmafStream, RadioStream, TitledRadioStream
from hustings.journal.entry import Entry
from hustings.journal.records import RecordReader
from hustings.media import cmaf
from hustings.media.hold import hold_frames
from hustings.wire import kinds
from hustings.wire.names import (
    AAC,
    CMAF_RENDITIONS,
    MP3,
    OPUS,
    PART_SAMPLES,
    PART_SECONDS,
    mp3_frames_before,
)
from tests.fakes.entries import Writer, frames

SECRET = b"secret"


def secret_frames(n: int) -> dict[str, list[bytes]]:
    made = {name: [SECRET + frame for frame in frames(n, name)] for name in CMAF_RENDITIONS}
    count = mp3_frames_before(n + 1) - mp3_frames_before(n)
    return made | {MP3: [(SECRET * 40)[:192]] * count}


class Edge:
    """An edge in virtual time; the parts `SPOKEN` hold the secret."""

    SPOKEN = range(90, 100)

    def __init__(self) -> None:
        self.program = Program(backlog_parts=94, facts=Facts(), now_s=100 * PART_SECONDS)
        self.writer = Writer()
        self.relay = RoomRelay()
        self.take(self.writer.room())

    def take(self, entry: Entry) -> None:
        self.program.entry(entry)
        self.relay.take(entry)

    def part(self, n: int) -> Entry:
        secret = n in self.SPOKEN
        return self.writer.part(n, **secret_frames(n) if secret else {})

    def until(self, n: int) -> None:
        """The stage is at the beginning of part `n`."""
        self.program.position(n * PART_SAMPLES, n * PART_SECONDS)
        self.program.advance(n * PART_SECONDS)

    def dump(self, first: int = 90, last: int = 104) -> None:
        body = kinds.Dump(first, last, "mod")
        self.take(self.writer.add(kinds.DUMP, body, at=100 * PART_SAMPLES))


@pytest.fixture
def edge() -> Edge:
    made = Edge()
    for n in range(20, 100):
        made.take(made.part(n))
    made.until(100)
    assert SECRET in made.program.plain(OPUS, 95)
    return made


def all_bytes(edge: Edge) -> bytes:
    program = edge.program
    kept = range(program.oldest, program.next)
    out = [program.plain(name, n) for n in kept for name in (*CMAF_RENDITIONS, MP3)]
    out += [program.live(OPUS, n) for n in kept]
    out += [program.live(AAC, n, 4) for n in kept if n - 3 >= kept.start]
    return b"".join(out)


def test_what_was_sent_is_hold_from_then_on_and_the_neighbours_stay(edge: Edge) -> None:
    edge.dump()
    assert SECRET not in all_bytes(edge)
    for n in (90, 99):
        assert cmaf.frames_of(edge.program.plain(OPUS, n)) == hold_frames(OPUS, n)
    assert cmaf.frames_of(edge.program.plain(OPUS, 89)) == frames(89)


def test_streams_that_were_made_already_are_made_anew(edge: Edge) -> None:
    program = edge.program
    state = lambda: program.state(now_s=32.0, wall_ms=0, listeners=0)  # noqa: E731
    streams = [
        CmafStream(program, OPUS, state, chunked=True),
        RadioStream(program, chunked=False),
        TitledRadioStream(program, lambda: "Town hall"),
    ]
    channels = [Channel(each, limit=1 << 20, counts=Counts()) for each in streams]

    def given() -> bytes:
        kept = range(program.oldest, program.next)
        pieces = [each.piece(n) for each in streams for n in kept]
        blocks = [each.block(program.next - 8, program.next) for each in streams]
        return b"".join(pieces + blocks) + streams[2].opening(None, 0)[0]

    before = given()
    assert SECRET in before
    edge.dump()
    for channel in channels:
        channel.forget(program.dumps)
    assert SECRET not in given()
    assert len(streams[2].piece(95)) == len(streams[1].piece(95))  # blocks keep their places


def test_parts_that_come_after_the_word_are_hold_and_what_follows_is_not(edge: Edge) -> None:
    late = Edge()  # its feed brings the parts again: it begins later, or was cut off
    late.dump(90, 104)
    for n in range(20, 106):
        late.take(late.part(n))
    late.until(106)
    late.program.advance(106 * PART_SECONDS + 0.31)  # it stood still before: a moment's grace
    assert SECRET not in all_bytes(late)
    assert cmaf.frames_of(late.program.plain(OPUS, 105)) == frames(105)
    edge.dump(90, 104)
    edge.until(105)  # nothing comes for what was held back: hold, and not late
    assert edge.program.next == 105
    edge.take(edge.part(105))
    edge.until(106)
    assert cmaf.frames_of(edge.program.plain(OPUS, 105)) == frames(105)


def test_listeners_are_told(edge: Edge) -> None:
    edge.dump()
    edge.take(edge.part(105))
    edge.until(106)
    (told,) = [e for n in range(95, 106) for e in edge.program._sent[n].events if e.kind == "dump"]
    assert b'"first":90,"last":104' in told.data


def test_edges_below_get_those_parts_bare_and_the_chain_holds(edge: Edge) -> None:
    edge.dump()
    for beginning in (
        edge.relay.beginning(tail_s=60),
        edge.relay.beginning(from_seq=60, after=edge.writer.entries[59].hash),
    ):
        assert SECRET not in beginning
        body, rest = b"", beginning
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        records = [each for each in RecordReader().feed(body) if isinstance(each, Entry)]
        assert records[-1].kind == kinds.DUMP
        for before, after in pairwise(records):
            assert after.header.prev == before.hash
