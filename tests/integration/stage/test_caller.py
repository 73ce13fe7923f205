"""`stage.rtc.caller` against `stage.rtc.peers`: both ends ours, no aiortc media stack at all."""

import asyncio
import threading
from collections.abc import Callable

import pytest

from hustings.base.clock import SystemClock
from hustings.base.errors import PeerError
from hustings.settings import Rtc
from hustings.stage.rtc.caller import call
from hustings.stage.rtc.peers import Peers
from tests.fakes.rtc_client import OPUS_FRAMES

LOOPBACK = ["127.0.0.1"]


async def until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


async def test_both_ways_without_a_thread_and_without_a_trace() -> None:
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    peers = Peers(Rtc(bind="127.0.0.1", first_port=42_340, last_port=42_349), SystemClock())
    up: list[bytes] = []
    down: list[bytes] = []
    states: list[str] = []
    there = []

    async def exchange(offer: str) -> str:
        there.append(
            await peers.accept(
                offer,
                returns=True,
                on_packet=lambda _seq, _time, payload, _arrival: up.append(payload),
                on_state=lambda _: None,
            )
        )
        return there[0].answer_sdp

    caller = await call(
        exchange,
        on_packet=lambda _seq, _time, payload, _arrival: down.append(payload),
        on_state=states.append,
        clock=SystemClock(),
        addresses=LOOPBACK,
    )
    await until(lambda: caller.state == there[0].state == "connected")
    for frame in OPUS_FRAMES[:50]:
        caller.send(frame)
        there[0].send(frame)
        await asyncio.sleep(0)
    await until(lambda: len(up) == len(down) == 50)
    assert up == down == OPUS_FRAMES[:50]
    assert threading.active_count() == threads
    await peers.close()
    await until(lambda: caller.state == "closed")
    await caller.close()
    assert states == ["connecting", "connected", "closed"]
    assert asyncio.all_tasks() == tasks


async def test_a_refusal_leaves_nothing_open() -> None:
    tasks, states = asyncio.all_tasks(), list[str]()

    async def exchange(_offer: str) -> str:
        return "no"

    with pytest.raises(PeerError):
        await call(
            exchange,
            on_packet=lambda *_: None,
            on_state=states.append,
            clock=SystemClock(),
            addresses=LOOPBACK,
        )
    assert states == []
    assert asyncio.all_tasks() == tasks
