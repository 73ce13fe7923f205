"""Connections: bytes between sockets, `protocol`, the routes and `fanout`.

A listener is one `Connection` (a small object with slots), its transport, and its place in a
channel's set: no task, queue or timer of its own. One request is answered at a time; what is
pipelined waits inside the reader, whose bounds hold. Deadlines lie in one wheel that the app
sweeps three times a second. Who comes when all places are taken is dropped unanswered, or may ask
and hear when to come again (`admission.Places`, `edge.door.entry`).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, cast

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, PeerError
from hustings.base.ids import names_private
from hustings.base.limits import plain_address
from hustings.edge.door.admission import Asker, Place, Places, asker
from hustings.edge.feed.relay import Relay
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer, Request, RequestReader
from hustings.edge.http.wheel import Wheel
from hustings.edge.metrics import Counts
from hustings.edge.sound.cohort import Cohort
from hustings.edge.sound.fanout import Channel
from hustings.edge.waiting.seats import Seats

log = logging.getLogger(__name__)

WRITE_S: Final = 60.0  # to read one whole answer (a 40 kB segment at 6 kbit/s)
OPEN: Final = {"Access-Control-Allow-Origin": "*"}
_CHATTER: Final = 64 * 1024  # a listener has nothing more to say

Handler = Callable[["Connection", Request], None]


class Server:
    """What the connections of one edge share."""

    def __init__(
        self,
        handler: Handler,
        *,
        clock: Clock,
        counts: Counts,
        places: Places,
        seats: Seats,
        buffer: int,
        trusted: Sequence[str] = (),
    ) -> None:
        """buffer: unsent bytes of one connection at which it is paused; trusted: our proxies."""
        self.handler = handler
        self.clock = clock
        self.counts = counts
        self.places = places
        self.seats = seats
        self.buffer = buffer
        self.trusted = frozenset(trusted)
        self.idle_s = protocol.IDLE_S  # less under pressure
        self.wheel: Wheel[Connection] = Wheel()
        self.connections: set[Connection] = set()
        self.draining = False  # each answer is a connection's last
        self._empty: asyncio.Future[None] | None = None

    def sweep(self) -> None:
        """Close whoever was too slow; called a few times a second."""
        for connection in self.wheel.expired(self.clock.monotonic()):
            connection.expire()

    def close(self) -> None:
        """Close all connections after what is written to them."""
        for connection in list(self.connections):
            connection.transport.close()

    def busy(self) -> list["Connection"]:
        """Those who listen or wait for an answer."""
        return [connection for connection in self.connections if connection.busy]

    async def empty(self) -> None:
        """Wait until all connections are gone; for one caller."""
        if self.connections:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty

    def slow_networks(self) -> float:
        """Of the networks from which somebody listens, the share where one reads too slowly."""
        networks, slow = set[str](), set[str]()
        for each in self.connections:
            if each.cohort is not None:
                networks.add(each.who.network)
                if each.paused:
                    slow.add(each.who.network)
        return len(slow) / max(1, len(networks))

    def arrival(self, address: str) -> "Arrival":
        """Somebody connects from this address: whom that is, and the place they get."""
        peer = plain_address(address)
        who = asker(peer, ours=peer in self.trusted)
        return Arrival(peer, who, self.places.take(who))

    def gone(self, connection: "Connection") -> None:
        """A connection has ended."""
        self.connections.discard(connection)
        self.places.leave(connection.arrival.who)
        self.wheel.remove(connection)
        if not self.connections and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)


class Arrival(NamedTuple):
    """What is known of a connection before it has said anything."""

    peer: str  # plain address
    who: Asker
    place: Place


class Connection(asyncio.Protocol):
    """One TCP connection: requests, then perhaps a stream for ever."""

    __slots__ = (
        "_chatter",
        "_drained",
        "_held",
        "_reader",
        "_relay",
        "_request",
        "_seat",
        "_server",
        "arrival",
        "asked",
        "bucket",
        "closed",
        "cohort",
        "deadline",
        "file",
        "paused",
        "transport",
        "who",
    )

    transport: asyncio.Transport
    arrival: Arrival
    who: Asker  # of the request in hand, which a proxy may have passed on

    def __init__(self, server: Server, arrival: Arrival | None = None) -> None:
        """arrival: of a connection that has its place already."""
        self._server = server
        if arrival is not None:
            self.arrival = arrival
        self.cohort: Cohort | None = None  # once it is a listener
        self.file = -1  # its socket, if a listener's bytes may go there directly
        self._relay: Relay | None = None  # once it is an edge that feeds on us
        self._seat = ""
        self.asked = False  # anything yet
        self._request: Request | None = None  # being answered
        self._held: Request | None = None  # the next one, until the answer before it has left
        self._reader: RequestReader | None = None  # None once it is a listener
        self._drained: Callable[[], None] | None = None  # of a long answer
        self._chatter = 0
        self.deadline = 0.0
        self.bucket = -1
        self.paused = False
        self.closed = False

    @property
    def made(self) -> bool:
        """Whether it has a transport, and so will be told of its end."""
        return hasattr(self, "transport")

    # ------------------------------------------------------------ asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the first timer, or drop who comes when even refusing costs too much."""
        server = self._server
        self.transport = cast("asyncio.Transport", transport)
        if not hasattr(self, "arrival"):
            self.arrival = server.arrival((transport.get_extra_info("peername") or ("",))[0])
        self.who = self.arrival.who
        server.connections.add(self)
        if self.arrival.place is Place.NONE:
            server.counts.refusals["dropped"] += 1
            self.transport.abort()
            return
        self.transport.set_write_buffer_limits(high=server.buffer, low=server.buffer // 4)
        self._reader = RequestReader(server.clock.monotonic())
        self._watch(self._reader.deadline)

    def data_received(self, data: bytes) -> None:
        """Read requests; a listener's further words are ignored, within a bound."""
        if self._reader is None:
            self._chatter += len(data)
            if self._chatter > _CHATTER:
                self.transport.abort()
            return
        try:
            if self._request is not None:
                self._reader.keep(data)
                return
            request = self._reader.feed(data, self._server.clock.monotonic())
        except PeerError as error:
            self.refuse(error)
            return
        self._handle(request)

    def pause_writing(self) -> None:
        """More than the buffer's limit is unsent."""
        self.paused = True
        if self.cohort is not None:
            self.cohort.pause(self)

    def resume_writing(self) -> None:
        """The buffer has drained to a quarter."""
        self.paused = False
        if self.cohort is not None:
            self.cohort.resume(self)
        elif self._drained is not None:
            self._drained()
        elif self._held is not None:
            held, self._held = self._held, None
            self._handle(held)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget everything."""
        del exc
        self.closed = True
        self._server.gone(self)
        if self._drained is not None:  # whoever writes a long answer sees that it is over
            self._drained()
        if self.cohort is not None:
            self.cohort.leave(self)
        if self._seat:
            self._server.seats.leave(self._seat)
        if self._relay is not None:
            self._relay.leave(self)

    # ------------------------------------------------------------ what routes call

    @property
    def draining(self) -> bool:
        """Whether the edge lets nobody begin to listen any more."""
        return self._server.draining

    @property
    def busy(self) -> bool:
        """Whether somebody listens, waits for an answer, or has come and may be about to ask."""
        kept = any(each is not None for each in (self.cohort, self._relay, self._request))
        return kept or not self.asked

    def answer(self, answer: Answer) -> None:
        """Answer the request in hand; then read the next, or close."""
        request, reader = self._request, self._reader
        if self.closed or request is None or reader is None:
            return
        last = self._server.draining or self.arrival.place is Place.FULL
        close = last or not request.keep_alive
        self._server.counts.answers[answer.status] += 1
        if names_private(request.path):  # of such a room no cache may keep anything
            headers = {**answer.headers, "Cache-Control": "no-store"}
            answer = msgspec.structs.replace(answer, headers=headers)
        self.transport.write(answer.encode(close=close, with_body=request.method != "HEAD"))
        self._request = None
        if close:
            self._end()
            return
        try:
            following = reader.answered(self._server.clock.monotonic(), self._server.idle_s)
        except PeerError as error:
            self.refuse(error)
            return
        self._watch(reader.deadline)
        self._request = following
        if following is not None and self.paused:
            self._held = following
        elif following is not None:  # not from here: a thousand pipelined ones would nest
            asyncio.get_running_loop().call_soon(self._handle, following)

    def refuse(self, error: HustingsError, headers: Mapping[str, str] = OPEN) -> None:
        """Answer with a problem; after a broken request nothing more can be read."""
        self._server.counts.refusals[error.code] += 1
        answer = protocol.problem(error, headers)
        if isinstance(error, PeerError):
            if not self.closed:
                self._server.counts.answers[answer.status] += 1
                self.transport.write(answer.encode(close=True))
                self._end()
            return
        self.answer(answer)

    def begin(self, head: bytes, drained: Callable[[], None]) -> None:
        """Begin a long answer whose pieces follow by `more`; `drained` is called when one may.

        The connection closes behind it: `head` must say so, and how long it is.
        """
        self._server.counts.answers[200] += 1
        self._drained = drained
        self.transport.write(head)

    def more(self, data: bytes) -> bool:
        """The next piece; False: wait until drained."""
        self.transport.write(data)
        return not self.paused

    def done(self) -> None:
        """Nothing follows any more."""
        self._drained = self._request = None
        if not self.closed:
            self._end()

    def turn_away(self, status: int, data: bytes) -> None:
        """Answer the request in hand with a refusal that is made already, and close."""
        if self.closed or self._request is None:
            return
        self._server.counts.answers[status] += 1
        self.transport.write(data)
        self._request = None
        self._end()

    def follow(self, relay: Relay, beginning: bytes) -> None:
        """Become an edge below this one; `beginning` is the answer's head and what comes first.

        Raises TryLater `edge_full`.
        """
        if self.closed:
            return
        relay.join(self, beginning)
        self._server.counts.answers[200] += 1
        self._server.wheel.remove(self)
        self._reader = self._request = None
        self._relay = relay

    def listen(
        self, channel: Channel, head: bytes, wished: int | None = None, *, seat: str
    ) -> None:
        """Become a listener of this channel; `head` begins the answer, and is for this one alone.

        seat: the stream, as `Seats` counts it.
        """
        if self.closed:
            return
        self._seat = seat
        self._server.seats.take(seat)
        self._server.counts.answers[200] += 1
        self._server.wheel.remove(self)
        self._reader = self._request = None
        self.file = _file(self.transport)
        self.transport.set_write_buffer_limits(high=channel.limit, low=channel.limit // 4)
        self.transport.write(head)
        channel.join(self, b"", wished)  # what follows is shared by all who come just now

    def carry_out(self, step: Handler) -> None:
        """Go on with the request in hand, if there still is one; an error becomes its answer."""
        request = self._request
        if request is None or self.closed:
            return
        try:
            step(self, request)
        except HustingsError as error:
            self.refuse(error)
        except Exception:
            log.exception("a request failed: %s", request.method)
            self.refuse(HustingsError("bug", "This edge has a bug; it is in its log."))

    def expire(self) -> None:
        """The deadline has passed."""
        reader = self._reader
        if self._request is not None:  # being answered: whoever answers has its own bound
            self._watch(self._server.clock.monotonic() + WRITE_S)
        elif reader is not None and reader.started and not self.transport.is_closing():
            self.refuse(PeerError("http_timeout", "The request came too slowly.", status=408))
        else:
            self.transport.abort()

    # ------------------------------------------------------------ inside

    def _handle(self, request: Request | None) -> None:
        reader = self._reader
        if reader is None or self.closed:
            return
        self._watch(reader.deadline)
        if request is None:
            return
        self.asked = True
        self._request = request
        self.carry_out(self._server.handler)

    def _watch(self, deadline: float) -> None:
        if self.transport.get_write_buffer_size():
            deadline = max(deadline, self._server.clock.monotonic() + WRITE_S)
        self.deadline = deadline
        self._server.wheel.add(self)

    def _end(self) -> None:
        self._reader = None
        self.transport.close()
        self._watch(self._server.clock.monotonic() + protocol.BODY_S)


def _file(transport: asyncio.Transport) -> int:
    """The socket below; -1 under TLS. It stays open until `connection_lost` has returned."""
    if transport.get_extra_info("sslcontext") is not None:
        return -1
    sock = transport.get_extra_info("socket")
    return -1 if sock is None else int(sock.fileno())
