"""uvicorn's HTTP connection behind `Limits`: bounds on the way in, none on the way out.

uvicorn keeps a silent, partial or dripping connection open for ever. Here a connection must
speak, finish its headers and its body in time and size; there are only so many connections, and
so many requests for each address; and new requests may use only a share of the core
(`WorkBudget`), which keeps a flood away from sound in the same process. Once a request is
complete nothing limits its answer: feeds and WebSockets live as long as they like.

`base.server` runs it. The seam is uvicorn's `http=` protocol class; tests/integration/test_guard.py would notice if a
new uvicorn moved it.
"""

import asyncio
import collections
import socket
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from hustings.base.clock import Clock
from hustings.base.limits import (
    Gcra,
    Limits,
    WorkBudget,
    address_key,
    client_address,
    content_length,
    forwarded_hops,
    plain_address,
)

STUCK_MS: Final = 30_000  # a peer that takes nothing for so long is gone


def _refusal(status: str, code: str, title: str, *, retry_s: int = 0) -> bytes:
    """A whole answer, made once: a problem document, then the connection ends."""
    number = status.partition(" ")[0]
    body = (
        f'{{"type":"urn:hustings:error:{code}","title":"{title}",'
        f'"status":{number},"code":"{code}"}}'
    )
    retry = f"retry-after: {retry_s}\r\ncache-control: max-age=1\r\n" if retry_s else ""
    return (
        f"HTTP/1.1 {status}\r\ncontent-type: application/problem+json\r\n{retry}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}"
    ).encode()


REFUSALS: Final = {
    "request_broken": _refusal("400 Bad Request", "request_broken", "This is not HTTP/1.1."),
    "request_head": _refusal(
        "431 Request Header Fields Too Large", "request_head", "The headers are too long."
    ),
    "request_body": _refusal("413 Content Too Large", "request_body", "The body is too long."),
    "request_rate": _refusal(
        "429 Too Many Requests", "request_rate", "Too many requests at once.", retry_s=5
    ),
    "busy": _refusal("503 Service Unavailable", "busy", "Busy: try again soon.", retry_s=5),
}


class Gate:
    """What all connections of one port share: counts, rates, the work budget and its queue.

    Two queues of one kind wait for the budget: data not yet parsed and requests not yet begun;
    each connection is in it at most twice, so it is bounded. Who waits longer than
    `Limits.hold_s` gets 503.
    """

    def __init__(self, limits: Limits, clock: Clock) -> None:
        self.limits = limits
        self.clock = clock
        self.rates = Gcra(rate=limits.rate, burst=limits.burst)
        self.budget = WorkBudget(share=limits.work_share, slice_s=limits.work_slice_s)
        self.open: collections.Counter[str] = collections.Counter()  # by `address_key`
        self.shaking: collections.Counter[str] = collections.Counter()  # ... in a handshake
        self.refused: collections.Counter[str] = collections.Counter()
        self._queue: collections.deque[tuple[float, Callable[[bool], None]]] = collections.deque()
        self._planned = False

    def statistics(self) -> dict[str, int]:
        """Refusals by code, for /metrics."""
        return dict(self.refused)

    def crowded(self, peer: str, key: str) -> bool:
        """Whether one more handshake of this address would be too many, with a quarter to spare."""
        limits = self.limits
        all_of_them = self.open.total() + self.shaking.total()
        theirs = 0 if peer in limits.trusted_proxies else self.open[key] + self.shaking[key]
        return all_of_them > limits.connections * 5 // 4 or theirs > limits.per_address * 5 // 4

    def spend(self, cpu_s: float) -> None:
        """Charge work for a new request."""
        self.budget.spend(cpu_s, self.clock.monotonic())

    def may_begin(self) -> bool:
        """May new work begin now? Those who wait already come first."""
        return not self._queue and self.budget.wait(self.clock.monotonic()) == 0.0

    def wait(self, begin: Callable[[bool], None]) -> None:
        """Call `begin(late)` in turn, when the budget allows; late: it waited too long."""
        self._queue.append((self.clock.monotonic(), begin))
        self._plan()

    async def turn(self) -> bool:
        """Wait for the budget; False if that took too long."""
        if self.may_begin():
            return True
        turn = asyncio.get_running_loop().create_future()
        self.wait(lambda late: None if turn.done() else turn.set_result(not late))
        return bool(await turn)

    def _plan(self) -> None:
        if not self._planned and self._queue:
            self._planned = True
            wait = self.budget.wait(self.clock.monotonic())
            asyncio.get_running_loop().call_later(wait, self._release)

    def _release(self) -> None:
        """Let one in, and look again after its step, which is when its cost is known."""
        self._planned = False
        now = self.clock.monotonic()
        if self._queue and self.budget.wait(now) == 0.0:
            since, begin = self._queue.popleft()
            begin(now - since > self.limits.hold_s)
        self._plan()


