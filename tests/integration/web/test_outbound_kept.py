"""F24: connections that are kept for a moment are as guarded as new ones; counted at the socket."""

import asyncio
import ssl

import pytest

from hustings.web.outbound import lines as module
from hustings.web.outbound.addresses import target
from hustings.web.outbound.lines import HOSTS, Lines
from tests.fakes.certificates import certificate
from tests.fakes.sockets import connections
from tests.integration.web.test_outbound import OK, code, door, names, receiver

MANY = 1_000


async def test_one_after_another_share_a_connection_which_is_closed_at_the_end():
    async with receiver(requests=MANY) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        asked = door(here, keep=True)
        with connections() as seen:
            for _ in range(5):
                assert (await asked.post(here, b"{}", {})).body == b"ok"
        assert (len(heads), seen) == (5, [("127.0.0.1", port)])
        assert b"Connection: close" not in heads[0]
        await asked.close()


async def test_at_once_each_has_a_connection_of_its_own():
    async with receiver(requests=MANY) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        asked = door(here, keep=True)
        with connections() as seen:
            for _ in range(3):
                await asyncio.gather(*(asked.post(here, b"{}", {}) for _ in range(3)))
        assert len(heads) == 9
        assert len(seen) == 3
        await asked.close()


async def test_F24_a_kept_connection_serves_no_other_name_at_the_same_address(tmp_path):
    cert, key = certificate(tmp_path, "own", names=("hooks.example",))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(cert, key)
    trust = ssl.create_default_context(cafile=str(cert))
    async with receiver(tls=server, requests=MANY) as (port, heads):
        good, other = (f"https://{host}:{port}" for host in ("hooks.example", "other.example"))
        asked = door(good, other, tls=trust, keep=True)
        for _ in range(2):
            assert (await asked.post(good, b"{}", {})).status == 200
            assert await code(asked, other) == "outbound_away"
        assert len(heads) == 2
        await asked.close()


async def test_F24_a_name_that_changes_its_mind_does_not_get_the_kept_connection():
    async with receiver(requests=MANY) as (port, heads):
        url = f"http://hooks.example:{port}"
        answers = names(["127.0.0.1"], ["169.254.169.254"], ["127.0.0.2"], ["127.0.0.1"])
        asked = door(url, resolve=answers, keep=True)
        with connections() as seen:
            await asked.post(url, b"{}", {})
            assert await code(asked, url) == "outbound_address"
            assert await code(asked, url) == "outbound_away"  # allowed, and nobody listens there
            await asked.post(url, b"{}", {})
        assert seen == [("127.0.0.1", port), ("127.0.0.2", port)]
        assert len(heads) == 2
        await asked.close()


async def test_F24_no_cookie_is_kept_with_it():
    answer = OK.replace(b"\r\n\r\n", b"\r\nSet-Cookie: a=b\r\n\r\n")
    async with receiver(answer, requests=MANY) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        asked = door(here, keep=True)
        for _ in range(2):
            await asked.post(here, b"{}", {})
        assert not any(b"cookie" in head.lower() for head in heads)
        await asked.close()


async def test_a_connection_that_its_other_side_closed_costs_no_request():
    async with receiver(requests=2) as (port, heads):
        here = f"http://127.0.0.1:{port}"
        asked = door(here, keep=True)
        with connections() as seen:
            for _ in range(4):
                assert (await asked.post(here, b"{}", {})).status == 200
                await asyncio.sleep(0.05)  # until we have heard of it
        assert (len(heads), len(seen)) == (4, 2)
        await asked.close()


async def test_nobody_comes_and_it_is_closed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "IDLE_S", 0.05)
    closed = asyncio.Event()

    async def serve(reader, writer):
        await reader.readuntil(b"{}")
        writer.write(OK)
        await reader.read()
        closed.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    asked = door(here, keep=True)
    await asked.post(here, b"{}", {})
    async with asyncio.timeout(20):
        await closed.wait()
    await asked.close()
    server.close()


async def test_few_hosts_are_kept_and_those_in_use_always():
    lines = Lines(ssl.create_default_context(), keep=True)
    urls = [target(f"https://h{number}.example/") for number in range(HOSTS + 5)]
    async with lines.to(urls[0]) as first:
        for url in urls[1:]:
            async with lines.to(url):
                pass
        assert len(lines) == HOSTS + 1
        async with lines.to(urls[0]) as again:
            assert again is first
    await lines.close()
    assert len(lines) == 0
