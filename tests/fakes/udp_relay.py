"""A bad network between a browser and the stage: a UDP relay that loses, delays and reorders.

What happens to the n-th packet of a direction follows from the seed and n alone, so a run can be
repeated. `rewritten(answer)` puts the relay's address into the stage's SDP answer; nothing else
has to know of it. ICE and DTLS pass unharmed unless `spare_setup` is False: a bad line that
cannot even connect measures nothing.

    async with UdpRelay(Network(loss=0.05), seed=1) as relay:
        answer = relay.rewritten(peer.answer_sdp)
"""

import asyncio
import math
import random
import re
from dataclasses import dataclass, field
from typing import Any, Self

_CANDIDATE = re.compile(r"(?m)^(a=candidate:\S+ 1 udp \d+) (\S+) (\d+) typ host")


@dataclass(frozen=True)
class Network:
    """One direction. Times in milliseconds."""

    loss: float = 0.0  # share of packets
    burst: float = 1.0  # mean length of a loss
    delay_ms: float = 0.0
    jitter_ms: float = 0.0  # added on top, uniform 0..2 x this, so that it is the mean
    reorder: bool = False  # whether a packet may overtake another


class Fate:
    """What becomes of each packet of one direction; pure."""

    def __init__(self, network: Network, seed: int) -> None:
        self._network = network
        self._random = random.Random(seed)
        self._losing = False
        self._last_due_s = -math.inf
        self.passed = 0
        self.lost = 0

    def next(self, now_s: float) -> float | None:
        """When the packet that came at `now_s` is due; None: it is lost."""
        network = self._network
        lost, jitter = self._random.random(), self._random.uniform(0, 2 * network.jitter_ms)
        if network.loss:  # two states (Gilbert): the mean of losses in a row is `burst`
            stay = 1 - 1 / max(1.0, network.burst)
            begin = network.loss * (1 - stay) / (1 - network.loss)
            self._losing = lost < (stay if self._losing else begin)
        if self._losing:
            self.lost += 1
            return None
        self.passed += 1
        due_s = now_s + (network.delay_ms + jitter) / 1_000
        if not network.reorder:
            due_s = max(due_s, self._last_due_s)
        self._last_due_s = due_s
        return due_s


@dataclass
class _Socket(asyncio.DatagramProtocol):
    relay: "UdpRelay"
    client: tuple[str, int] | None = None  # None: the side that clients speak to
    transport: Any = field(default=None)

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.relay._came(self, data, addr)


class UdpRelay:
    """Listens on loopback; each client gets a port of its own towards the stage."""

    def __init__(
        self,
        up: Network,
        down: Network | None = None,
        *,
        seed: int,
        spare_setup: bool = True,
    ) -> None:
        self.up = Fate(up, seed)
        self.down = Fate(down or Network(), seed + 1)
        self.port = 0
        self.dark = False  # set: nothing passes at all, as when a cable is pulled
        self._spare_setup = spare_setup
        self._stage: tuple[str, int] | None = None
        self._clients: dict[tuple[str, int], asyncio.Future[_Socket]] = {}
        self._front: _Socket | None = None

    async def __aenter__(self) -> Self:
        self._front = await self._open(None)
        self.port = self._front.transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        for opening in self._clients.values():
            (await opening).transport.close()
        assert self._front is not None
        self._front.transport.close()
        await asyncio.sleep(0)

    def rewritten(self, answer_sdp: str) -> str:
        """The stage's answer with the relay in the place of its first address, and no other."""
        found = _CANDIDATE.search(answer_sdp)
        assert found is not None
        self._stage = (found[2], int(found[3]))
        kept, first = [], True
        for line in answer_sdp.split("\r\n"):
            if _CANDIDATE.match(line):
                if first:
                    kept.append(_CANDIDATE.sub(rf"\g<1> 127.0.0.1 {self.port} typ host", line))
                first = False
            elif line.startswith("m=audio"):
                kept.append(re.sub(r"^m=audio \d+", f"m=audio {self.port}", line))
            else:
                kept.append(line)
        return "\r\n".join(kept)

    async def _open(self, client: tuple[str, int] | None) -> _Socket:
        _, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Socket(self, client), local_addr=("127.0.0.1", 0)
        )
        return protocol

    def _came(self, sock: _Socket, data: bytes, addr: tuple[str, int]) -> None:
        if self.dark:
            return
        loop = asyncio.get_running_loop()
        fate = self.up if sock.client is None else self.down
        is_media = bool(data) and 128 <= data[0] <= 191 and not 64 <= (data[1] & 0x7F) < 96
        due_s: float | None = loop.time()
        if is_media or not self._spare_setup:  # RTCP, too, passes: its reports shall be true
            due_s = fate.next(loop.time())
        if due_s is not None:
            loop.call_at(due_s, self._send, sock, data, addr)

    def _send(self, sock: _Socket, data: bytes, addr: tuple[str, int]) -> None:
        if sock.client is not None:  # from the stage, back to the client
            assert self._front is not None
            if not self._front.transport.is_closing():
                self._front.transport.sendto(data, sock.client)
            return
        if addr not in self._clients:
            self._clients[addr] = asyncio.ensure_future(self._open(addr))
        self._clients[addr].add_done_callback(lambda opened: self._on(opened.result(), data))

    def _on(self, sock: _Socket, data: bytes) -> None:
        if self._stage is not None and not sock.transport.is_closing():
            sock.transport.sendto(data, self._stage)
