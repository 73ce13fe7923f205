"""F24: the way out against receivers of our own: names that change, redirects, endless answers."""

import asyncio
import contextlib

import pytest

from hustings.base.errors import HustingsError
from hustings.web.outbound.door import ANSWER_BYTES, Door

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextlib.asynccontextmanager
async def receiver(answer):
    """Answers each request by `answer(writer)`; yields its port and the requests' heads."""
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        with contextlib.suppress(OSError):
            await answer(writer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()


async def ok(writer):
    writer.write(OK)
    await writer.drain()


def names(*answers):
    """A resolver that says another thing each time."""
    left = list(answers)

    async def resolve(_host, _port):
        return left.pop(0)

    return resolve


async def code(door, url):
    with pytest.raises(HustingsError) as caught:
        await door.post(url, b"{}", {})
    return caught.value.code


async def test_F24_a_name_is_resolved_once_and_that_address_is_asked():
    async with receiver(ok) as (port, heads):
        door = Door(loopback=True, resolve=names(["127.0.0.1"], ["10.0.0.1"]))
        url = f"http://hooks.example:{port}/in?x=1"
        assert (await door.post(url, b"{}", {"X-A": "b"})) == (200, b"ok")
        assert heads[0].startswith(b"POST /in?x=1 HTTP/1.1\r\n")
        assert f"Host: hooks.example:{port}".encode() in heads[0]
        assert await code(door, url) == "outbound_address"
        assert len(heads) == 1


async def test_F24_this_machine_is_never_asked_unless_a_setting_says_so():
    async with receiver(ok) as (port, heads):
        door = Door(resolve=names(*[["127.0.0.1"]] * 2))
        assert await code(door, f"http://localhost:{port}/") == "outbound_url"
        assert await code(door, f"https://localhost:{port}/") == "outbound_address"
        assert await code(Door(), f"https://2130706433:{port}/") == "outbound_address"
        assert await code(Door(), f"https://[::ffff:127.0.0.1]:{port}/") == "outbound_address"
        assert heads == []


async def test_F24_a_redirect_is_an_answer_and_not_followed():
    async def away(writer):
        writer.write(
            b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        )
        await writer.drain()

    async with receiver(away) as (port, heads):
        answer = await Door(loopback=True).post(f"http://127.0.0.1:{port}/", b"{}", {})
        assert (answer.status, len(heads)) == (307, 1)


async def test_F24_an_endless_answer_is_cut_and_a_slow_one_given_up():
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    async def slow(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with receiver(endless) as (port, _):
        answer = await Door(loopback=True).post(f"http://127.0.0.1:{port}/", b"{}", {})
        assert len(answer.body) == ANSWER_BYTES
    async with receiver(slow) as (port, _):
        door = Door(loopback=True, seconds=1.0)
        assert await code(door, f"http://127.0.0.1:{port}/") == "outbound_away"
