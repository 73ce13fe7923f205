"""One process full of listeners: `python -m hustings.load.crowd`, orders on stdin, findings on stdout.

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
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
import numpy as np
import uvloop

from hustings.base.clock import Clock, SystemClock
from hustings.base.tasks import Tasks
from hustings.load.hearing import Hearing
from hustings.load.lines import Line, open_socket, source_address, why
from hustings.load.member import Member, Queued
from hustings.load.orders import Findings, Manner, News, Orders, Own
from hustings.load.scanning import Span
from hustings.load.tally import PERSONS, Refusals, Seconds, percentile

SILENT_S: Final = 8.0  # then a line is dead, as the page thinks
_LOOK_S: Final = 0.05
_KEPT_MS: Final = 200_000


class Crowd:
    """The people of one process."""

    def __init__(self, orders: Orders, clock: Clock, tell: Callable[[News], None]) -> None:
        self._orders = orders
        self._clock = clock
        self._tell = tell
        self._chance = np.random.default_rng([orders.seed, orders.first])
        self._loop = asyncio.get_running_loop()
        self._tls = _tls(orders)
        self._connecting = Tasks()
        self._lines: set[Line] = set()
        self._present: set[Member] = set()  # all but visitors who have left
        self._hearings: dict[Member, Hearing] = {}
        self._hearing = 0  # lines that are streams
        self._due = self._heard = self._number = 0
        self._seconds = Seconds()
        self._refusals = Refusals()
        self._faults = Counter[str]()
        self._findings = Findings()
        self._late_ms: list[float] = []
        self._loop_ms: list[float] = []
        self._no_files = 0
        self._over = False
        self.bytes = 0

    # ------------------------------------------------------------ what lines tell

    def now_s(self) -> float:
        """Seconds since the common start."""
        return self._clock.monotonic() - self._orders.at

    def later(self, delay_s: float, call: Callable[[], None]) -> None:
        """Call once the delay has passed."""
        self._loop.call_later(delay_s, call)

    def request(self, member: Member) -> bytes:
        """What a person sends."""
        target = self._orders.target
        host = f"[{target.host}]" if ":" in target.host else target.host
        lines = (
            f"GET {member.path(target.path)} HTTP/1.1",
            f"Host: {host}:{target.port}",
            "User-Agent: hustings-loadtest",
            "",
            "",
        )
        return "\r\n".join(lines).encode()

    def streams(self, line: Line, now_s: float) -> None:
        """The answer is the stream."""
        self._hearing += 1
        line.member.answered(now_s)
        if hearing := self._hearings.get(line.member):
            hearing.connected()
            line.hearing = hearing

    def took(self, line: Line, span: Span, now_s: float) -> None:
        """Parts came whole."""
        member = line.member
        stalls = member.player.stalls
        first = member.took(span, now_s)
        if member.player.stalls > stalls:
            self._seconds.add("stalls", now_s)
        if not first:
            return
        self._heard += 1
        self._seconds.add("first_sounds", now_s)
        if not member.stays:
            self._leave(line)
            self._present.discard(member)
            self._keep(member, now_s)

    def refused(self, line: Line, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """An answer that is no stream."""
        member, now_s = line.member, self.now_s()
        self._leave(line)
        retry_after = headers.get("retry-after", "")
        code = _code(status, body)
        self._refusals.add(code, status, retry_after, (now_s - member.tried_s) * 1_000)
        self._seconds.add("refusals", now_s)
        self._again(member, member.refused(retry_after, self._chance.random()))

    def broke(self, line: Line, reason: str) -> None:
        """The connection is gone, or what came over it was nonsense."""
        self._leave(line)
        self._fault(line.member, reason)

    def room_ended(self, line: Line) -> None:
        """The stream is complete: nobody comes back."""
        self._leave(line)

    # ------------------------------------------------------------ coming and going

    async def run(self, stop: asyncio.Event) -> Findings:
        """Everything until the orders' end, or until `stop`."""
        began = time.process_time(), self.now_s()
        tasks = Tasks()
        tasks.start(self._arrive(), name="arrivals")
        tasks.start(self._look(), name="watch")
        if self._orders.cut_s:
            self.later(max(0.0, self._orders.cut_s - self.now_s()), self._cut)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._orders.end_s - self.now_s())):
                await stop.wait()
                self._findings.ended_early = True
        self._over = True
        ended_s = self.now_s()
        await tasks.close()
        await self._connecting.close()
        for line in list(self._lines):
            line.close()
        for member in self._present:
            self._keep(member, ended_s)
        spent = time.process_time() - began[0]
        return self._result(spent / max(0.001, ended_s - began[1]))

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
        if self._chance.random() < orders.rude:
            manner = "rude"
        elif stays and self._chance.random() < orders.slow:
            manner = "slow"
        number = orders.first + self._number
        source, group = source_address(number)
        member = Member(due_s, manner, stays=stays, group=group)
        member.number, member.source = number, source if orders.own_addresses else ""
        self._present.add(member)
        self._number += 1
        self._due += 1
        self._seconds.add("due", due_s)
        late_ms = (self.now_s() - due_s) * 1_000
        self._seconds.most("late_ms", due_s, late_ms)
        if len(self._late_ms) < _KEPT_MS:
            self._late_ms.append(late_ms)
        return member

    def _begin(self, member: Member) -> None:
        """One attempt."""
        if self._over:
            return
        now_s = self.now_s()
        line = Line(self, member, now_s)
        member.tries(now_s)
        self._lines.add(line)
        self._connecting.start(self._connect(line), name="connect")

    async def _connect(self, line: Line) -> None:
        target, member = self._orders.target, line.member
        host = target.addresses[member.number % len(target.addresses)]
        try:
            sock = open_socket(host, member.source, slow=member.manner == "slow")
        except OSError as error:
            self._no_files += 1
            self._leave(line)
            self._fault(member, f"own_{why(error)}")
            return
        try:
            async with asyncio.timeout(SILENT_S):
                await self._loop.sock_connect(sock, (host, target.port))
                name = target.host if self._tls else None
                await self._loop.create_connection(
                    lambda: line, sock=sock, ssl=self._tls, server_hostname=name
                )
        except (OSError, TimeoutError) as error:
            sock.close()
            if not line.done:
                self.broke(line, why(error))
        except asyncio.CancelledError:  # the end
            sock.close()
            raise

    def _again(self, member: Member, delay_s: float) -> None:
        if not self._over:
            self.later(delay_s, lambda: self._begin(member))

    def _fault(self, member: Member, reason: str) -> None:
        self._faults[reason] += 1
        self._seconds.add("broken", self.now_s())
        self._again(member, member.broke(self._chance.random()))

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
            self._again(line.member, line.member.cut(now_s, self._chance.random()))

    # ------------------------------------------------------------ what is told

    async def _look(self) -> None:
        """Our own lateness twenty times a second; news once a second."""
        next_s, told_s, worst_ms = self.now_s(), -1, 0.0
        while True:
            next_s += _LOOK_S
            await asyncio.sleep(max(0.0, next_s - self.now_s()))
            now_s = self.now_s()
            late_ms = (now_s - next_s) * 1_000
            worst_ms = max(worst_ms, late_ms)
            if len(self._loop_ms) < _KEPT_MS:
                self._loop_ms.append(late_ms)
            next_s = max(next_s, now_s - _LOOK_S)
            if int(now_s) != told_s:
                told_s = int(now_s)
                self._hang_up(now_s)
                self._say(now_s, worst_ms)
                worst_ms = 0.0

    def _hang_up(self, now_s: float) -> None:
        """Lines over which nothing comes."""
        silent = [
            line
            for line in self._lines
            if now_s - line.heard_s > SILENT_S and line.member.manner != "slow"
        ]
        for line in silent:
            self.broke(line, "silent")

    def _say(self, now_s: float, late_ms: float) -> None:
        self._seconds.add("hearing", now_s, self._hearing)
        self._seconds.add("bytes", now_s, self.bytes - self._findings.bytes)
        self._findings.bytes = self.bytes
        self._seconds.most("late_ms", now_s, late_ms)
        self._tell(
            News(
                at_s=round(now_s, 2),
                due=self._due,
                hearing=self._hearing,
                heard=self._heard,
                refused=self._refusals.count,
                broken=self._faults.total(),
                bytes=self.bytes,
                late_ms=round(late_ms, 1),
            )
        )

    def _keep(self, member: Member, now_s: float) -> None:
        record = member.end(now_s)
        if len(self._findings.persons) < PERSONS:
            self._findings.persons.append(record)
        else:
            self._findings.untold += 1

    def _result(self, cpu: float) -> Findings:
        found = self._findings
        found.refusals = self._refusals.by_code
        found.refusal_ms = self._refusals.sample_ms
        found.faults = dict(self._faults)
        found.seconds = self._seconds.result()
        found.decoded = [each.result() for each in self._hearings.values()]
        found.bytes = self.bytes
        found.own = Own(
            cpu=round(cpu, 3),
            late_p99_ms=round(percentile(self._late_ms, 0.99), 1),
            late_max_ms=round(max(self._late_ms, default=0.0), 1),
            loop_p99_ms=round(percentile(self._loop_ms, 0.99), 1),
            loop_max_ms=round(max(self._loop_ms, default=0.0), 1),
            no_files=self._no_files,
        )
        return found


def _code(status: int, body: bytes) -> str:
    """The stable code of a problem document; else the status."""
    try:
        return msgspec.json.decode(body, type=Queued).code or f"http_{status}"
    except msgspec.DecodeError:
        return f"http_{status}"


def _tls(orders: Orders) -> ssl.SSLContext | None:
    target = orders.target
    if not target.tls:
        return None
    context = ssl.create_default_context()
    if target.ca:
        context.load_verify_locations(target.ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = not orders.own_addresses  # loopback: called anything
    return context


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
