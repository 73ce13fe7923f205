"""One process full of listeners: `python -m hustings.load.crowd.process`, orders on stdin, findings on stdout.

Keeps true: people come when their moment has come, whatever the server does (open loop); a process ends
by itself at its orders' end, or when its stdin closes (its parent has died or wants the result now);
it measures its own lateness, so that a slow generator is not taken for a slow server. One timer,
one loop; a listener is a `Line` and a `Member`.
"""

import asyncio
import contextlib
import gc
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
import uvloop

from hustings.base.clock import Clock, SystemClock
from hustings.base.tasks import Tasks
from hustings.load.crowd.hearing import Hearing
from hustings.load.crowd.lines import Line, open_socket, source_address, tls_of, why
from hustings.load.crowd.member import Member
from hustings.load.crowd.notes import Notes
from hustings.load.crowd.scanning import Span, Word
from hustings.load.crowd.waiter import Told, Waiter
from hustings.load.crowd.waiting import WaitingLine
from hustings.load.rehearsal.orders import Findings, Manner, News, Orders
from hustings.wire.patience import asked_s

SILENT_S: Final = 8.0  # then a line is dead, as the page thinks
TICKET: Final = "hustings-ticket"
_LOOK_S: Final = 0.05
_EACH: Final = 2**32  # an address for each


