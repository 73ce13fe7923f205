"""A speaker behind a bad network: what the relay lets through comes, and the reports are true."""

import asyncio
from collections.abc import Callable

import pytest

from hustings.base.clock import SystemClock
from hustings.settings import Rtc
from hustings.stage.rtc.caller import call
from hustings.stage.rtc.peers import Peer, Peers
from tests.fakes.rtc_client import SILENCE
from tests.fakes.udp_relay import Network, UdpRelay

PACKETS = 200  # within the burst that a speaker may send


async def until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "network",
    [Network(), Network(loss=0.1), Network(loss=0.06, jitter_ms=20, reorder=True)],
    ids=["good", "lossy", "rough"],
)
async def test_what_is_not_lost_on_the_way_comes(network: Network) -> None:
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_370, last_port=42_379), SystemClock())
    came: list[int] = []
    there: list[Peer] = []
    async with UdpRelay(network, seed=3) as relay:

        async def exchange(offer: str) -> str:
            peer = await peers.accept(
                offer,
                returns=True,
                on_packet=lambda seq, *_: came.append(seq),
                on_state=lambda _: None,
            )
            there.append(peer)
            return relay.rewritten(peer.answer_sdp)

        caller = await call(
            exchange,
            on_packet=lambda *_: None,
            on_state=lambda _: None,
            clock=SystemClock(),
            addresses=["127.0.0.1"],
        )
        await until(lambda: caller.state == there[0].state == "connected")
        for n in range(PACKETS):
            caller.send(SILENCE + bytes([n % 256]))
            await asyncio.sleep(0.005)
        await until(lambda: relay.up.passed + relay.up.lost == PACKETS)
        await until(lambda: len(came) == relay.up.passed)
        assert (relay.up.lost > 0) == bool(network.loss)
        assert len(set(came)) == len(came)
        assert (came != sorted(came)) == network.reorder
        # As RFC 3550 counts: from the first that came to the highest; the last ones may be lost.
        assert there[0].statistics().lost == max(came) - came[0] + 1 - len(came)
        await caller.close()
        await peers.close()
