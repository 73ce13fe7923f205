"""F24: the way out against names that lie and receivers that misbehave; connections counted at the socket."""

import asyncio
import contextlib
import ssl
import tracemalloc

import pytest

from hustings.base.clock import ManualClock
from hustings.base.errors import HustingsError
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.door import ANSWER_BYTES, Door
from hustings.web.outbound.names import Resolver
from tests.fakes.certificates import certificate
from tests.fakes.sockets import connections
from tests.unit.web.outbound.test_addresses import BAD_URLS, NEVER

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ANY = Budget(rate=1_000, burst=1_000)


@contextlib.asynccontextmanager
async def receiver(answer=OK, tls=None, requests=1):
    """Answers each request with bytes, or by `answer(writer)`; yields its port and the requests' heads.

    requests: so many on each connection, which it then closes without a word.
    """
    heads, serving = [], set()

    async def serve(reader, writer):
        serving.add(asyncio.current_task())
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            for _ in range(requests):
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                if b"\r\nContent-Length: 2\r\n" in heads[-1]:
                    await reader.readexactly(2)
                if callable(answer):
                    await answer(writer)
                else:
                    writer.write(answer)
                    await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        for each in serving:
            each.cancel()
        await asyncio.gather(*serving)


def names(*answers):
    """A name server that says another thing each time; afterwards the last again."""
    left = list(answers)

    async def resolve(_host, _port):
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


def door(*allow, resolve=None, **more):
    resolve = resolve or names(["127.0.0.1"])
    return Door(ManualClock(), resolve=resolve, allow=allow, **{"budget": ANY} | more)


async def code(asked, url):
    with pytest.raises(HustingsError) as caught:
        await asked.post(url, b"{}", {})
    return caught.value.code


async def test_F24_names_that_lead_into_a_network_cost_no_connection():
    with connections() as seen:
        for address in NEVER:
            for found in ([address], ["8.8.8.8", address], [address, "8.8.8.8"]):
                asked = door(resolve=names(found))
                assert await code(asked, "https://hooks.example/") == "outbound_address"
    assert len(NEVER) >= 60
    assert seen == []


async def test_F24_addresses_that_are_none_are_not_even_looked_up():
    looked = []

    async def resolve(host, _port):
        looked.append(host)
        return ["8.8.8.8"]

    with connections() as seen:
        for url in BAD_URLS:
            assert await code(door(resolve=resolve), url) == "outbound_url"
    assert (looked, seen) == ([], [])


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST.", "127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::]", "0.0.0.0",
     "[64:ff9b::7f00:1]", "127.0.0.1.", "\uff11\uff12\uff17.0.0.1", "127\u30020\u30020\u30021"],
)  # fmt: skip
async def test_F24_this_machine_by_its_own_resolver(host):
    resolver = Resolver(ManualClock())
    try:
        with connections() as seen:
            async with receiver() as (port, heads):
                assert await code(door(resolve=resolver), f"https://{host}:{port}/") in {
                    "outbound_address",
                    "outbound_away",  # a machine without IPv6 finds no address at all
                }
        assert (heads, seen) == ([], [])
    finally:
        resolver.close()


async def test_F24_a_name_is_resolved_once_and_that_address_is_asked():
    async with receiver() as (port, heads):
        url = f"http://hooks.example:{port}/in?x=1"
        asked = door(url.partition("/in")[0], resolve=names(["127.0.0.1"], ["169.254.169.254"]))
        with connections() as seen:
            answer = await asked.post(url, b"{}", {"X-A": "b"})
            assert (answer.status, answer.body, answer.whole) == (200, b"ok", True)
            assert heads[0].startswith(b"POST /in?x=1 HTTP/1.1\r\n")
            assert f"Host: hooks.example:{port}".encode() in heads[0]
            assert await code(asked, url) == "outbound_address"
        assert seen == [("127.0.0.1", port)]


async def test_F24_a_redirect_is_an_answer_and_not_followed():
    inside = b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with receiver(inside) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        with connections() as seen:
            for answer in (await door(here).post(here, b"{}", {}), await door(here).get(here, {})):
                assert (answer.status, answer.headers["location"]) == (307, "http://127.0.0.1:1/")
        assert (len(heads), set(seen)) == (2, {("127.0.0.1", port)})


async def test_F24_an_endless_answer_is_cut_and_costs_no_memory():
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()

    async with receiver(endless) as (port, _):
        here = f"http://127.0.0.1:{port}"
        tracemalloc.start()
        answer = await door(here).post(here, b"{}", {})
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert (len(answer.body), answer.whole) == (ANSWER_BYTES, False)
        assert peak < 8 * ANSWER_BYTES


async def drip(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_head(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_head(writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X: " + b"y" * 60_000 + b"\r\n")
        await writer.drain()


async def interim(writer):
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
        await writer.drain()
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("answer", [drip, drip_head, endless_head, interim, b"", b"SSH-2.0\r\n"])
async def test_F24_whoever_answers_too_slowly_or_nonsense_is_given_up(answer):
    async with receiver(answer) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        assert await code(door(here, seconds=1.0), here) == "outbound_unsure"
        assert len(heads) == 1


async def test_F24_a_name_server_that_hangs_is_given_up():
    async def resolve(_host, _port):
        await asyncio.sleep(3_600)

    assert await code(door(resolve=resolve, seconds=0.2), "https://x.example/") == "outbound_away"


async def test_where_nobody_listens_nothing_was_sent_and_the_second_address_is_tried():
    async with receiver() as (port, _):
        here = f"http://hooks.example:{port}"
        asked = door(here, resolve=names(["127.0.0.2", "127.0.0.1"]))
        with connections() as seen:
            assert (await asked.post(here, b"{}", {})).status == 200
        assert seen == [("127.0.0.2", port), ("127.0.0.1", port)]
        asked = door(here, resolve=names(["127.0.0.2", "127.0.0.3", "127.0.0.1"]))
        assert await code(asked, here) == "outbound_away"


async def test_a_certificate_must_be_of_the_name_though_the_address_is_pinned(tmp_path):
    cert, key = certificate(tmp_path, "own", names=("hooks.example",))
    server, trust = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    server.load_cert_chain(cert, key)
    trust.load_verify_locations(cert)
    asked = []
    server.sni_callback = lambda _socket, name, _context: asked.append(name)
    async with receiver(tls=server) as (port, heads):
        for host, fine in (("hooks.example", True), ("other.example", False)):
            here = f"https://{host}:{port}"
            if fine:
                assert (await door(here, tls=trust).post(here, b"{}", {})).status == 200
            else:
                assert await code(door(here, tls=trust), here) == "outbound_away"
        here = f"https://hooks.example:{port}"
        assert await code(door(here), here) == "outbound_away"  # signed by nobody we trust
        assert asked == ["hooks.example", "other.example", "hooks.example"]
        assert len(heads) == 1


async def test_what_one_host_may_get_is_bounded_whatever_it_answers():
    async with receiver() as (port, heads):
        here = f"http://127.0.0.1:{port}"
        asked = door(here, budget=Budget(burst=3))
        for _ in range(3):
            await asked.post(here, b"{}", {})
        assert await code(asked, here) == "outbound_rate"
        assert len(heads) == 3


async def test_no_fault_says_more_of_an_address_than_its_host():
    async with receiver(b"") as (port, _):
        here = f"http://127.0.0.1:{port}"
        with pytest.raises(HustingsError) as caught:
            await door(here).post(f"{here}/secret?token=secret", b"secret", {"X": "secret"})
        assert "secret" not in repr(caught.value) + str(caught.value.__cause__)
