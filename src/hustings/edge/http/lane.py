"""The operator's lane: one edge's own port on 127.0.0.1, for whoever runs the machine.

Keeps true: it answers however full the edge is (no limits, no admission, its own connections and
counters), it names one process where the audience's port is shared by several, and only programs
on this machine reach it; what a browser sends on behalf of some page is refused. It belongs to
the edge that takes newcomers: one that drains lets it go, and its successor takes it. Owned by
`edge.app`. docs/protocol.md 3.3.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import Denied, HustingsError, OperatorError
from hustings.base.listening import LOOPBACK, bound_socket
from hustings.edge.door.admission import Places
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection, Server
from hustings.edge.metrics import Counts
from hustings.edge.waiting.seats import Seats
from hustings.settings import EdgeSettings

log = logging.getLogger(__name__)

_RETRY_S: Final = 0.25  # until the edge before us has let go of the port
_PATIENCE: Final = 40  # tries before the log is told
_CONNECTIONS: Final = 200
_BUFFER_BYTES: Final = 1 << 20
_MARKS: Final = ("origin", "sec-fetch-site")  # of a browser


class Lane:
    """The lane of one edge."""

    def __init__(
        self,
        port: int,
        pages: Callable[[str], Answer],
        drain: Callable[[], None],
        clock: Clock,
    ) -> None:
        """pages: what answers `/<name>`, or raises HustingsError; drain: what `POST /drain` does."""
        self.port = port
        self._pages = pages
        self._drain = drain
        self.server = Server(
            self._handle,
            clock=clock,
            counts=Counts(),
            places=Places(limit=_CONNECTIONS, of_network=_CONNECTIONS, spare=0),
            seats=Seats(EdgeSettings()),  # nobody listens here
            buffer=_BUFFER_BYTES,
        )
        self._listening: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen, as soon as the port is free; does not end before."""
        tries = 0
        while self._listening is None:
            try:
                sock = bound_socket(LOOPBACK, self.port, flag="--set edge.lane_port=N")
            except OperatorError as error:
                tries += 1
                if tries == _PATIENCE:
                    log.warning("no operator's lane yet: %s", error.title)
                await asyncio.sleep(_RETRY_S)
                continue
            self.port = sock.getsockname()[1]
            self._listening = await asyncio.get_running_loop().create_server(
                lambda: Connection(self.server), sock=sock
            )

    def close(self) -> None:
        """Let go of the port; what is being answered still is."""
        if self._listening is not None:
            self._listening.close()
        self.server.close()

    def _handle(self, connection: Connection, request: Request) -> None:
        if any(mark in request.headers for mark in _MARKS):
            raise Denied("origin", "The operator's lane is not for web pages.")
        name = request.path.removeprefix("/")
        if name == "drain":
            if request.method != "POST":
                raise HustingsError("method_not_allowed", "This address answers POST.", status=405)
            connection.answer(Answer(202, {"Cache-Control": "no-store"}))
            self._drain()
            return
        connection.answer(self._pages(name))
