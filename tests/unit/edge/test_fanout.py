"""Channels of shared bytes: slow readers jump, then are closed; resumers catch up in steps."""

from collections.abc import Iterator

from hustings.edge.fanout import Channel
from hustings.edge.metrics import Counts


class Stream:
    """Parts of 1,000 bytes that say their number; 100 are kept."""

    ending = b"END"

    def __init__(self, newest: int = 100) -> None:
        self.at = newest
        self.made = 0

    def piece(self, n: int) -> bytes:
        self.made += 1
        return f"<{n}>".encode().ljust(1_000, b".")

    def pieces(self, fresh: range) -> Iterator[tuple[int, bytes]]:
        for n in fresh:
            yield n, self.piece(n)

    def opening(self, wished: int | None) -> tuple[bytes, int]:
        return b"<open>", self.at - 2 if wished is None else max(wished, self.oldest())

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
        self.channel: Channel

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.got.append(data)
        if self.deaf:
            self.unsent += len(data)
            self.most = max(self.most, self.unsent)
            if self.unsent > self.limit and not self.paused:
                self.paused = True
                self.channel.pause(self)

    def drain(self) -> None:
        self.unsent = 0
        if self.paused:
            self.paused = False
            self.channel.resume(self)

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
    def __init__(self, limit: int = 4_000) -> None:
        self.stream = Stream()
        self.counts = Counts()
        self.channel = Channel(self.stream, limit=limit, counts=self.counts)

    def join(self, wished: int | None = None, *, deaf: bool = False) -> Listener:
        listener = Listener(deaf=deaf)
        listener.channel = self.channel
        self.channel.join(listener, b"HEAD", wished)
        return listener

    def send(self, parts: int = 1) -> None:
        for _ in range(parts):
            self.stream.at += 1
            self.channel.send(range(self.stream.at - 1, self.stream.at))


def test_a_newcomer_gets_everything_in_one_write_and_it_is_shared() -> None:
    e = Edge()
    listeners = [e.join() for _ in range(50)]
    assert [len(each.got) for each in listeners] == [1] * 50
    assert len({id(each.got[0]) for each in listeners}) == 1
    assert listeners[0].got[0].startswith(b"HEAD<open><98>")
    e.send(3)
    assert all(each.numbers == [98, 99, 100, 101, 102] for each in listeners)
    assert len({id(each.got[-1]) for each in listeners}) == 1
    assert e.stream.made == 2 + 3
    assert (e.counts.joins, e.counts.sends, len(e.channel)) == (50, 150, 50)


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


def test_a_slow_reader_jumps_to_live() -> None:
    e = Edge()
    listener = e.join(deaf=True)
    listener.unsent = 0
    e.send(5)
    assert listener.paused
    e.send(3)
    listener.drain()
    e.send(2)
    assert listener.numbers == [98, 99, 100, 101, 102, 103, 104, 108, 109]
    assert e.counts.jumps == 1
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
    e.channel.leave(gone)
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
    e.channel._live[listener] = listener.write
    listener.write(b"x" * 10)
    e.channel.leave(listener)
    e.send(9)
    assert len(e.channel) == 0
