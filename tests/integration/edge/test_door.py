"""The edge's door on loopback: who stands before it, and what each of them is told."""

import asyncio
import contextlib
import ipaddress
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hustings.edge.door.admission import Priority
from hustings.settings import Tls
from tests.fakes.certificates import certificate
from tests.fakes.edges import RunningEdge, running_edge
from tests.fakes.stage_feed import StageFeed

ASK = b"GET %b HTTP/1.1\r\nHost: e\r\nConnection: close\r\n\r\n"


@contextlib.asynccontextmanager
async def edge_of(stage: StageFeed, **settings: Any) -> AsyncIterator[RunningEdge]:
    async with running_edge(stage.url, **settings) as running:
        await running.until("rooms.indexed")
        yield running


def peers(edge: RunningEdge) -> list[str]:
    return [connection.arrival.peer for connection in edge.edge.server.connections]


def binary_header(address: str) -> bytes:
    ip = ipaddress.ip_address(address)
    body = 2 * ip.packed + b"\x12\x34\x01\xbb"
    family = 0x11 if ip.version == 4 else 0x21
    return b"\r\n\r\n\x00\r\nQUIT\n\x21" + bytes([family, 0, len(body)]) + body


# ---------------------------------------------------------------- PROXY


@pytest.mark.parametrize(
    ("header", "peer"),
    [
        (b"PROXY TCP4 192.0.2.7 127.0.0.1 9 80\r\n", "192.0.2.7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (binary_header("2001:db8::7"), "2001:db8::7"),
        (binary_header("192.0.10.10"), "192.0.10.10"),  # line feeds that end no line
    ],
)
async def test_a_trusted_proxy_says_who_is_behind_it(
    stage: StageFeed, header: bytes, peer: str
) -> None:
    async with edge_of(stage, proxy_protocol=True) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        for n in range(len(header)):  # however it is cut
            writer.write(header[n : n + 1])
            if n % 7 == 0:
                await asyncio.sleep(0.001)
        writer.write(ASK % b"/live/demo/opus.mp4")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert peers(edge) == [peer]
        writer.close()
        await edge.until("edge.server.places.taken == 0")


async def test_without_its_header_a_trusted_proxy_is_not_heard(stage: StageFeed) -> None:
    async with edge_of(stage, proxy_protocol=True) as edge:
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(ASK % b"/healthz")
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await edge.until("edge.server.places.taken == 0")
        assert edge.edge.counts.refusals == {"proxy_header": 1}


async def test_a_stranger_cannot_speak_for_others(stage: StageFeed) -> None:
    async with edge_of(stage, proxy_protocol=True) as edge:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", edge.port, local_addr=("127.0.0.5", 0)
        )
        writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 9 80\r\n" + ASK % b"/healthz")
        assert (await reader.readline()).startswith(b"HTTP/1.1 400")
        writer.close()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", edge.port, local_addr=("127.0.0.5", 0)
        )
        writer.write(ASK % b"/healthz")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_proxy_and_tls_together_and_silent_handshakes_hold_a_place(
    stage: StageFeed, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, "edge", names=("localhost",))
    trust = ssl.create_default_context(cafile=cert)
    tls = Tls(cert=str(cert), key=str(key))
    async with edge_of(stage, tls=tls, proxy_protocol=True) as edge:
        _, silent = await asyncio.open_connection("127.0.0.1", edge.port)
        silent.write(b"PROXY TCP4 192.0.2.9 127.0.0.1 9 80\r\n")
        await edge.until("edge.server.places.taken == 1")
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        writer.write(binary_header("192.0.2.8"))
        await writer.start_tls(trust, server_hostname="localhost")
        writer.write(ASK % b"/live/demo/opus.mp4")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert peers(edge) == ["192.0.2.8"]
        assert edge.edge.server.places.taken == 2
        silent.close()
        writer.transport.abort()
        await edge.until("edge.server.places.taken == 0")
        assert edge.edge.counts.refusals["handshake"] == 1


async def test_a_handshake_that_never_comes_is_cut_off_when_the_edge_ends(
    stage: StageFeed, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, "edge", names=("localhost",))
    async with edge_of(stage, tls=Tls(cert=str(cert), key=str(key))) as edge:
        reader, silent = await asyncio.open_connection("127.0.0.1", edge.port)
        await edge.until("edge.server.places.taken == 1")
        await edge.edge.close()
        async with asyncio.timeout(10):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        assert edge.edge.server.places.taken == 0
        silent.close()


# ---------------------------------------------------------------- refusals


async def test_a_refusal_says_when_to_come_again(stage: StageFeed) -> None:
    async with edge_of(stage, listeners=2) as edge:
        inside = [edge.stream("/live/demo/opus.mp4") for _ in range(2)]
        for client in inside:
            await client.__aenter__()
        ages = set()
        for _ in range(8):
            reply = await edge.get("/live/demo/opus.mp4")
            assert (reply.status, reply.json["code"]) == (503, "edge_full")  # type: ignore[index]
            retry_s = int(reply.headers["retry-after"])
            assert 2 <= retry_s <= 120
            age_s = int(reply.headers["cache-control"].removeprefix("public, max-age="))
            assert 1 <= age_s <= min(5, retry_s)
            ages.add(age_s)
            assert reply.headers["access-control-expose-headers"] == "Retry-After"
        assert len(ages) > 1
        page = await edge.get("/r/demo")  # from memory, whoever is here
        assert page.status == 200
        for client in inside:
            await client.__aexit__(None, None, None)


async def test_under_pressure_a_page_says_so_in_words(stage: StageFeed) -> None:
    async with edge_of(stage) as edge:
        edge.edge.door.pressure = lambda: 0.9
        page = await edge.get("/r/demo", accept_language="de")
        assert page.status == 503
        assert page.headers["content-type"].startswith("text/html")
        assert b'<html lang="de"' in page.body
        assert int(page.headers["retry-after"]) >= 2
        assert (await edge.get("/live/demo/opus.mp4")).status == 503
        assert (await edge.get("/live/demo/aac/init.mp4")).status == 200
        assert (await edge.get("/healthz")).status == 200
        counts = edge.edge.counts.admissions
        assert counts[Priority.NEWCOMER.name.lower(), "shed"] == 2
        edge.edge.door.pressure = lambda: 0.0
        metrics = (await edge.get("/metrics")).body.decode()
        assert 'hustings_edge_admissions_total{class="newcomer",outcome="shed"} 2' in metrics


async def test_one_address_behind_our_proxy_is_told_429_when_there_is_not_enough(
    stage: StageFeed,
) -> None:
    async with edge_of(stage) as edge:
        edge.edge.door.pressure = lambda: 0.55
        got = [
            await edge.get("/live/demo/opus.mp4", method="HEAD", X_Forwarded_For="192.0.2.7")
            for _ in range(25)
        ]
        assert [reply.status for reply in got[:20]] == [200] * 20
        assert (got[-1].status, got[-1].headers["cache-control"]) == (429, "no-store")
        other = await edge.get("/live/demo/opus.mp4", method="HEAD", X_Forwarded_For="198.51.100.7")
        assert other.status == 200