class Phase(Enum):
    """Where a connection stands; each but ANSWER has a deadline."""

    NEW = auto()
    HEAD = auto()
    BODY = auto()
    ANSWER = auto()
    IDLE = auto()
    GONE = auto()


class Refused(Exception):
    """Raised in a parser callback: stop reading this request."""


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 connection, with deadlines and bounds until the request is complete."""

    gate: Gate

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._phase = Phase.NEW
        self._timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._body_bytes = 0
        self._most_bytes = 0  # of this request's body
        self._unparsed = 0
        self._waiting = b""
        self._refusal = "request_broken"
        self._peer = ""

    @property
    def made(self) -> bool:
        """Whether it was ever connected."""
        return self.transport is not None

    # from the transport

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count it; beyond the cap it may ask once and hears 503."""
        super().connection_made(transport)
        limits, gate = self.gate.limits, self.gate
        peer = plain_address(self.client[0]) if self.client else ""
        self.client = (peer, self.client[1]) if self.client else None
        self._peer = address_key(peer)
        gate.open[self._peer] += 1
        _set_stuck_timeout(transport)
        self._arm(limits.first_byte_s)
        crowded = len(self.connections) > limits.connections or (
            gate.open[self._peer] > limits.per_address and peer not in limits.trusted_proxies
        )
        if not crowded:
            return
        self._refusal = "busy"
        if len(self.connections) > limits.connections * 5 // 4:
            self._end("busy_abort")

    def data_received(self, data: bytes) -> None:
        """Read a request, or let it wait until the budget allows."""
        if self._phase is Phase.GONE:
            return
        if self._refusal == "busy":
            self._refuse("busy")
        elif self._phase not in {Phase.NEW, Phase.IDLE}:
            self._feed(data)
        elif len(data) > self.gate.limits.at_once:
            self._refuse("request_body")
        elif self.gate.may_begin():
            self._begin(data)
        else:
            self._disarm()
            self._unset_keepalive_if_required()
            self._waiting = data
            self.transport.pause_reading()
            self.gate.wait(self._let_in)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._leave()
        super().connection_lost(exc)

    # from the parser

    def on_message_begin(self) -> None:
        """A request begins: charge its sender, unless a proxy of ours speaks for others."""
        super().on_message_begin()
        self._phase = Phase.HEAD
        self._head_bytes = self._body_bytes = self._unparsed = 0
        self._arm(self.gate.limits.head_s)
        if self.client and self.client[0] not in self.gate.limits.trusted_proxies:
            self._charge(self.client[0])

    def on_url(self, url: bytes) -> None:
        """Count."""
        super().on_url(url)
        self._count_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count."""
        super().on_header(name, value)
        self._count_head(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """Who asks, and how much is to come; then the app begins."""
        limits = self.gate.limits
        if self.client and self.client[0] in limits.trusted_proxies:
            self._believe_proxy()
        method = self.parser.get_method()
        uploads = _has_files(self.headers) and limits.takes_files(method, self.url)
        self._most_bytes = limits.upload_bytes if uploads else limits.body_bytes
        for name, value in self.headers:
            if name == b"content-length" and (content_length(value) or 0) > self._most_bytes:
                self._stop("request_body")
        self._phase = Phase.BODY
        self._arm(limits.upload_s if uploads else limits.body_s)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count."""
        self._body_bytes += len(body)
        if self._body_bytes > self._most_bytes:
            self._stop("request_body")
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole: no limits from here on."""
        super().on_message_complete()
        self._disarm()
        self._phase = Phase.ANSWER
        if self.cycle is not None and self.cycle.response_complete:  # answered before its end
            self._rest()

    def on_response_complete(self) -> None:
        """The answer is out; the next request may come."""
        super().on_response_complete()
        if self._phase is Phase.ANSWER and not self.pipeline:
            self._rest()

    def handle_websocket_upgrade(self) -> None:
        """A WebSocket is no longer ours."""
        transport = self.transport
        self._leave()
        super().handle_websocket_upgrade()
        self.transport = transport

    def send_400_response(self, msg: str) -> None:
        """uvicorn's way out of the parser: our refusal instead of its text."""
        del msg
        self._refuse(self._refusal)

    # steps

    def _let_in(self, late: bool) -> None:
        """Its turn has come, or it waited too long."""
        data, self._waiting = self._waiting, b""
        if self._phase is Phase.GONE:
            return
        if late:
            self._refuse("busy")
            return
        self.transport.resume_reading()
        self._begin(data)

    def _begin(self, data: bytes) -> None:
        self._phase = Phase.HEAD
        self._unparsed = 0
        self._arm(self.gate.limits.head_s)
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        began = time.thread_time()
        super().data_received(data)
        self.gate.spend(time.thread_time() - began)
        if self._phase is Phase.HEAD:  # the parser keeps what is not yet a whole header
            self._unparsed += len(data)
            if self._unparsed > self.gate.limits.head_bytes:
                self._refuse("request_head")

    def _rest(self) -> None:
        self._phase = Phase.IDLE
        self._arm(self.gate.limits.idle_s)

    def _count_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > self.gate.limits.head_bytes:
            self._stop("request_head")

    def _charge(self, address: str) -> None:
        if self.gate.rates.take(address_key(address), self.gate.clock.monotonic()) > 0:
            self._stop("request_rate")

    def _believe_proxy(self) -> None:
        headers = {name: value.decode("latin-1") for name, value in self.headers}
        limits = self.gate.limits
        named = headers.get(limits.forwarded_header.encode(), "")
        hops = forwarded_hops(named, limits.forwarded_header)
        client = client_address(self.client[0], hops, limits.trusted_proxies)  # type: ignore[index]
        if client not in limits.trusted_proxies:
            self._charge(client)
            self.scope["client"] = (client[:64], 0)
        if headers.get(b"x-forwarded-proto") == "https":
            self.scope["scheme"] = "https"

    def _stop(self, code: str) -> None:
        self._refusal = code
        raise Refused(code)

    def _refuse(self, code: str) -> None:
        """Answer from the shelf and close; nothing if an answer is under way."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete or not cycle.response_started:
            self.transport.write(REFUSALS[code])
        self._end(code, abort=False)

    def _end(self, reason: str, *, abort: bool = True) -> None:
        self.gate.refused[reason] += 1
        self._disarm()
        self._phase = Phase.GONE
        if self.cycle is not None:
            self.cycle.disconnected = True
        if abort:
            self.transport.abort()
        else:
            self.transport.close()

    def _leave(self) -> None:
        self._disarm()
        self._phase = Phase.GONE
        if self._peer:
            self.gate.open[self._peer] -= 1
            if self.gate.open[self._peer] <= 0:
                del self.gate.open[self._peer]
            self._peer = ""

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self) -> None:
        """Too slow: close without a word, as a word would cost more than it tells."""
        self._end("idle" if self._phase is Phase.IDLE else f"slow_{self._phase.name.lower()}")


def _has_files(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether this is a form that may have files in it."""
    return any(
        name == b"content-type" and value.lower().startswith(b"multipart/form-data")
        for name, value in headers
    )


def _set_stuck_timeout(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None and hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, STUCK_MS)
