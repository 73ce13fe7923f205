"""Accepting where a connection has something to do before its first byte for us: a TLS handshake.

asyncio accepts such connections unseen and tells of them when the handshake is over; here whoever
is in one has a place and a deadline like everybody else, so silent handshakes cannot pile up.
Plain ports let the loop accept, which is cheaper. Used by `base.server` and `edge.http.accepting`.
"""

import asyncio
import errno
import logging
import socket
import ssl
import struct
from typing import Any, Final, Generic, Protocol, TypeVar

from hustings.base.errors import PeerError
from hustings.base.tasks import Tasks

log = logging.getLogger(__name__)

HANDSHAKE_S: Final = 5.0
_AT_ONCE: Final = 64  # connections between two looks at everything else
_REST_S: Final = 0.5  # when the system has no files or memory left
_SHORT: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER: close at once, keep nothing

A = TypeVar("A")  # what is known of somebody who arrives


class Connecting(Protocol):
    """An asyncio protocol that knows whether it was ever connected."""

    @property
    def made(self) -> bool:
        """Whether it has a transport, and so will be told of its end."""
        ...


class Reception(Protocol[A]):
    """What a port says about those who arrive."""

    def arrive(self, address: str) -> A | None:
        """Take a place for somebody from this address; None: drop them."""
        ...

    async def introduce(self, sock: socket.socket, arrival: A) -> A:
        """Learn more before the handshake; may raise OSError or PeerError."""
        ...

    def connection(self, arrival: A) -> Any:
        """Their protocol: an asyncio.Protocol that is `Connecting`."""
        ...

    def settle(self, arrival: A, refused: str) -> None:
        """The handshake is over; refused: why there is no connection, or ""."""
        ...


class Acceptor(Generic[A]):
    """Takes connections from one listening socket, which it owns."""

    def __init__(
        self,
        sock: socket.socket,
        reception: Reception[A],
        tasks: Tasks,
        *,
        tls: ssl.SSLContext | None,
        handshake_s: float = HANDSHAKE_S,
    ) -> None:
        """tasks: for handshakes; whoever closes them cuts those off."""
        self._handshake_s = handshake_s
        self._sock = sock
        self._reception = reception
        self._tasks = tasks
        self._tls = tls
        self._loop = asyncio.get_running_loop()

    def start(self, backlog: int) -> None:
        """Listen, in the running loop."""
        self._sock.setblocking(False)
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
            sock.setblocking(False)
            arrival = self._reception.arrive(str(address[0]))
            if arrival is None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                sock.close()
            else:
                self._tasks.start(self._receive(sock, arrival), name="handshake")

    def _resume(self) -> None:
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)

    async def _receive(self, sock: socket.socket, arrival: A) -> None:
        connection: Connecting | None = None
        refused = "handshake"
        try:
            async with asyncio.timeout(self._handshake_s):
                arrival = await self._reception.introduce(sock, arrival)
            made = connection = self._reception.connection(arrival)
            await self._loop.connect_accepted_socket(
                lambda: made,
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=self._handshake_s if self._tls else None,
            )
        except PeerError as error:
            refused = error.code
        except OSError as error:  # TimeoutError and SSLError are among them
            log.debug("no connection: %s", type(error).__name__)
        finally:
            there = connection is not None and connection.made
            self._reception.settle(arrival, "" if there else refused)
            if not there:
                sock.close()
