"""`stage.rtc.peers` against a stock aiortc client on loopback."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import aioice.ice
import pytest

from hustings.base.clock import SystemClock
from hustings.base.errors import PeerError, TryLater
from hustings.settings import Rtc
from hustings.stage.rtc.peers import Peer, Peers
from tests.fakes.rtc_client import OPUS_FRAMES, Caller

FIRST, LAST = 42_300, 42_310


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's sockets, too, stay on 127.0.0.1."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@pytest.fixture
async def peers() -> AsyncIterator[Peers]:
    made = Peers(Rtc(bind="127.0.0.1", first_port=FIRST, last_port=LAST), SystemClock())
    yield made
    await made.close()


async def until(done: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not done():
            await asyncio.sleep(0.01)


class Heard:
    """What one peer reported."""

    def __init__(self) -> None:
        self.packets: list[tuple[int, int, bytes]] = []
        self.states: list[str] = []

    def packet(self, seq: int, timestamp: int, payload: bytes, arrival_s: float) -> None:
        self.packets.append((seq, timestamp, payload))


async def join(peers: Peers, caller: Caller, heard: Heard, *, returns: bool = True) -> Peer:
    peer = await peers.accept(
        await caller.offer(),
        returns=returns,
        on_packet=heard.packet,
        on_state=heard.states.append,
    )
    await caller.answered(peer.answer_sdp)
    return peer


async def test_packets_come_as_they_were_sent_and_go_as_they_were_given(peers: Peers) -> None:
    caller, heard = Caller(OPUS_FRAMES[:40]), Heard()
    peer = await join(peers, caller, heard)
    await until(lambda: len(heard.packets) >= 40)
    first_seq, first_time, _ = heard.packets[0]
    for n, (seq, timestamp, payload) in enumerate(heard.packets[:40]):
        assert ((seq - first_seq) & 0xFFFF, (timestamp - first_time) & 0xFFFFFFFF) == (n, n * 960)
        assert payload == OPUS_FRAMES[n]
    for frame in OPUS_FRAMES[:25]:
        peer.send(frame)
    await until(lambda: len(caller.heard) >= 25)
    assert [payload for _, _, payload in caller.heard] == OPUS_FRAMES[:25]
    steps = {
        (b[0] - a[0], b[1] - a[1]) for a, b in zip(caller.heard, caller.heard[1:], strict=False)
    }
    assert steps == {(1, 960)}
    assert heard.states == ["connecting", "connected"]
    assert peer.statistics().sent == 25
    assert peer.statistics().rtt_ms is not None
    await caller.close()
    await until(lambda: heard.states[-1] == "closed")
    assert len(peers) == 0


async def test_closing_leaves_no_task_thread_or_port(peers: Peers) -> None:
    tasks, threads = asyncio.all_tasks(), threading.active_count()
    heard = Heard()
    for _ in range(3):  # more than enough to use up a range of which nothing came back
        caller = Caller(OPUS_FRAMES[:5])
        peer = await join(peers, caller, heard)
        await until(lambda: heard.states[-1] == "connected")
        assert threading.active_count() <= threads + 1  # the stock client's decoder
        await peer.close()
        await peer.close()
        await caller.close()
    assert heard.states.count("closed") == 3
    assert asyncio.all_tasks() == tasks
    assert threading.active_count() == threads
    assert len(peers._ports) == LAST - FIRST + 1


async def test_both_sides_may_hang_up_at_once(peers: Peers) -> None:
    tasks, heard = asyncio.all_tasks(), Heard()
    for turns in range(24):
        caller = Caller([])
        peer = await join(peers, caller, heard)
        await until(lambda: heard.states[-1] == "connected")
        hanging_up = asyncio.gather(caller.close())
        for _ in range(turns):  # the peer's own task begins to close, and gets so far
            await asyncio.sleep(0)
        await asyncio.gather(peer.close(), peer.close(), hanging_up)
        assert heard.states[-1] == "closed"
    assert asyncio.all_tasks() == tasks
    assert len(peers._ports) == LAST - FIRST + 1


async def test_a_peer_closed_before_it_connects_leaves_nothing(peers: Peers) -> None:
    tasks, caller, heard = asyncio.all_tasks(), Caller([]), Heard()
    peer = await peers.accept(
        await caller.offer(), returns=True, on_packet=heard.packet, on_state=heard.states.append
    )
    await peer.close()
    await caller.close()
    assert heard.states == ["connecting", "closed"]
    assert asyncio.all_tasks() == tasks
    assert len(peers._ports) == LAST - FIRST + 1


async def test_whip_is_answered_recvonly_and_a_video_line_is_refused(peers: Peers) -> None:
    caller, heard = Caller(OPUS_FRAMES[:5], video=True), Heard()
    peer = await join(peers, caller, heard, returns=False)
    assert "m=video 0 " in peer.answer_sdp
    assert "a=recvonly" in peer.answer_sdp
    await until(lambda: len(heard.packets) >= 5)
    await caller.close()


async def test_ports_come_from_the_range_and_run_out_politely() -> None:
    peers = Peers(Rtc(bind="127.0.0.1", first_port=FIRST + 20, last_port=FIRST + 21), SystemClock())
    taken, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, local_addr=("127.0.0.1", FIRST + 20)
    )
    callers = [Caller([]), Caller([])]
    heard = Heard()
    peer = await join(peers, callers[0], heard)
    assert f" 127.0.0.1 {FIRST + 21} typ host" in peer.answer_sdp  # the other one is taken
    with pytest.raises(TryLater) as refusal:
        await join(peers, callers[1], heard)
    assert (refusal.value.code, refusal.value.delay_s > 0) == ("rtc_full", True)
    await peers.close()
    assert len(peers) == 0
    taken.close()
    for caller in callers:
        await caller.close()


async def test_garbage_is_refused_before_anything_is_opened(peers: Peers) -> None:
    heard = Heard()
    for garbage in ("", "v=0\r\nm=audio", b"\xff\x00", "x" * 20_000):
        with pytest.raises(PeerError) as refusal:
            await peers.accept(
                garbage, returns=True, on_packet=heard.packet, on_state=heard.states.append
            )
        assert refusal.value.code == "sdp_bad"
    assert heard.states == []
    assert len(peers) == 0


async def test_frames_before_the_connection_stands_are_dropped_not_kept(peers: Peers) -> None:
    caller, heard = Caller([]), Heard()
    peer = await peers.accept(
        await caller.offer(), returns=True, on_packet=heard.packet, on_state=heard.states.append
    )
    for _ in range(100):
        peer.send(OPUS_FRAMES[0])
    await caller.answered(peer.answer_sdp)
    await until(lambda: heard.states[-1] == "connected")
    peer.send(OPUS_FRAMES[7])
    await until(lambda: bool(caller.heard))
    assert [payload for _, _, payload in caller.heard] == [OPUS_FRAMES[7]]
    assert peer.statistics().unsent == 100
    await caller.close()


async def test_it_runs_on_the_loop_of_another_thread() -> None:
    states: list[str] = []

    async def evening() -> int:
        peers = Peers(Rtc(bind="127.0.0.1", first_port=FIRST, last_port=LAST), SystemClock())
        caller, heard = Caller(OPUS_FRAMES[:5]), Heard()
        await join(peers, caller, heard)
        await until(lambda: len(heard.packets) >= 5)
        await caller.close()
        await peers.close()
        states.extend(heard.states)
        return len(heard.packets)

    assert await asyncio.to_thread(asyncio.run, evening()) >= 5
    assert states == ["connecting", "connected", "closed"]
