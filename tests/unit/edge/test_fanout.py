"""Shared bytes to many: slow readers catch up or are closed; so do resumers; pace and slices."""

import os
import socket
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.metrics import Counts
from hustings.edge.sound.cohort import SIZE, WELCOME, Cohort
from hustings.edge.sound.fanout import Channel, Round


class Stream:
    """Parts of 1,000 bytes that say their number; 100 are kept."""

    ending = b"END"

    def __init__(self, newest: int = 100) -> None:
        self.at = newest
        self.made = 0

    def piece(self, n: int) -> bytes:
        self.made += 1
        return f"<{n}>".encode().ljust(1_000, b".")

    def advance(self, fresh: range) -> None:
        self.at = fresh.stop

    def block(self, first: int, end: int) -> bytes:
        return b"".join(self.piece(n) for n in range(first, end))

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        return b"<open>", self.at - lead if wished is None else max(wished, self.oldest())

    def oldest(self) -> int:
        return max(0, self.at - 100)

    def newest(self) -> int:
        return self.at


class Listener:
    """A transport with a buffer of `drain` bytes a part, and its owner."""

    def __init__(self, limit: int = 4_000, *, deaf: bool = False) -> None:
        self.transport = self
        self.limit = limit
        self.deaf = deaf
        self.paused = False
        self.unsent = 0
        self.most = 0
        self.got: list[bytes] = []
        self.closed = ""
        self.file = -1
        self.cohort: Cohort | None = None

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.got.append(data)
        if self.deaf:
            self.unsent += len(data)
            self.most = max(self.most, self.unsent)
            if self.unsent > self.limit and not self.paused:
                self.paused = True
                if self.cohort is not None:
                    self.cohort.pause(self)

    def drain(self) -> None:
        self.unsent = 0
        if self.paused:
            self.paused = False
            if self.cohort is not None:
                self.cohort.resume(self)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def close(self) -> None:
        self.closed = "close"

    def abort(self) -> None:
        self.closed = "abort"

    @property
    def numbers(self) -> list[int]:
        text = b"".join(self.got).decode()
        return [
            int(piece)
            for piece in text.replace("<open>", "")
            .replace(".", "")
            .strip("<>")
            .replace(">", "")
            .split("<")
            if piece.isdigit()
        ]


class Edge:
    def __init__(self, limit: int = 4_000, joined: int = 1) -> None:
        self.stream = Stream()
        self.counts = Counts()
        self.channel = Channel(self.stream, limit=limit, counts=self.counts, joined=joined)
        self.round = Round()

    def join(
        self, wished: int | None = None, *, deaf: bool = False, head: bytes = b"HEAD"
    ) -> Listener:
        listener = Listener(deaf=deaf)
        self.channel.join(listener, head, wished)
        return listener

    def send(self, parts: int = 1) -> None:
        for _ in range(parts):
            now = self.stream.at
            self.round.add(self.channel, self.channel.send(range(now, now + 1)))
            self.round.finish()


def test_what_a_newcomer_gets_is_shared_by_all_but_for_the_head() -> None:
    e = Edge()
    listeners = [e.join(head=b"HEAD %d" % n) for n in range(50)]
    assert [each.got.pop(0) for each in listeners] == [b"HEAD %d" % n for n in range(50)]
    assert [len(each.got) for each in listeners] == [1] * 50
    assert len({id(each.got[0]) for each in listeners}) == 1
    assert listeners[0].got[0].startswith(b"<open><98>")
    e.send(3)
    assert all(each.numbers == [98, 99, 100, 101, 102] for each in listeners)
    assert len({id(each.got[-1]) for each in listeners}) == 1
    assert e.stream.made == 2 + 3
    assert (e.counts.joins, e.counts.sends, len(e.channel)) == (50, 150, 50)


def test_a_crowd_that_comes_back_gets_the_same_bytes() -> None:
    e = Edge(limit=100_000)
    listeners = [e.join(100 - WELCOME, head=b"") for _ in range(50)]
    assert len({id(each.got[1]) for each in listeners}) == 1
    assert all(each.numbers == list(range(100 - WELCOME, 100)) for each in listeners)


