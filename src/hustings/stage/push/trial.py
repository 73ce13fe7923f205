"""One try whether a platform takes us, before the room is live. Runs in a process of its own (`stage.push.child`).

Two steps, of which a host asks for each by itself, since the second may be seen by an audience:
- `address`: handshake, `connect`, `createStream`. It shows that the server answers, speaks RTMP and knows the
  application. No key is sent and nothing is published.
- `key`: all that, then `publish` with the key and `PICTURE_S` of a still picture, then goodbye. Servers look at keys
  no sooner than that, and a platform that goes live by itself does so.
"""

import asyncio
import secrets
from typing import Final

from hustings.stage.push.card import HEIGHT, WIDTH
from hustings.stage.push.line import BEGIN_S, TROUBLES, code_of, connected, flush, leave, read
from hustings.stage.push.order import Order, Report, where_to
from hustings.stage.push.rtmp import HANDSHAKE, Publisher
from hustings.stage.push.tags import Picture, Tagger, about
from hustings.wire.names import SAMPLE_RATE

PICTURE_S: Final = 1.0


async def tried(order: Order, picture: Picture | None) -> Report:
    """How far it came: state `address` or `key`, and the code of what failed there, "" for nothing.

    picture: what is published; None: the address alone is tried. Lasts 27 s at most.
    """
    where, step = where_to(order.url), "address"
    key = order.key if picture else None
    publisher = Publisher(where.app, where.url, key, secrets.token_bytes(HANDSHAKE))
    try:
        reader, writer = await connected(where, order.allow)
        try:
            async with asyncio.timeout(BEGIN_S):
                while not publisher.created:
                    await _turn(publisher, reader, writer)
                if picture is not None:
                    step = "key"
                    while not publisher.ready:
                        await _turn(publisher, reader, writer)
            if picture is not None:
                await _show(publisher, reader, writer, picture)
        finally:
            await leave(publisher, writer)
    except TROUBLES as error:
        return Report(step, code_of(error))
    return Report(step)


async def _turn(
    publisher: Publisher, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    await flush(publisher, writer)
    publisher.feed(await read(reader))


async def _show(
    publisher: Publisher,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    picture: Picture,
) -> None:
    """A second of the picture; some servers say what they think of a key only when something comes."""
    tagger = Tagger(picture)
    publisher.metadata(about(WIDTH, HEIGHT))
    for tag in (*tagger.heads(), *tagger.pictures(round(PICTURE_S * SAMPLE_RATE) - 1)):
        publisher.put(*tag)
    try:
        async with asyncio.timeout(PICTURE_S):
            while True:
                await _turn(publisher, reader, writer)
    except TimeoutError:
        return
