"""The edge as a service: puts its parts together, listens, turns the clock, stops cleanly.

`run_edge` is called by `hustings edge`; tests run an `Edge` in their own loop. The edges of one
machine share the audience's port (`edge.share_port`), and each has an operator's lane of its own.
One loop does everything by one clock (`edge.rhythm`): rooms, deadlines, load, what the stage is told.
Stopping closes the streams without their last chunk, so that players resume at the next edge by
part number.
"""

import asyncio
import contextlib
import logging
import os
import resource
import signal
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings import VERSION
from hustings.archive.podcast import house_of
from hustings.base import heartbeat
from hustings.base.accepting import Acceptor
from hustings.base.clock import Clock, SystemClock
from hustings.base.errors import OperatorError
from hustings.base.ids import RoomId, new_id
from hustings.base.keyfiles import service_key
from hustings.base.listening import bound_socket, neighbour_tls, server_tls
from hustings.base.tasks import Tasks
from hustings.edge.announce.announcements import Announcements
from hustings.edge.announce.pictures import Pictures
from hustings.edge.door.admission import Places
from hustings.edge.door.entry import Door
from hustings.edge.door.standing import Standing
from hustings.edge.drain import drain
from hustings.edge.feed.tree import Tree
from hustings.edge.feed.upstream import Upstream
from hustings.edge.http.accepting import EdgeReception
from hustings.edge.http.lane import Lane
from hustings.edge.http.server import Arrival, Connection, Server
from hustings.edge.metrics import Counts
from hustings.edge.paper import Paper
from hustings.edge.past.archive import Past
from hustings.edge.pressure.watch import Watch
from hustings.edge.rhythm import Rhythm
from hustings.edge.rooms import Rooms
from hustings.edge.routes import Routes
from hustings.edge.status import Statuses
from hustings.edge.waiting.keys import HeldKeys
from hustings.edge.waiting.seats import Seats
from hustings.edge.waiting.tickets import WaitingRooms
from hustings.journal.keys import VKEY_FILE, read_public
from hustings.settings import EdgeSettings, Settings
from hustings.wire.links import links_for, near_url
from hustings.wire.report import Report
from hustings.wire.tokens import Claims, KeyRing

log = logging.getLogger(__name__)

PATIENCE_S: Final = 5.0  # for a stage that starts at the same time, or is away
STOP_S: Final = 1.0  # for what is written but not sent
BACKLOG: Final = 4_096  # connections that wait to be accepted; the kernel's default bound
SPARE: Final = 1_000  # connections over a limit that are still told to come later
_KERNEL_BYTES: Final = 64 * 1024  # SO_SNDBUF: what may be under way to one listener
_UNSENT_BYTES: Final = 16 * 1024  # ... of it not yet sent: what a slow reader may hide from us
_USER_TIMEOUT_MS: Final = 10_000  # a peer that acknowledges nothing for so long is gone
_OWN_FILES: Final = 200  # descriptors that are no listeners


