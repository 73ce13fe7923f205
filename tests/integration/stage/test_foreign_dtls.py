"""Fault F18: a stranger sprays DTLS ClientHellos at the stage's port while speakers connect.

Stock aioice hands them to DTLS and the set-up fails (15 of 15, docs/architecture.md).
"""

import asyncio
import re
import socket
from collections.abc import Iterator

import aioice.ice
import pytest
from OpenSSL import SSL

from hustings.base.clock import SystemClock
from hustings.settings import Rtc
from hustings.stage.rtc.peers import Peers
from tests.fakes.rtc_client import OPUS_FRAMES, Caller


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


def client_hello() -> bytes:
    """A real one, as a stranger's OpenSSL would send it."""
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_tlsext_use_srtp(b"SRTP_AES128_CM_SHA1_80")
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return bytes(connection.bio_read(1_500))


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.setblocking(False)
        yield sock


async def spray(stranger: socket.socket, port: int, stop: asyncio.Event) -> int:
    """About 2,000 a second until `stop`; returns how many."""
    hello, sent = client_hello(), 0
    while not stop.is_set():
        for _ in range(2):
            stranger.sendto(hello, ("127.0.0.1", port))
            sent += 1
        await asyncio.sleep(0.001)
    return sent


async def set_up_under_spray(peers: Peers, stranger: socket.socket) -> tuple[bool, int]:
    """One speaker; whether the first packet came, and how many foreign datagrams were dropped."""
    first, stop = asyncio.Event(), asyncio.Event()
    caller = Caller(OPUS_FRAMES[:5])
    peer = await peers.accept(
        await caller.offer(),
        returns=True,
        on_packet=lambda *_: first.set(),
        on_state=lambda _: None,
    )
    port = int(re.search(r"a=candidate:\S+ 1 udp \d+ \S+ (\d+)", peer.answer_sdp)[1])  # type: ignore[index]
    spraying = asyncio.get_running_loop().create_task(spray(stranger, port, stop))
    await asyncio.sleep(0.02)
    await caller.answered(peer.answer_sdp)
    try:
        async with asyncio.timeout(8):
            await first.wait()
    except TimeoutError:
        return False, 0
    finally:
        stop.set()
        sent = await spraying
        foreign = peer.statistics().foreign
        await caller.close()
        await peer.close()
    assert sent > 10
    return True, foreign


@pytest.mark.parametrize("set_ups", [6, pytest.param(30, marks=pytest.mark.slow)])
async def test_F18_speakers_connect_under_a_spray_of_client_hellos(
    stranger: socket.socket, set_ups: int
) -> None:
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_320, last_port=42_329), SystemClock())
    results = [await set_up_under_spray(peers, stranger) for _ in range(set_ups)]
    assert [connected for connected, _ in results] == [True] * set_ups
    assert all(foreign > 10 for _, foreign in results)
    await peers.close()
