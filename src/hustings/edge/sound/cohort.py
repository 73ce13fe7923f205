"""Some hundred listeners who get the same bytes in the same moment: the hot path of an edge.

Keeps true: nothing is copied, encoded or queued for one listener; a send is one system call for
each. Whoever reads too slowly (`limit` bytes unsent) is skipped until their buffer has drained
and then goes on where they were; what the backlog has forgotten by then is a jump, which their
player sees as a later decode time. Whoever would have twice the limit unsent is closed. They,
newcomers and resumers are brought up to the live edge from the backlog in steps, so a long
backlog never stands in memory either.

A cohort is small (`SIZE`), so that writing to one takes some milliseconds and the loop turns in
between. Under pressure it gets several parts in one send, at a phase of its own, so that of an
audience of 10,000 only a share is written to in each part's time. `edge.sound.fanout` owns cohorts;
`edge.http.server.Connection` is the listener. Pure but for the transports and files it is given.
"""

import os
from array import array
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Final, Protocol

from hustings.edge.metrics import Counts
from hustings.wire.kinds import Dump

SIZE: Final = 512  # listeners: about 5 ms of system calls
LARGEST: Final = 8  # parts of one send
STEP: Final = 8  # parts of backlog between two looks at the buffer
WELCOME: Final = 32  # parts that a newcomer gets as one piece; more come in steps


class Writer(Protocol):
    """What we use of an asyncio transport."""

    def write(self, data: bytes) -> None:
        """Send or buffer."""
        ...

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent yet."""
        ...

    def close(self) -> None:
        """Send what is buffered, then close."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


class Listener(Protocol):
    """One connection."""

    cohort: "Cohort | None"

    @property
    def transport(self) -> Writer:
        """Where its bytes go."""
        ...

    @property
    def paused(self) -> bool:
        """Whether more than the limit is unsent."""
        ...

    @property
    def file(self) -> int:
        """Its socket, if bytes may go there directly while nothing is buffered; else -1 (TLS)."""
        ...