class Edge:
    """One edge in the running loop."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self.counts = Counts()
        self.rooms = Rooms(settings=settings.edge, clock=clock, counts=self.counts)
        self.keys = HeldKeys(self.counts)
        self.seats = Seats(settings.edge, shut=self._shut)
        self.waiting = WaitingRooms(self.rooms, self.seats, self.keys, clock, self.counts)
        self.upstream = Upstream(
            settings.edge.origin or near_url(settings, settings.stage.port),
            credential(settings, clock),
            self.rooms,
            clock=clock,
            keys=self.keys,
            waiting=self.waiting,
            tls=True if settings.edge.origin else neighbour_tls(settings.tls.cert),
            journal_key=lambda: _journal_key(settings),
            report=self.report,
        )
        self.tree = Tree(
            self.rooms, self.counts, clock, waiting=self.waiting, report=self.upstream.pass_on
        )
        self.upstream.below = self.tree.line
        self.watch = Watch(self.rooms, clock, limit=settings.edge.listeners)
        house = partial(house_of, settings)
        self._paper = Paper(lambda asked: links_for(settings, asked_host=asked), house)
        self.announced = Announcements(self.rooms, self._paper.links_of, house, clock)
        items = self.announced.live_items
        self.pictures = Pictures(self.rooms, self.upstream.picture, clock)
        self.tree.pictures = self.pictures.below
        self.past = Past(
            settings, clock, self.rooms, pressure=self.watch.pressure, live_items=items
        )
        self.rooms.forget = self._forget
        self.routes = self._routes()
        self.door = self._door()
        self.server = Server(
            self.door.enter,
            clock=clock,
            counts=self.counts,
            places=Places(
                limit=settings.edge.listeners, of_network=settings.edge.of_network, spare=SPARE
            ),
            seats=self.seats,
            buffer=settings.edge.send_buffer_bytes,
            trusted=settings.guard.trusted_proxies,
        )
        self.ending = asyncio.Event()  # asked to drain
        self.lane = Lane(settings.edge.lane_port, self.routes.service, self.ending.set, clock)
        self._rhythm = Rhythm(
            self.rooms.tick,
            (self.server.sweep, self.lane.server.sweep, self._look, self.upstream.beat),
            clock=clock,
            pause_s=self.rooms.pause_s,
            late=self.watch.lag.take,
            broken=self.rooms.broken,
        )
        self.upstream.woken = self._rhythm.woken
        self._tasks = Tasks()
        self._listening: asyncio.Server | Acceptor[Arrival] | None = None

    def _forget(self, room: RoomId) -> None:
        """A room's recording was deleted."""
        self.past.forget(room)
        self._paper.forget(room)
        self.pictures.forget(room)

    def _shut(self) -> bool:
        """Whether there are no seats, however many are free."""
        return self.rooms.rung.low or self.ending.is_set()

    def _door(self) -> Door:
        settings, clock = self.settings, self._clock
        tickets = Standing(self.keys, clock, self.counts, called=self.waiting.called)
        return Door(
            self.routes.handle,
            clock=clock,
            counts=self.counts,
            page=lambda request, retry_s: self._paper.problem(request, "busy", retry_s=retry_s),
            join_share=settings.edge.join_share,
            standing=lambda request: self.tree.standing(request) or tickets(request),
            trusted=settings.guard.trusted_proxies,
            forwarded=settings.guard.forwarded_header,
            pressure=self.watch.pressure,
        )

    def _routes(self) -> Routes:
        return Routes(
            self.rooms,
            self._paper,
            self.waiting,
            keys=self.keys,
            counts=self.counts,
            gauges=self.gauges,
            statuses=Statuses(
                self.rooms,
                silent_s=lambda: self.upstream.silent_s,
                rung=self.watch.standing,
                clock=self._clock,
            ),
            below=self.tree,
            announced=self.announced,
            past=self.past,
            pictures=self.pictures,
            clock=self._clock,
        )

    async def start(self, sock: socket.socket, *, patience_s: float = 0.0) -> None:
        """Follow the stage, and listen on a bound socket.

        patience_s: how long at most to listen only when the stage has said which rooms there are:
        where edges share a port, the others take newcomers until then.
        """
        self.rooms.later = asyncio.get_running_loop().call_later
        self._paper.warm()  # before anybody listens: one loop does everything
        self.upstream.start()
        self._rhythm.start(asyncio.get_running_loop())
        self._tasks.start(heartbeat.beat(), name="heartbeat")
        if self.lane.port:
            self._tasks.start(self.lane.open(), name="lane")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.upstream.told.wait()
        await self._listen(sock)

    async def _listen(self, sock: socket.socket) -> None:
        tls = server_tls(self.settings.tls.cert, self.settings.tls.key)
        if tls is not None or self.settings.edge.proxy_protocol:
            reception = EdgeReception(self.server, proxied=self.settings.edge.proxy_protocol)
            self._listening = Acceptor(sock, reception, self._tasks, tls=tls)
            self._listening.start(BACKLOG)
            return
        self._listening = await asyncio.get_running_loop().create_server(
            lambda: Connection(self.server), sock=sock, backlog=BACKLOG
        )

    async def drain(self) -> None:
        """Be ready for nobody new, and let all go elsewhere without a silence; then `close`."""
        self.routes.draining = True
        await asyncio.sleep(self.settings.edge.linger_s)
        if self._listening is not None:
            self._listening.close()
        self.lane.close()
        self.tree.close()
        await drain(
            self.rooms,
            self.server,
            self._clock,
            spread_s=self.rooms.spread.needed_s(self.rooms.listeners),
            within_s=self.settings.edge.drain_s,
        )

    async def close(self) -> None:
        """Stop accepting, let go of all listeners and of the stage."""
        if self._listening is not None:
            self._listening.close()
        self.lane.close()
        for live in self.rooms.live.values():
            live.close(whole=False)
        self.server.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await self.server.empty()
        for connection in list(self.server.connections):
            connection.transport.abort()
        self._rhythm.stop()
        await self._tasks.close()
        await self.upstream.close()
        await self.past.close()
        await self.pictures.close()

    def gauges(self) -> Mapping[str, float]:
        """What `/metrics` shows beside the counters."""
        return {
            "connections": len(self.server.connections),
            "listeners": self.rooms.listeners,
            "hands": self.rooms.hands,
            "rooms": len(self.rooms.live),
            "seats_free": self.seats.free,
            "waiting": self.waiting.waiting,
            "stage_near": float(self.upstream.near),
            "ladder_level": self.rooms.rung.level,
            "pressure": self.watch.pressure(),
        }

    def report(self) -> Report:
        """How this edge is doing, for the operator's board."""
        live = self.rooms.live.values()
        return Report(
            name=f":{self.lane.port}" if self.lane.port else "",
            version=VERSION,
            rung=self.watch.standing(),
            pressure=self.watch.pressure(),
            cpu_s=round(sum(os.times()[:2]), 3),
            rooms=len(live),
            listeners=self.rooms.listeners,
            waiting=self.rooms.waiting,
            connections=len(self.server.connections),
            limit=self.settings.edge.listeners,
            seats=self.seats.free,
            wall_ms=self._clock.wall_ms(),
            joins=self.counts.joins,
            sent_bytes=self.counts.sent_bytes,
            refusals=dict(self.counts.refusals.most_common(100)),
        )

    def _look(self) -> None:
        """How hard this edge works, and what follows from it."""
        self.server.idle_s = self.door.idle_s
        self.rooms.spread.rate = self.door.admission.rate
        self.rooms.spread_out()
        self.watch.climb(len(self.server.connections), self.door.spent_s, self.server.slow_networks)


