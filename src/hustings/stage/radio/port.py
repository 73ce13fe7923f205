"""The port at which radio studios send their sound: the Icecast source protocol on asyncio.

Keeps true: who shows no good password costs one short head, within `HEAD_S`, at most so many a
second for each address; sound is decoded in a thread of its own line (`stage.radio.studio_line`),
never on the mixer's loop nor on the door's. A studio sits on its seat as an encoder does: hosts
bring it up, mute it, remove it. Started by `stage.app` if the settings name a port.
"""

import asyncio
import contextlib
import functools
import logging
import socket
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hustings.base.accepting import Acceptor
from hustings.base.errors import HustingsError, PeerError, TryLater
from hustings.base.limits import Gcra, address_key
from hustings.base.listening import BACKLOG, server_tls
from hustings.base.tasks import Tasks
from hustings.stage.http.door import Door
from hustings.stage.mix.voice import Voice
from hustings.stage.radio.head import HEAD_BYTES, Dechunker, Wanted, read_head
from hustings.stage.radio.studio_line import SILENT_S, StudioLine
from hustings.stage.studio import Studio

log = logging.getLogger(__name__)

HEAD_S: Final = 5.0
STRANGERS: Final = 32  # connections that have not shown a good password, handshakes among them
OF_ADDRESS: Final = 8
_NAMELESS: Final = "Studio"
_READ: Final = 8_192
_FULL_S: Final = 0.05
_PHRASES: Final = {
    200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}  # fmt: skip


