"""The process that sends one room's program to one platform: `python -m hustings.stage.push.child`.

Its order comes as one line on standard input (`stage.push.order`), and that stays open: when it closes,
the stage is gone and so are we. Each second a line on standard output says how it goes. A platform that
freezes, lies or floods can hurt this process and nothing else. Reconnects by itself, ever more slowly.
An order to try a platform (`stage.push.trial`) is carried out once and answered by one line.
"""

import asyncio
import os
import secrets
import signal
import sys
from typing import Final

import msgspec

from hustings.base.errors import PeerError
from hustings.stage.push.card import HEIGHT, WIDTH, encoded
from hustings.stage.push.line import BEGIN_S, TROUBLES, code_of, connected, flush, leave, read
from hustings.stage.push.order import Order, Report, where_to
from hustings.stage.push.rtmp import HANDSHAKE, Publisher
from hustings.stage.push.sound import Sound
from hustings.stage.push.tags import Picture, Tagger, about
from hustings.stage.push.trial import tried

NICENESS: Final = 10
SILENT_S: Final = 10.0  # no sound from the edge
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
                except TROUBLES as error:
                    code = code_of(error)
                failures = 0 if self.report.state == "on" else failures + 1
                self.report = Report("trouble", code)
                pause_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                await asyncio.sleep(pause_s * (0.8 + secrets.randbelow(400) / 1_000))  # spread
        finally:
            following.cancel()

    async def _once(self) -> None:
        """One connection; returns never, raises what ended it."""
        reader, writer = await connected(self._where, self._order.allow)
        publisher = Publisher(
            self._where.app, self._where.url, self._order.key, secrets.token_bytes(HANDSHAKE)
        )
        try:
            async with asyncio.timeout(BEGIN_S):
                while not publisher.ready:
                    await flush(publisher, writer)
                    publisher.feed(await read(reader))
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
            await leave(publisher, writer)

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
            await flush(publisher, writer)
            self.report = Report("on")


async def _hear(publisher: Publisher, reader: asyncio.StreamReader) -> None:
    while True:
        publisher.feed(await read(reader))  # what it answers goes with the next part


async def main() -> None:
    """Read the order, push until standard input closes or SIGTERM."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 20)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    order = msgspec.json.decode(await reader.readline(), type=Order)
    ended = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)
    loop.add_signal_handler(signal.SIGINT, ended.set)
    running = [
        loop.create_task(_try(order) if order.trial else _push(order), name="push"),
        loop.create_task(reader.read(), name="the stage is there"),
        loop.create_task(ended.wait(), name="asked to end"),
    ]
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _push(order: Order) -> None:
    push = Push(order, await asyncio.to_thread(encoded, order.card))
    saying = asyncio.get_running_loop().create_task(_say(push), name="reports")
    try:
        await push.run()
    finally:
        saying.cancel()


async def _say(push: Push) -> None:
    while True:
        _report(push.report)
        await asyncio.sleep(1)


async def _try(order: Order) -> None:
    picture = await asyncio.to_thread(encoded, order.card) if order.trial == "key" else None
    _report(await tried(order, picture))


def _report(report: Report) -> None:
    os.write(1, msgspec.json.encode(report) + b"\n")


if __name__ == "__main__":
    os.nice(NICENESS)
    asyncio.run(main())