def test_a_resumer_gets_each_part_once() -> None:
    e = Edge()
    listener = e.join(40)
    e.send(2)
    assert listener.numbers == list(range(40, 102))


def test_a_resumer_who_reads_slowly_catches_up_in_steps_without_a_hole() -> None:
    e = Edge()
    listener = e.join(10, deaf=True)
    for _ in range(30):
        e.send()
        listener.drain()
    assert listener.numbers == list(range(10, 130))
    assert listener.most <= 4_000 + 8 * 1_000
    assert e.counts.jumps == 0


def test_a_slow_reader_goes_on_where_it_was() -> None:
    e = Edge()
    listener = e.join(deaf=True)
    listener.unsent = 0
    e.send(5)
    assert listener.paused
    e.send(3)
    listener.drain()
    e.send(2)
    assert listener.numbers == list(range(98, 110))
    assert e.counts.jumps == 0
    assert len(e.channel) == 1


def test_a_deaf_listener_is_closed_and_memory_is_bounded() -> None:
    e = Edge()
    deaf, well = e.join(deaf=True), e.join()
    e.send(40)
    assert deaf.closed == "abort"
    assert deaf.most <= 4_000 + 1_000 + 6
    assert not well.closed
    assert well.numbers == list(range(98, 140))
    assert (e.counts.slow_closed, len(e.channel)) == (1, 1)


def test_a_short_stall_costs_nothing() -> None:
    e = Edge()
    listener = e.join(deaf=True)
    listener.unsent = 3_900
    e.send()
    assert listener.paused
    listener.drain()
    e.send(2)
    assert listener.numbers == [98, 99, 100, 101, 102]
    assert e.counts.jumps == 0


def test_a_resumer_left_behind_by_the_backlog_jumps_to_its_oldest_part() -> None:
    e = Edge(limit=200_000)
    listener = e.join(1, deaf=True)
    e.send(150)
    for _ in range(20):
        listener.drain()
        e.send()
    numbers = listener.numbers
    assert e.counts.jumps == 1
    assert numbers == sorted(set(numbers))
    assert numbers[-1] == 269


def test_a_resumer_who_reads_nothing_is_closed_too() -> None:
    e = Edge()
    listener = e.join(1, deaf=True)
    e.send(10)
    assert listener.closed == "abort"
    assert listener.most <= 4_000 + 8 * 1_000
    assert len(e.channel) == 0


def test_leaving_and_the_end() -> None:
    e = Edge()
    gone, stays, behind = e.join(), e.join(), e.join(deaf=True)
    assert gone.cohort is not None
    gone.cohort.leave(gone)
    e.send(4)
    e.channel.end(whole=True)
    assert not gone.closed
    assert stays.got[-1] == b"END"
    assert behind.got[-1] != b"END"
    assert stays.closed == behind.closed == "close"
    assert len(e.channel) == 0


def test_one_who_stalls_and_leaves_within_a_send_is_forgotten() -> None:
    e = Edge()
    listener = e.join(deaf=True)
    listener.unsent = 4_000
    listener.write(b"x" * 10)
    assert listener.paused
    assert listener.cohort is not None
    listener.cohort.leave(listener)
    e.send(9)
    assert len(e.channel) == 0


# ---------------------------------------------------------------- cohorts, pace, slices


def test_a_large_audience_is_written_to_in_slices_and_joins_fit_in_between() -> None:
    e = Edge()
    crowd = [e.join() for _ in range(3 * SIZE)]
    assert [cohort.size for cohort in e.channel.cohorts] == [SIZE] * 3
    e.round.add(e.channel, e.channel.send(range(100, 101)))
    pauses = []
    while (pause := e.round.turn()) is not None:
        pauses.append(pause)
        crowd.append(e.join())
    assert len(pauses) == 2
    assert all(0 < pause <= 0.005 for pause in pauses)
    e.send(3)
    assert {tuple(each.numbers) for each in crowd[: 3 * SIZE]} == {(98, 99, 100, 101, 102, 103)}
    for late in crowd[3 * SIZE :]:
        assert late.numbers == [99, 100, 101, 102, 103]


