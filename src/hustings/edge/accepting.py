"""Accepting where a connection has something to do before its first request: TLS, or PROXY.

Keeps true: whoever is in a handshake has a place and a deadline like everybody else, so silent
handshakes cannot pile up unseen; a PROXY header is read from trusted peers only, and before TLS.
A plain edge lets the loop accept, which is cheaper. Owned by `edge.app`.
"""

import asyncio
import contextlib
import errno
import logging
import socket
import ssl
import struct
from typing import Final

from hustings.base.errors import PeerError
from hustings.base.tasks import Tasks
from hustings.edge import proxy_protocol
from hustings.edge.admission import Place
from hustings.edge.server import Arrival, Connection, Server

log = logging.getLogger(__name__)

HANDSHAKE_S: Final = 5.0
_AT_ONCE: Final = 64  # connections between two looks at everything else
_REST_S: Final = 0.5  # when the system has no files or memory left
_SHORT: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, keep nothing


class Acceptor:
    """Takes connections from one listening socket, which it owns."""

    def __init__(
        self,
        sock: socket.socket,
        server: Server,
        tasks: Tasks,
        *,
        tls: ssl.SSLContext | None,
        proxied: bool,
    ) -> None:
        """tasks: for handshakes; whoever closes them cuts those off.

        proxied: connections of `server.trusted` peers begin with a PROXY header.
        """
        self._sock = sock
        self._server = server
        self._tls = tls
        self._proxied = proxied
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()

    def start(self, backlog: int) -> None:
        """Listen, in the running loop."""
        self._sock.listen(backlog)
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Accept no more; handshakes under way may end."""
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _SHORT:
                    raise
                log.warning("cannot accept just now: %s", error.strerror)
                self._loop.remove_reader(self._sock)
                self._loop.call_later(_REST_S, self._resume)
                return
            self._begin(sock, str(address[0]))

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)

    def _begin(self, sock: socket.socket, address: str) -> None:
        sock.setblocking(False)
        arrival = self._server.arrival(address)
        if arrival.place is Place.NONE:
            self._drop(sock, arrival)
        else:
            self._tasks.start(self._introduce(sock, arrival), name="handshake")

    def _drop(self, sock: socket.socket, arrival: Arrival) -> None:
        self._server.counts.refusals["dropped"] += 1
        self._server.places.leave(arrival.who)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        sock.close()

    async def _introduce(self, sock: socket.socket, arrival: Arrival) -> None:
        """Read the PROXY header, shake hands, and hand over to a `Connection`."""
        connection: Connection | None = None
        try:
            if self._proxied and arrival.peer in self._server.trusted:
                arrival = await self._behind(sock, arrival)
            made = connection = Connection(self._server, arrival)
            await self._loop.connect_accepted_socket(
                lambda: made,
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_S if self._tls else None,
            )
        except (OSError, PeerError) as error:  # TimeoutError and SSLError are among them
            refused = "proxy_header" if connection is None else "handshake"
            self._server.counts.refusals[refused] += 1
            log.debug("no connection: %s", type(error).__name__)
        finally:
            if connection is None or not connection.made:
                self._server.places.leave(arrival.who)
                sock.close()

    async def _behind(self, sock: socket.socket, proxy: Arrival) -> Arrival:
        """Who is behind a proxy; the proxy itself if it speaks for itself."""
        async with asyncio.timeout(HANDSHAKE_S):
            address = proxy_protocol.client(await self._header(sock))
        if not address:
            return proxy
        self._server.places.leave(proxy.who)
        return self._server.arrival(address)

    async def _header(self, sock: socket.socket) -> bytes:
        data = b""
        while size := proxy_protocol.missing(data):
            if size == 1 and data[:1] == b"P":  # version 1 has no length: look where its line ends
                with contextlib.suppress(BlockingIOError):
                    ahead = sock.recv(proxy_protocol.LINE_BYTES, socket.MSG_PEEK)
                    size = ahead.find(b"\n") + 1 or 1
            more = await self._loop.sock_recv(sock, size)
            if not more:
                raise ConnectionResetError
            data += more
        return data