class Crowd:
    """The people of one process."""

    def __init__(self, orders: Orders, clock: Clock, tell: Callable[[News], None]) -> None:
        self.room = orders.target.room
        self.notes = Notes()
        self._orders = orders
        self._clock = clock
        self._tell = tell
        self._draw = np.random.default_rng([orders.seed, orders.first])
        self._loop = asyncio.get_running_loop()
        self._tls = tls_of(orders.target)
        self._connecting = Tasks()
        self._lines: set[Line] = set()
        self._waiting: dict[Member, WaitingLine] = {}
        self._present: set[Member] = set()  # all but visitors who have left
        self._hearings: dict[Member, Hearing] = {}
        self._hearing = 0  # lines that are streams
        self._number = 0
        self._over = False

    def now_s(self) -> float:
        """Seconds since the common start."""
        return self._clock.monotonic() - self._orders.at

    def later(self, delay_s: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        """Call once the delay has passed."""
        return self._loop.call_later(delay_s, call)

    def chance(self) -> float:
        """0..1, of this process's seed."""
        return float(self._draw.random())

    def get(self, path: str) -> bytes:
        """A request."""
        target = self._orders.target
        host = f"[{target.host}]" if ":" in target.host else target.host
        return (
            f"GET {path} HTTP/1.1\r\nHost: {host}:{target.port}\r\n"
            "User-Agent: hustings-loadtest\r\n\r\n"
        ).encode()

    def request(self, member: Member) -> bytes:
        """For a person's stream."""
        return self.get(member.path(self._orders.target.path))

    # ------------------------------------------------------------ what lines tell

    def streams(self, line: Line, headers: Mapping[str, str], now_s: float) -> None:
        """The answer is the stream."""
        self._hearing += 1
        member = line.member
        member.answered(now_s)
        member.ticket = headers.get(TICKET, member.ticket)
        self._stop_waiting(member, now_s)
        if hearing := self._hearings.get(member):
            hearing.connected()
            line.hearing = hearing

    def took(self, line: Line, span: Span, now_s: float) -> None:
        """Parts came whole."""
        member, before = line.member, line.before
        if before is not None and span.first + span.parts >= member.player.next:
            self._leave(before)  # we are in step with it
            line.before = None
        stalls = member.player.stalls
        first = member.took(span, now_s)
        if member.player.stalls > stalls:
            self.notes.stalled(now_s)
        if not first:
            return
        self.notes.sound(now_s)
        if not member.stays:
            self._leave(line)
            self._present.discard(member)
            self.notes.keep(member.end(now_s))

    def told(self, line: Line, word: Word) -> None:
        """The edge says how to come back, or that it will go."""
        if word.kind == "drain":
            self._move(line, self.chance() * word.body.spread_s)
        elif word.kind == "reconnect":
            line.member.spread_s = word.body.spread_s
        elif word.kind == "state":
            line.member.spread_s = word.body.reconnect_s

    def refused(self, line: Line, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An answer that is no stream."""
        member, now_s = line.member, self.now_s()
        retry_after = headers.get("retry-after", "")
        told = _told(status, body)
        self.notes.refused(told.code, status, retry_after, tried_s=member.tried_s, now_s=now_s)
        self._leave(line)
        if told.code == "queue" and told.ticket:
            self._wait(member, told, asked_s(retry_after), now_s)
        else:
            self._retry(line, member.refused(retry_after, self.chance()))

    def broke(self, line: Line, reason: str) -> None:
        """The connection is gone, or what came over it was nonsense."""
        self._leave(line)
        if line.successor is None or line.successor.done:
            now_s = self.now_s()
            self.notes.broke(reason, now_s)
            self._retry(line, line.member.broke(now_s, self.chance()))

    def room_ended(self, line: Line) -> None:
        """The stream is complete: nobody comes back."""
        self._leave(line)

    # ------------------------------------------------------------ the queue

    def _wait(self, member: Member, told: Told, asked: float, now_s: float) -> None:
        """There is no seat: hear the slower stream until there is one."""
        member.queued(told, now_s)
        line = self._waiting.get(member)
        if line is not None:
            line.waiter.again(told, asked, now_s)
        else:
            waiter = Waiter(told, self._orders.target.rendition, now_s, self.chance)
            line = self._waiting[member] = WaitingLine(self, member, waiter)
            line.plan()
        if line.waiter.place is None:  # the edge says it when asked
            self._again(member, asked + self.chance() * asked)

    def turn(self, line: WaitingLine) -> None:
        """Their place has come: ask for the seat, hearing on meanwhile."""
        line.waiter.turn = False
        self._begin(line.member)

    def connect_waiting(self, line: WaitingLine) -> None:
        """Open the connection of one who waits."""
        self._connecting.start(self._connect_waiting(line), name="waiting")

    async def _connect_waiting(self, line: WaitingLine) -> None:
        try:
            await self._open(line.member, lambda: line)
        except (OSError, TimeoutError):
            line.failed()

    def _stop_waiting(self, member: Member, now_s: float) -> None:
        if (line := self._waiting.pop(member, None)) is not None:
            member.waited(line.waiter.sound_s, now_s)
            line.close()

    # ------------------------------------------------------------ coming and going

    async def run(self, stop: asyncio.Event) -> Findings:
        """Everything until the orders' end, or until `stop`."""
        spent_s, began_s = time.process_time(), self.now_s()
        tasks = Tasks()
        tasks.start(self._arrive(), name="arrivals")
        tasks.start(self._look(), name="watch")
        if self._orders.cut_s:
            self.later(max(0.0, self._orders.cut_s - self.now_s()), self._cut)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._orders.end_s - self.now_s())):
                await stop.wait()
        self._over = True
        ended_s = self.now_s()
        for member in list(self._waiting):  # before anything can call them: they would ask
            self._stop_waiting(member, ended_s)
        await tasks.close()
        await self._connecting.close()
        for line in list(self._lines):
            line.close()
        for member in self._present:
            self.notes.keep(member.end(ended_s))
        return self.notes.result(
            cpu=(time.process_time() - spent_s) / max(0.001, ended_s - began_s),
            decoded=[each.result() for each in self._hearings.values()],
            ended_early=stop.is_set(),
        )

    async def _arrive(self) -> None:
        """Each person at their moment; those whose moment has passed, all at once."""
        orders = self._orders
        every = max(1, len(orders.listeners) // max(1, orders.decoders))
        moments = [(at, True) for at in orders.listeners] + [(at, False) for at in orders.visits]
        for number, (due_s, stays) in enumerate(sorted(moments)):
            if (ahead_s := due_s - self.now_s()) > 0:
                await asyncio.sleep(ahead_s)
            member = self._born(due_s, stays=stays)
            if stays and len(self._hearings) < orders.decoders and number % every == 0:
                self._hearings[member] = Hearing(orders.target.rendition)
            self._begin(member)
            if number % 50 == 49:
                await asyncio.sleep(0)  # a stampede must not stop those who hear

    def _born(self, due_s: float, *, stays: bool) -> Member:
        orders = self._orders
        manner: Manner = "polite"
        if self.chance() < orders.rude:
            manner = "rude"
        elif stays and self.chance() < orders.slow:
            manner = "slow"
        number = orders.first + self._number
        source, group = source_address(number % (orders.addresses or _EACH))
        member = Member(due_s, manner, stays=stays, group=group)
        member.number, member.source = number, "" if orders.addresses is None else source
        self._present.add(member)
        self._number += 1
        self.notes.came(due_s, self.now_s())
        return member

    def _begin(self, member: Member, before: Line | None = None) -> None:
        """One attempt; `before`: the line to be taken over from."""
        if self._over or (before is not None and before.done):
            return
        now_s = self.now_s()
        line = Line(self, member, now_s)
        if before is not None:
            line.before, before.successor = before, line
        member.tries(now_s)
        self._lines.add(line)
        self._connecting.start(self._connect(line), name="connect")

    async def _connect(self, line: Line) -> None:
        try:
            await self._open(line.member, lambda: line)
        except (OSError, TimeoutError) as error:
            if not line.done:
                self.broke(line, why(error))

    async def _open(self, member: Member, line: Callable[[], asyncio.Protocol]) -> None:
        """A connection from the person's own address. Raises OSError, TimeoutError."""
        target = self._orders.target
        host = target.addresses[member.number % len(target.addresses)]
        try:
            sock = open_socket(host, member.source, slow=member.manner == "slow")
        except OSError:
            self.notes.no_files += 1
            raise
        try:
            async with asyncio.timeout(SILENT_S):
                await self._loop.sock_connect(sock, (host, target.port))
                name = target.host if self._tls else None
                await self._loop.create_connection(
                    line, sock=sock, ssl=self._tls, server_hostname=name
                )
        except BaseException:
            sock.close()
            raise

    def _move(self, line: Line, delay_s: float) -> None:
        """Be on another line before this one ends."""
        self.later(delay_s, lambda: self._begin(line.member, line))

    def _retry(self, line: Line, delay_s: float) -> None:
        if line.before is not None and not line.before.done:
            self._move(line.before, delay_s)
        else:
            self._again(line.member, delay_s)

    def _again(self, member: Member, delay_s: float) -> None:
        if not self._over:
            self.later(delay_s, lambda: self._begin(member))

    def _leave(self, line: Line) -> None:
        if not line.done:
            self._hearing -= line.is_stream
        line.close()
        self._lines.discard(line)

    def _cut(self) -> None:
        """Every connection breaks at once, as when an edge dies."""
        now_s = self.now_s()
        for line in [each for each in self._lines if each.is_stream]:
            self._leave(line)
            self._again(line.member, line.member.broke(now_s, self.chance()))

    # ------------------------------------------------------------ what is told

    async def _look(self) -> None:
        """Our own lateness twenty times a second; news once a second."""
        next_s, told_s = max(0.0, self.now_s()), -1
        while True:
            next_s += _LOOK_S
            await asyncio.sleep(max(0.0, next_s - self.now_s()))
            now_s = self.now_s()
            self.notes.looked((now_s - next_s) * 1_000)
            next_s = max(next_s, now_s - _LOOK_S)
            if int(now_s) != told_s:
                told_s = int(now_s)
                self._hang_up(now_s)
                waiting = len(self._waiting)
                self._tell(self.notes.news(now_s, hearing=self._hearing, waiting=waiting))

    def _hang_up(self, now_s: float) -> None:
        """Lines over which nothing comes."""
        silent = [
            line
            for line in self._lines
            if now_s - line.heard_s > SILENT_S and line.member.manner != "slow"
        ]
        for line in silent:
            self.broke(line, "silent")


def _told(status: int, body: bytes) -> Told:
    """The problem document of a refusal; with the status where it has no code."""
    try:
        told = msgspec.json.decode(body, type=Told)
    except msgspec.DecodeError:
        told = Told()
    told.code = told.code or f"http_{status}"
    return told


def _say(message: News | Findings) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(message) + b"\n")
    sys.stdout.buffer.flush()


async def _run(orders: Orders) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), stop.set)  # closed, or a word: the parent wants the end
    gc.freeze()
    found = await Crowd(orders, SystemClock(), _say).run(stop)
    loop.remove_reader(sys.stdin.fileno())
    _say(found)


def main() -> int:
    """One process of a rehearsal."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us, with a report
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.buffer.write(b'"ready"\n')
        sys.stdout.buffer.flush()
        if line := sys.stdin.buffer.readline():
            uvloop.run(_run(msgspec.json.decode(line, type=Orders)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