class RadioPort:
    """The studios of one stage, and strangers who would be: a `base.accepting.Reception`."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._limit = door.settings.stage.radio.studios
        self._tries = Gcra(rate=0.5, burst=10)
        self._tasks = Tasks()
        self._lines = 0
        self._strangers: Counter[str] = Counter()  # who has not shown a good password, by address
        self._acceptor: Acceptor[str] | None = None

    def start(self, sock: socket.socket) -> None:
        """Listen on this bound socket, in the running loop."""
        tls = self._door.settings.tls
        self._acceptor = Acceptor(sock, self, self._tasks, tls=server_tls(tls.cert, tls.key))
        self._acceptor.start(BACKLOG)

    async def close(self) -> None:
        """Hang up all."""
        if self._acceptor is not None:
            self._acceptor.close()
        await self._tasks.close()

    def arrive(self, address: str) -> str | None:
        """A place for one more stranger, unless there are too many, or of this address."""
        key = address_key(address)
        if self._strangers.total() >= STRANGERS or self._strangers[key] >= OF_ADDRESS:
            return None
        self._strangers[key] += 1
        return key

    async def introduce(self, _sock: socket.socket, arrival: str) -> str:
        """Nothing more is to be learnt."""
        return arrival

    def connection(self, arrival: str) -> "_Connection":
        """Their streams, and a task that serves them."""
        return _Connection(
            lambda reader, writer: self._tasks.start(
                self._serve(reader, writer, arrival), name="radio studio"
            )
        )

    def settle(self, arrival: str, refused: str) -> None:
        """No connection came of it."""
        if refused:
            self._known(arrival)

    def _known(self, address: str) -> None:
        self._strangers -= Counter({address: 1})  # drops what is zero

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, address: str
    ) -> None:
        try:
            try:
                wanted = await self._wanted(reader, address)
            finally:
                self._known(address)
            await self._answer(wanted, reader, writer)
        except HustingsError as error:
            status = int(error.facts.get("status", error.status))
            with contextlib.suppress(OSError):  # gone already
                await _say(writer, status, error.title)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(
        self, wanted: Wanted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if wanted.verb != "send":  # titles: what is on is said by the running order
            await _say(writer, 200, "")
            return
        if self._lines >= self._limit:
            raise TryLater("studios_full", "All lines for radio studios are taken.", delay_s=30)
        self._lines += 1
        try:
            await self._door.engine.do(
                lambda studio: studio.meeting(wanted.room).seats.join(
                    wanted.seat, name=wanted.name or _NAMELESS, role="speaker"
                )
            )
            await self._sound(wanted, reader, writer)
        finally:
            self._lines -= 1
        if wanted.expects:
            await _say(writer, 200, "", version=wanted.version)

    async def _wanted(self, reader: asyncio.StreamReader, address: str) -> Wanted:
        """Who it is and what they want, with a good password."""
        try:
            async with asyncio.timeout(HEAD_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            raise PeerError(
                "source_head", "The request did not come in time.", status=408
            ) from None
        except asyncio.LimitOverrunError:
            raise PeerError("source_head", "This head is too long.", status=431) from None
        try:
            wanted = read_head(head[:-4])
            if wanted.verb != "options":
                self._door.studio(wanted.password, wanted.room, wanted.seat)
        except HustingsError as error:
            if error.code == "token_missing":  # libshout's first try, always
                raise
            # Whoever knows the password is never slowed down, also behind one proxy with others.
            if self._tries.take(address, self._door.clock.monotonic()):
                raise TryLater("request_rate", "Too many tries.", delay_s=20, status=429) from error
            raise
        return wanted

    async def _sound(
        self, wanted: Wanted, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        loop, door = asyncio.get_running_loop(), self._door
        put_on = door.engine.loop.call_soon_threadsafe
        hang_up = functools.partial(loop.call_soon_threadsafe, writer.transport.abort)
        ended: list[str] = []

        def put(seq: int, timestamp: int, packet: bytes, arrival_s: float) -> None:
            put_on(voice.put, seq, timestamp, packet, arrival_s)

        def over(said: str) -> None:
            ended.append(said)
            hang_up()

        line = StudioLine(
            wanted.format,
            door.clock,
            put,
            on_end=over,
        )
        voice = await door.engine.wait(lambda studio: _seated(studio, wanted, line))
        line.start()
        try:
            await _say(
                writer, 100 if wanted.expects else 200, "", version=wanted.version, more=True
            )
            await _feed(line, reader, chunked=wanted.chunked)
        finally:
            line.pipe.end()
            hall = await door.engine.do(lambda studio: studio.halls.get(wanted.room))
            if hall is not None:
                await door.engine.wait(
                    lambda studio: studio.meeting(wanted.room).sound.disconnect(
                        wanted.seat, line.id
                    )
                )
            if ended and ended[0]:
                log.info("%s: a radio studio's line ended: %s", wanted.room, ended[0])


class _Connection(asyncio.StreamReaderProtocol):
    """asyncio's streams, which also tell whether they were ever connected."""

    made = False

    def __init__(self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> None:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            serve(reader, writer)

        super().__init__(asyncio.StreamReader(limit=HEAD_BYTES), begin)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve."""
        self.made = True
        super().connection_made(transport)


async def _seated(studio: Studio, wanted: Wanted, line: StudioLine) -> Voice:
    """The voice to speak with. Whoever is removed, or whose room ends, is hung up by the hall."""
    hall = studio.meeting(wanted.room)
    hall.seats.known(wanted.seat)
    return await hall.sound.connect_studio(wanted.seat, line)


async def _feed(line: StudioLine, reader: asyncio.StreamReader, *, chunked: bool) -> None:
    """Until the studio hangs up, says the end, or is silent for too long."""
    dechunker = Dechunker() if chunked else None
    while dechunker is None or not dechunker.ended:
        while line.full and not line.over:  # noqa: ASYNC110 - another thread empties it
            await asyncio.sleep(_FULL_S)
        if line.over:
            return
        try:
            async with asyncio.timeout(SILENT_S):
                data = await reader.read(_READ)
        except TimeoutError:
            return
        if not data:
            return
        line.pipe.feed(dechunker.feed(data) if dechunker else data)


async def _say(
    writer: asyncio.StreamWriter,
    status: int,
    words: str,
    *,
    version: str = "1.0",
    more: bool = False,
) -> None:
    """An answer; more: sound comes next, and the line stays."""
    if status == 100:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    else:
        head = [f"HTTP/{version} {status} {_PHRASES.get(status, 'Error')}"]
        if status == 401:
            head.append('WWW-Authenticate: Basic realm="hustings"')
        if not more:
            head += ["Allow: OPTIONS, GET, PUT, SOURCE", "Connection: close"]
            head += ["Content-Type: text/plain; charset=utf-8"]
        writer.write("\r\n".join([*head, "", words]).encode())
    await writer.drain()
