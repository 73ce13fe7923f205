"""A uvicorn that strangers cannot wear out: one port, one ASGI app, `Limits` in front.

Used by `stage.app` and `web.app`; the connections themselves are `base.guard`.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, cast

import uvicorn

from hustings.base.accepting import Acceptor
from hustings.base.clock import Clock
from hustings.base.guard import REFUSALS, Gate, GuardedProtocol
from hustings.base.limits import Limits, address_key, plain_address
from hustings.base.tasks import Tasks

Asgi = Callable[[Any, Any, Any], Awaitable[None]]

BUSY_HEADERS: Final = [
    (b"content-type", b"application/problem+json"),
    (b"retry-after", b"5"),
    (b"cache-control", b"max-age=1"),
]
BUSY_BODY: Final = REFUSALS["busy"].partition(b"\r\n\r\n")[2]
BACKLOG: Final = 512  # asyncio accepts up to so many at one go, about 30 ms


@types.coroutine
def _metered(
    work: Coroutine[Any, Any, None], spend: Callable[[float], None], begun: Callable[[], bool]
) -> Generator[Any, Any, None]:
    """Drive `work`, charging the CPU time of its steps until its answer has begun."""
    step: Callable[[Any], Any] = work.send
    argument: Any = None
    while True:
        charged, began = not begun(), time.thread_time()
        try:
            awaited = step(argument)
        except StopIteration:
            return
        finally:
            if charged:
                spend(time.thread_time() - began)
        try:
            argument = yield awaited
            step = work.send
        except GeneratorExit:
            work.close()
            raise
        except BaseException as error:  # noqa: BLE001 - handed on to `work`, as `await` would
            step, argument = work.throw, error


def metered(app: Asgi, gate: Gate) -> Asgi:
    """The app, with each new HTTP request waiting for the budget and charged to it."""

    async def call(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return
        if not await gate.turn():
            await send({"type": "http.response.start", "status": 503, "headers": BUSY_HEADERS})
            await send({"type": "http.response.body", "body": BUSY_BODY})
            return
        begun = False

        async def note(message: Any) -> None:
            nonlocal begun
            begun = True
            await send(message)

        async def work() -> None:
            await app(scope, receive, note)

        await _metered(work(), gate.spend, lambda: begun)

    return call


class _Hush(logging.Filter):
    """Drops what uvicorn says of each broken or aborted request: strangers fill no log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is not None and kind.__name__ == "ClientDisconnect":
            return False
        return not str(record.msg).startswith(("Invalid HTTP request", "Unsupported upgrade"))


_HUSH: Final = _Hush()


class _Handshakes:
    """Those who shake hands have a place like those who are connected."""

    def __init__(self, gate: Gate, connection: Callable[[], GuardedProtocol]) -> None:
        self._gate = gate
        self.connection = lambda _: connection()

    def arrive(self, address: str) -> str | None:
        """Their `address_key`; None if the port, or their address, has too many connections."""
        peer = plain_address(address)
        key = address_key(peer)
        if self._gate.crowded(peer, key):
            self._gate.refused["busy_abort"] += 1
            return None
        self._gate.shaking[key] += 1
        return key

    async def introduce(self, sock: socket.socket, arrival: str) -> str:
        """Nobody speaks for others here."""
        del sock
        return arrival

    def settle(self, arrival: str, refused: str) -> None:
        """From now on the connection counts itself, if there is one."""
        self._gate.shaking[arrival] -= 1
        if not self._gate.shaking[arrival]:
            del self._gate.shaking[arrival]
        if refused:
            self._gate.refused["handshake"] += 1


class GuardedServer(uvicorn.Server):
    """One port: `await GuardedServer(app, ...).serve()` runs until `stop()`.

    sock: a bound socket (port 0 works); tls: an ordinary server context. Runs in the loop of
    any thread and leaves signals to the service.
    """

    def __init__(
        self,
        app: Asgi,
        *,
        sock: socket.socket,
        limits: Limits,
        clock: Clock,
        tls: ssl.SSLContext | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self.gate = Gate(limits, clock)
        self._sock = sock
        self._tls = tls
        self._on_ready = on_ready
        self._tasks = Tasks()  # handshakes
        self._protocol = type("Guarded", (GuardedProtocol,), {"gate": self.gate})
        logging.getLogger("uvicorn.error").addFilter(_HUSH)
        super().__init__(
            uvicorn.Config(
                metered(app, self.gate),
                http=self._protocol,
                ws="websockets-sansio",
                ws_max_size=16_384,
                ws_ping_interval=10.0,
                ws_ping_timeout=10.0,
                ws_per_message_deflate=False,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=int(limits.idle_s),
                timeout_graceful_shutdown=2,
            )
        )

    def stop(self) -> None:
        """Answer what is under way, at most 2 s, and end; call it in the server's loop."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own, and no handshake goes on."""
        await super().shutdown(sockets)
        await self._tasks.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Not here: a service has more to stop than this port."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn's own, with a deadline on the TLS handshake."""
        del sockets
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            raise SystemExit(1)
        loop = asyncio.get_running_loop()

        def connection() -> GuardedProtocol:
            made: GuardedProtocol = self._protocol(
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
                _loop=loop,
            )
            return made

        if self._tls is None:
            self.servers = [await loop.create_server(connection, sock=self._sock, backlog=BACKLOG)]
        else:
            acceptor = Acceptor(
                self._sock,
                _Handshakes(self.gate, connection),
                self._tasks,
                tls=self._tls,
                handshake_s=self.gate.limits.handshake_s,
            )
            acceptor.start(BACKLOG)
            self.servers = [cast("asyncio.Server", acceptor)]  # uvicorn only ever closes it
        self.started = True
        self._on_ready()