def run_edge(settings: Settings) -> int:
    """Serve until SIGTERM (drain first) or SIGINT (end now); 0.

    Raises OperatorError: port_taken, tls_pair.
    """
    sock = listen(settings.host, settings.edge.port, reuse_port=settings.edge.share_port)
    code: int = uvloop.run(_run(settings, sock))
    return code


async def _run(settings: Settings, sock: socket.socket) -> int:
    settings = _within_files(settings)
    edge = Edge(settings, SystemClock())
    loop = asyncio.get_running_loop()
    life = loop.create_task(_live(edge, settings, sock), name="life")
    loop.add_signal_handler(signal.SIGTERM, edge.ending.set)
    loop.add_signal_handler(signal.SIGINT, life.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await life
    await edge.close()
    return 0


async def _live(edge: Edge, settings: Settings, sock: socket.socket) -> None:
    """From the first listener to the last."""
    await edge.start(sock, patience_s=PATIENCE_S)
    heartbeat.ready(near_url(settings, sock.getsockname()[1]))
    await edge.ending.wait()
    await edge.drain()


def listen(host: str, port: int, *, reuse_port: bool = False) -> socket.socket:
    """A bound TCP socket whose connections inherit our bounds. Raises OperatorError."""
    sock = bound_socket(host, port, flag="--edge-port", reuse_port=reuse_port)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
    return sock


def _journal_key(settings: Settings) -> Ed25519PublicKey | None:
    """What the stage signs with: as the settings say, else as its folder on this machine does."""
    if settings.edge.journal_key:
        return read_public(settings.edge.journal_key)
    beside = Path(settings.data) / "keys" / VKEY_FILE
    return read_public(str(beside)) if not settings.edge.origin and beside.exists() else None


def credential(settings: Settings, clock: Clock) -> str:
    """What the stage is shown: the one that was given, or on its own machine one from its keys.

    Raises OperatorError `key_file`, and `edge_token` if another machine's stage is followed.
    """
    if settings.edge.token:
        return settings.edge.token
    if settings.edge.origin:
        raise OperatorError(
            "edge_token",
            "An edge of another machine's stage needs a credential: make one there by "
            "`hustings edge-token` and give it by --token-file or HUSTINGS_EDGE_TOKEN.",
        )
    claims = Claims(typ="edge", jti=new_id(), iat=clock.wall_ms() // 1_000, name="this machine")
    return KeyRing([service_key(Path(settings.data))]).sign(claims)


def _within_files(settings: Settings) -> Settings:
    """Raise the limit of open files, and lower that of connections to what it allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    room = (
        max(100, most - _OWN_FILES - SPARE)
        if most != resource.RLIM_INFINITY
        else settings.edge.listeners
    )
    if room < settings.edge.listeners:
        wished = settings.edge.listeners != EdgeSettings().listeners
        log.log(
            logging.WARNING if wished else logging.INFO,
            "room for %d connections, as this machine allows a process %d open files",
            room,
            most,
        )
        edge = msgspec.structs.replace(settings.edge, listeners=room)
        settings = msgspec.structs.replace(settings, edge=edge)
    return settings
