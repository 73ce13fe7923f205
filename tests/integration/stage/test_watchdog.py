"""A speaker who never comes, falls silent, comes back, or is gone: what `stage.rtc.peers` says when."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from hustings.base.clock import ManualClock, SystemClock
from hustings.settings import Rtc
from hustings.stage.rtc import peers as peers_module
from hustings.stage.rtc.caller import call
from hustings.stage.rtc.peers import CONNECT_S, GONE_S, LOST_S, Peer, Peers
from tests.fakes.udp_relay import Network, UdpRelay

OFFER = Path(__file__).parents[2] / "data" / "sdp" / "chromium_audio.sdp"


async def until(done: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


@pytest.mark.looptime
async def test_who_never_comes_is_given_up() -> None:
    tasks = asyncio.all_tasks()
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_380, last_port=42_380), SystemClock())
    states: list[str] = []
    began_s = asyncio.get_running_loop().time()
    await peers.accept(
        OFFER.read_bytes(), returns=True, on_packet=lambda *_: None, on_state=states.append
    )
    while states[-1] != "closed":
        await asyncio.sleep(0.1)
    took_s = asyncio.get_running_loop().time() - began_s
    assert states == ["connecting", "closed"]
    assert CONNECT_S <= took_s < CONNECT_S + 1
    assert asyncio.all_tasks() == tasks
    assert len(peers._ports) == 1


@pytest.mark.slow
async def test_a_line_that_falls_silent_is_lost_may_come_back_and_is_given_up_at_last() -> None:
    clock = ManualClock()  # the stage's; seconds of silence pass at a word
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_390, last_port=42_399), clock)
    states: list[str] = []
    there: list[Peer] = []
    async with UdpRelay(Network(), seed=1) as relay:

        async def exchange(offer: str) -> str:
            there.append(
                await peers.accept(
                    offer, returns=True, on_packet=lambda *_: None, on_state=states.append
                )
            )
            return relay.rewritten(there[0].answer_sdp)

        caller = await call(
            exchange,
            on_packet=lambda *_: None,
            on_state=lambda _: None,
            clock=SystemClock(),
            addresses=["127.0.0.1"],
        )
        await until(lambda: states[-1] == "connected")
        # Muted or without a microphone: no packet, but consent goes on, and nothing is lost.
        for _ in range(3):
            clock.advance(LOST_S + 1)
            await asyncio.sleep(peers_module.WATCH_S + 0.2)
        assert states == ["connecting", "connected"]
        relay.dark = True
        await asyncio.sleep(0.1)
        clock.advance(LOST_S + 1)
        await until(lambda: states[-1] == "lost")
        relay.dark = False
        await until(lambda: states[-1] == "connected")
        relay.dark = True
        await asyncio.sleep(0.1)
        clock.advance(GONE_S + 1)
        await until(lambda: states[-1] == "closed")
        assert states[:4] == ["connecting", "connected", "lost", "connected"]
        assert len(peers) == 0
        await caller.close()