def test_a_cohort_that_still_waits_when_the_next_part_comes_gets_both_in_one_send() -> None:
    e = Edge()
    listener = e.join()
    for now in (100, 101, 102):
        e.round.add(e.channel, e.channel.send(range(now, now + 1)))
    assert e.round.turn() is None
    assert len(listener.got) == 3
    assert listener.numbers == [98, 99, 100, 101, 102]


def test_joined_sends_come_at_a_phase_of_each_cohort() -> None:
    e = Edge(joined=4)
    crowd = [e.join() for _ in range(4 * SIZE)]
    phases = {cohort.phase for cohort in e.channel.cohorts}
    assert phases == {0, 1, 2, 3}
    before = e.counts.sends
    e.send(4)
    assert e.counts.sends - before == len(crowd)  # one for each in four parts' time
    for each in crowd:
        assert all(b - a == 1 for a, b in pairwise(each.numbers))
        assert each.numbers[0] == 100 - 5  # enough to play until the first joined send


def test_a_change_of_pace_is_for_newcomers_first_and_loses_nothing() -> None:
    e = Edge()
    old = e.join()
    e.send(3)
    e.channel.joined = 8
    new = e.join()
    e.send(8)
    assert len(old.got) == 2 + 3 + 8
    assert len(new.got) == 3
    e.channel.settle()
    e.send(16)
    assert len(old.got) <= 12 + 3
    e.channel.joined = 1
    e.channel.settle()
    e.send(2)
    for each in (old, new):
        assert all(b - a == 1 for a, b in pairwise(each.numbers))
        assert each.numbers[-1] == e.stream.at - 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("send"), st.integers(1, 9)),
            st.tuples(st.just("pace"), st.sampled_from([1, 2, 4, 8])),
            st.tuples(st.just("settle"), st.just(0)),
            st.tuples(st.just("join"), st.one_of(st.none(), st.integers(60, 140))),
            st.tuples(st.just("leave"), st.integers(0, 5)),
        ),
        max_size=40,
    )
)
def test_whatever_happens_everybody_gets_each_part_once_and_in_order(
    steps: list[tuple[str, int | None]],
) -> None:
    e = Edge(limit=1_000_000)
    present: list[Listener] = []
    for step, value in steps:
        if step == "send":
            e.send(value or 1)
        elif step == "pace":
            e.channel.joined = value or 1
        elif step == "settle":
            e.channel.settle()
        elif step == "join":
            present.append(e.join(value if value is None or value <= e.stream.at else None))
        elif present:
            gone = present.pop((value or 0) % len(present))
            assert gone.cohort is not None
            gone.cohort.leave(gone)
    e.channel.joined = 1
    e.channel.settle()
    e.send(9)
    for each in present:
        assert each.numbers == list(range(each.numbers[0], e.stream.at))
    assert len(e.channel) == len(present)


def test_sockets_are_written_to_directly_and_what_they_refuse_is_kept_in_order() -> None:
    e = Edge(limit=1_000_000)
    ours, theirs = socket.socketpair()
    for sock in (ours, theirs):
        sock.setblocking(False)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
    listener = e.join()
    listener.file = ours.fileno()
    with ours, theirs:
        e.send()  # nothing is buffered from here on: directly
        e.send(40)  # and now the socket is full: the rest goes to the transport
        assert len(listener.got) > 2
        sent = b"".join(iter(lambda: _read(theirs), b""))
        text = sent + b"".join(listener.got[2:])
        expected = b"".join(e.stream.piece(n) for n in range(100, e.stream.at))
        assert text == expected


def test_a_socket_whose_peer_is_gone_is_closed() -> None:
    e = Edge()
    ours, theirs = socket.socketpair()
    listener = e.join()
    listener.file = ours.fileno()
    e.send()
    theirs.close()
    e.send(2)
    ours.close()
    assert listener.closed == "abort"


def _read(sock: socket.socket) -> bytes:
    try:
        return os.read(sock.fileno(), 65_536)
    except BlockingIOError:
        return b""
