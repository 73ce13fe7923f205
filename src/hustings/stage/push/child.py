"""The process that sends one room's program to one platform: `python -m hustings.stage.push.child`.

Its order comes as one line on standard input (`stage.push.order`), and that stays open: when it closes,
the stage is gone and so are we. Each second a line on standard output says how it goes. A platform that
freezes, lies or floods can hurt this process and nothing else. Reconnects by itself, ever more slowly.
"""

import asyncio
import contextlib
import os
import secrets
import signal
import socket
import ssl
import sys
from typing import Any, Final

import msgspec

from hustings.base.errors import HustingsError, PeerError
from hustings.stage.push.card import HEIGHT, WIDTH, encoded
from hustings.stage.push.order import Order, Report, Where, reachable, where_to
from hustings.stage.push.rtmp import HANDSHAKE, Publisher
from hustings.stage.push.sound import Sound
from hustings.stage.push.tags import Picture, Tagger, about

NICENESS: Final = 10
CONNECT_S: Final = 5.0  # to one address, with TLS
ADDRESSES: Final = 2  # tried of one name
BEGIN_S: Final = 10.0  # for the platform's answers until it takes the stream
STUCK_S: Final = 10.0  # it takes nothing more for so long
SILENT_S: Final = 10.0  # no sound from the edge
SEND_BYTES: Final = 128 * 1024  # of the socket: some ten seconds
READ_BYTES: Final = 16 * 1024
BACKOFF_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)


class Push:
    """The way of one program to one platform."""

    def __init__(self, order: Order, picture: Picture) -> None:
        self.report = Report("connecting")
        self._order = order
        self._where = where_to(order.url)
        self._picture = picture
        self._sound = Sound(order.edge, order.room, order.cert)

    async def run(self) -> None:
        """Until cancelled."""
        following = asyncio.get_running_loop().create_task(self._sound.follow(), name="sound")
        failures = 0
        try:
            while True:
                try:
                    await self._once()
                except HustingsError as error:
                    code = error.code
                except ssl.SSLError:
                    code = "push_tls"
                except (OSError, TimeoutError, asyncio.IncompleteReadError):
                    code = "push_unreachable"
                failures = 0 if self.report.state == "on" else failures + 1
                self.report = Report("trouble", code)
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                await asyncio.sleep(pause_s * (0.8 + secrets.randbelow(400) / 1_000))  # spread
        finally:
            following.cancel()

    async def _once(self) -> None:
        """One connection; returns never, raises what ended it."""
        reader, writer = await self._connect()
        publisher = Publisher(
            self._where.app, self._where.url, self._order.key, secrets.token_bytes(HANDSHAKE)
        )
        try:
            async with asyncio.timeout(BEGIN_S):
                while not publisher.ready:
                    await _flush(publisher, writer)
                    publisher.feed(await _read(reader))
            loop = asyncio.get_running_loop()
            tasks = {
                loop.create_task(self._send(publisher, writer), name="sends"),
                loop.create_task(_hear(publisher, reader), name="hears"),
            }
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            if publisher.ready:
                publisher.goodbye()
                writer.write(publisher.take())
            writer.close()
            with contextlib.suppress(Exception):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To one of the addresses that the name has now, which is checked just before."""
        where, loop = self._where, asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                found = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
        except OSError:
            raise PeerError("push_address", f"{where.host} has no address.") from None
        good = reachable(where, [str(each[4][0]) for each in found], self._order.allow)
        last: Exception = TimeoutError()
        for address in good[:ADDRESSES]:
            try:
                async with asyncio.timeout(CONNECT_S):
                    return await self._open(where, address)
            except (OSError, TimeoutError) as error:
                last = error
        raise last

    async def _open(
        self, where: Where, address: str
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address, where.port))
            tls: dict[str, Any] = {}
            if where.scheme == "rtmps":
                tls = {"ssl": ssl.create_default_context(), "server_hostname": where.host}
            return await asyncio.open_connection(sock=sock, limit=READ_BYTES, **tls)
        except BaseException:
            sock.close()
            raise

    async def _send(self, publisher: Publisher, writer: asyncio.StreamWriter) -> None:
        tagger = Tagger(self._picture)
        publisher.metadata(about(WIDTH, HEIGHT))
        self._sound.skip_to_now()
        for tag in tagger.heads():
            publisher.put(*tag)
        while True:
            try:
                async with asyncio.timeout(SILENT_S):
                    part = await self._sound.next()
            except TimeoutError:
                raise PeerError("push_edge", "No edge gives us the room's sound.") from None
            for tag in tagger.part(part.media_time, part.frames):
                publisher.put(*tag)
            await _flush(publisher, writer)
            self.report = Report("on")


async def _hear(publisher: Publisher, reader: asyncio.StreamReader) -> None:
    while True:
        publisher.feed(await _read(reader))  # what it answers goes with the next part


async def _read(reader: asyncio.StreamReader) -> bytes:
    if data := await reader.read(READ_BYTES):
        return data
    raise PeerError("push_closed", "The platform hung up.")


async def _flush(publisher: Publisher, writer: asyncio.StreamWriter) -> None:
    writer.write(publisher.take())
    try:
        async with asyncio.timeout(STUCK_S):
            await writer.drain()
    except TimeoutError:
        raise PeerError("push_stuck", "The platform takes nothing more.") from None


async def main() -> None:
    """Read the order, push until standard input closes or SIGTERM."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    order = msgspec.json.decode(await reader.readline(), type=Order)
    push = Push(order, await asyncio.to_thread(encoded, order.card))
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    running = [
        loop.create_task(push.run(), name="push"),
        loop.create_task(_say(push), name="reports"),
        loop.create_task(reader.read(), name="the stage is there"),
        loop.create_task(ended.wait(), name="asked to end"),
    ]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _say(push: Push) -> None:
    while True:
        os.write(1, msgspec.json.encode(push.report) + b"\n")
        await asyncio.sleep(1)


if __name__ == "__main__":
    os.nice(NICENESS)
    asyncio.run(main())