class Stream(Protocol):
    """Where the bytes come from; every piece is made once and shared."""

    ending: bytes  # what a whole answer ends with

    def advance(self, fresh: range) -> None:
        """These parts became due."""
        ...

    def piece(self, n: int) -> bytes:
        """Part `n` alone, for those who catch up."""
        ...

    def block(self, first: int, end: int) -> bytes:
        """Parts first .. end - 1 as one send."""
        ...

    def opening(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """The beginning for a newcomer, and the part it goes on with: wished, or `lead` back."""
        ...

    def forget(self, dumps: Sequence[Dump]) -> None:
        """What was made of these parts is not to be sent any more."""
        ...

    def oldest(self) -> int:
        """The oldest part that `piece` knows."""
        ...

    def newest(self) -> int:
        """The part after the last that `piece` knows."""
        ...


class Cohort:
    """Listeners of one stream who are written to together."""

    def __init__(
        self,
        stream: Stream,
        *,
        limit: int,
        counts: Counts,
        newest: int,
        joined: int,
        phase: int,
    ) -> None:
        """newest: the part after the last that is due; joined: parts of one send (1 .. 8).

        phase: sends end before parts whose number is `phase` modulo `joined`.
        """
        self.stream = stream
        self.joined = joined
        self.phase = phase
        self.next = self._boundary(newest)  # the part that a listener at the live edge gets next
        self.size = 0  # listeners
        self._wanted = (1, 0)  # joined and phase to come
        self._limit = limit
        self._counts = counts
        # Dicts and not sets: insertion order is close to the order in memory.
        self._direct: dict[Listener, int] = {}  # nothing buffered -> file to write to
        self._files: array[int] | None = None  # those of `_direct` in order, until it changes
        self._buffered: dict[Listener, Callable[[bytes], None]] = {}  # something was, or TLS
        self._behind: dict[Listener, int] = {}  # those who catch up -> next part
        self._slow: dict[Listener, int] = {}  # paused -> bytes that went by; may be in _behind too
        self._stalled: list[Listener] = []  # whose buffer filled since the last send

    @property
    def slow(self) -> int:
        """Listeners who are skipped until their line has drained."""
        return len(self._slow)

    def reshape(self, joined: int, place: int) -> None:
        """Send `joined` parts at once, from a boundary of the new pace on.

        Nothing is lost or doubled: a send holds what came since the one before. The first longer
        send is a whole one, so that a player pauses at most once. place: this cohort's number,
        for a phase that others do not have.
        """
        if joined <= self.joined:
            self.joined, self.phase = joined, self.phase % joined
            self._wanted = (1, 0)
        else:
            self._wanted = (joined, self.phase + place * self.joined % joined)
            self._settle()

    def _settle(self) -> None:
        joined, phase = self._wanted
        if joined > self.joined and self.next % joined == phase:
            self.joined, self.phase = joined, phase

    def _boundary(self, newest: int) -> int:
        return newest - (newest - self.phase) % self.joined

    def due(self, newest: int) -> bool:
        """Whether `send` has anything to send."""
        return self._boundary(newest) > self.next or bool(self._behind)

    # ------------------------------------------------------------ sending

    def send(self, newest: int) -> None:
        """One write for each listener, of all parts before `newest` that make whole sends."""
        end = self._boundary(newest)
        if self.next < end:
            self.next = max(self.next, self.stream.oldest())
        while self.next < end:
            last = min(end, self.next + LARGEST)
            if data := self.stream.block(self.next, last):
                self._write(data, last)
            self.next = last
        self._settle()
        for listener in [each for each in self._behind if each not in self._slow]:
            self._catch_up(listener)

    def _write(self, data: bytes, following: int) -> None:
        """following: the part after those in `data`."""
        buffered = list(self._buffered.items())
        refused = self._send_direct(data)
        self._counts.sends += len(self._direct) + len(buffered)
        self._counts.sent_bytes += (len(self._direct) + len(buffered)) * len(data)
        for listener, push in buffered:
            if listener.file >= 0 and not listener.transport.get_write_buffer_size():
                del self._buffered[listener]
                self._direct[listener] = listener.file
                self._files = None
                self._rest(listener, data, self._try(listener.file, data))
            else:
                push(data)
        for listener, sent in refused:
            self._rest(listener, data, sent)
        self._skip(len(data), following)

    def _send_direct(self, data: bytes) -> list[tuple[Listener, int]]:
        """One system call for each, looped in C; whose socket did not take all, and what it took.

        Nothing of a listener is touched: their objects are in no cache by then (8.3 -> 7.7 us).
        """
        if self._files is None:
            self._files = array("i", self._direct.values())
        files, sent = self._files, list[int]()
        while len(sent) < len(files):
            try:
                sent.extend(map(os.write, files[len(sent) :], repeat(data)))
            except BlockingIOError:
                sent.append(0)
            except OSError:
                sent.append(-1)
        if sent.count(len(data)) == len(sent):
            return []
        pairs = zip(self._direct, sent, strict=True)
        return [(listener, taken) for listener, taken in pairs if taken != len(data)]

    @staticmethod
    def _try(file: int, data: bytes) -> int:
        try:
            return os.write(file, data)
        except BlockingIOError:
            return 0
        except OSError:
            return -1

    def _rest(self, listener: Listener, data: bytes, sent: int) -> None:
        """What the socket did not take is for the transport to keep; -1: the peer is gone."""
        if sent == len(data):
            return
        del self._direct[listener]
        self._files = None
        self._buffered[listener] = listener.transport.write
        if sent < 0:
            listener.transport.abort()
        else:
            listener.transport.write(data[sent:])

    def _skip(self, size: int, following: int) -> None:
        for listener in list(self._slow):
            self._slow[listener] += size
            if self._slow[listener] > self._limit:
                self._counts.slow_closed += 1
                self.leave(listener)
                listener.transport.abort()
        for listener in self._stalled:
            self._buffered.pop(listener, None)
            self._slow[listener] = 0
            self._behind[listener] = following
        self._stalled.clear()

    # ------------------------------------------------------------ coming and going

    def welcome(self, wished: int | None, lead: int) -> tuple[bytes, int]:
        """A newcomer's first bytes behind the head: opening, what this cohort has got already.

        The same for all who wish for the same part, as a crowd does that comes back.
        """
        opening, first = self.stream.opening(wished, lead)
        pieces = [opening]
        if self.next - first <= WELCOME:
            pieces += [self.stream.piece(n) for n in range(first, self.next)]
            first = max(first, self.next)
        return b"".join(pieces), first

    def join(self, listener: Listener, head: bytes, welcome: bytes, first: int) -> None:
        """A newcomer, who goes on with part `first`; only the head is their own."""
        self.size += 1
        listener.cohort = self
        self._counts.sent_bytes += len(head) + len(welcome)
        self._behind[listener] = first
        listener.transport.write(head)  # uvloop sends what is written in one turn by one call
        listener.transport.write(welcome)
        self._catch_up(listener)

    def _catch_up(self, listener: Listener) -> None:
        n = self._behind[listener]
        while not listener.paused and n < self.next:
            if n < self.stream.oldest():
                n = self.stream.oldest()
                self._counts.jumps += 1
            end = min(self.next, n + STEP)
            for each in range(n, end):
                if data := self.stream.piece(each):
                    listener.transport.write(data)
                    self._counts.sent_bytes += len(data)
            n = end
        self._behind[listener] = n
        if listener.paused:
            self._slow.setdefault(listener, 0)
        elif n == self.next:
            del self._behind[listener]
            self._buffered[listener] = listener.transport.write

    def pause(self, listener: Listener) -> None:
        """The listener's buffer is over the limit; may be called from within `send`."""
        if listener in self._buffered:
            self._stalled.append(listener)

    def resume(self, listener: Listener) -> None:
        """The listener's buffer has drained."""
        if listener in self._stalled:
            self._stalled.remove(listener)
            return
        self._slow.pop(listener, None)
        if listener in self._behind:
            self._catch_up(listener)

    def leave(self, listener: Listener) -> None:
        """The listener is gone."""
        listener.cohort = None
        self.size -= 1
        self._files = None
        for group in (self._direct, self._buffered, self._slow, self._behind):
            group.pop(listener, None)
        if listener in self._stalled:
            self._stalled.remove(listener)

    def end(self, *, whole: bool) -> None:
        """Close all; `whole`: the stream is complete (its room has ended), and says so."""
        everybody = dict.fromkeys((*self._direct, *self._buffered, *self._slow, *self._behind))
        for listener in everybody:
            if whole and self.stream.ending and not listener.paused:
                listener.transport.write(self.stream.ending)
            self.leave(listener)
            listener.transport.close()
