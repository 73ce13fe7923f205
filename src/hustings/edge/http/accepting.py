"""How an edge receives those who come by TLS, or through a proxy that passes bytes on.

Keeps true: who is in a handshake has a place like everybody else; a PROXY header is read from
trusted peers only, and before TLS. `edge.app` gives a `EdgeReception` to `base.accepting`.
"""

import asyncio
import contextlib
import socket

from hustings.edge.door.admission import Place
from hustings.edge.http import proxy_protocol
from hustings.edge.http.server import Arrival, Connection, Server


class EdgeReception:
    """Places of one edge."""

    def __init__(self, server: Server, *, proxied: bool) -> None:
        """proxied: connections of `server.trusted` peers begin with a PROXY header."""
        self._server = server
        self._proxied = proxied

    def arrive(self, address: str) -> Arrival | None:
        """Take a place; None: even refusing would cost too much."""
        arrival = self._server.arrival(address)
        if arrival.place is not Place.NONE:
            return arrival
        self._server.counts.refusals["dropped"] += 1
        self._server.places.leave(arrival.who)
        return None

    async def introduce(self, sock: socket.socket, arrival: Arrival) -> Arrival:
        """Who is behind a proxy; the proxy itself if it speaks for itself."""
        if not self._proxied or arrival.peer not in self._server.trusted:
            return arrival
        address = proxy_protocol.client(await _header(sock))
        if not address:
            return arrival
        self._server.places.leave(arrival.who)
        return self._server.arrival(address)

    def connection(self, arrival: Arrival) -> Connection:
        """Drops itself if the client behind a proxy got no place."""
        return Connection(self._server, arrival)

    def settle(self, arrival: Arrival, refused: str) -> None:
        """A connection gives its place back at its end; a failed handshake does so now."""
        if refused:
            self._server.counts.refusals[refused] += 1
            self._server.places.leave(arrival.who)


async def _header(sock: socket.socket) -> bytes:
    data = b""
    while size := proxy_protocol.missing(data):
        if size == 1 and data.startswith(b"P"):  # version 1: look where its line ends
            with contextlib.suppress(BlockingIOError):
                ahead = sock.recv(proxy_protocol.LINE_BYTES, socket.MSG_PEEK)
                size = ahead.find(b"\n") + 1 or 1
        more = await asyncio.get_running_loop().sock_recv(sock, size)
        if not more:
            raise ConnectionResetError
        data += more
    return data
