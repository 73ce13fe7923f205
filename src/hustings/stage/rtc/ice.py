"""ICE for the stage: aioice with one port of a fixed range, and deaf to strangers.

Keeps true: only datagrams from an address that has passed an authenticated check reach DTLS;
stock aioice hands it any datagram, so that a ClientHello from a stranger breaks the set-up
(6 of 6 under a spray of 2 kpps, none with this filter: test_foreign_dtls.py). What waits for DTLS is
bounded. A connection takes one UDP port of the range, the same on each address, and gives it
back. Used by `stage.rtc.peers` only; runs on any event loop.
"""

import asyncio
import errno
import socket
from collections import deque
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

import aioice.ice
from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import CandidatePair, StunProtocol, server_reflexive_candidate
from aioice.stun import Message, TransactionError

from hustings.base.errors import OperatorError, TryLater
from hustings.stage.rtc.sdp import MAX_CANDIDATES

QUEUE_PACKETS: Final = 256  # about 5 s of one speaker; beyond it the newest is dropped
RECEIVE_BYTES: Final = 256 * 1024  # of the socket, over 1 s of a speaker at a stopped loop
_LAST_STUN_BYTE: Final = 3  # RFC 7983: 0-3 STUN, 20-63 DTLS, 128-191 RTP and RTCP


def _check_names() -> None:
    """Stop with a clear word where aioice no longer has what this module overrides."""
    wanted = {
        Connection: (
            "check_incoming check_state build_request data_received get_component_candidates "
            "query_consent gather_candidates connect close"
        ),
        StunProtocol: "datagram_received request send_data",
    }
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in wanted.items()
        for name in names.split()
        if not hasattr(owner, name)
    ]
    probe = vars(Connection).get("__init__")
    assigned = probe.__code__.co_names if probe else ()
    attributes = ("_queue", "_nominated", "_protocols", "_remote_candidates")
    missing += [f"Connection.{name}" for name in attributes if name not in assigned]
    if missing:
        raise OperatorError(
            "aioice_version",
            f"aioice {metadata.version('aioice')} lacks {', '.join(missing)}; "
            "install the version that pyproject.toml names.",
        )


_check_names()


class Ports:
    """The UDP ports first..last, lent out; the one that rested longest goes first."""

    def __init__(self, first: int, last: int) -> None:
        if not 0 < first <= last < 65_536:
            raise OperatorError(
                "rtc_ports",
                f"The UDP port range {first}-{last} is empty or impossible: "
                "see stage.rtc.first_port and last_port.",
            )
        self._free = deque(range(first, last + 1))

    def __len__(self) -> int:
        return len(self._free)

    def take(self) -> int:
        """A free port, or TryLater `rtc_full`."""
        if not self._free:
            raise TryLater("rtc_full", "All UDP ports of the stage are taken.", delay_s=5.0)
        return self._free.popleft()

    def give_back(self, port: int) -> None:
        """Its sockets are closed, or it could not be bound."""
        self._free.append(port)


class AnyPort(Ports):
    """For a client: whatever port the system gives; it never runs out."""

    def __init__(self) -> None:
        super().__init__(1, 1)

    def take(self) -> int:
        """Port 0: the system chooses."""
        return 0

    def give_back(self, port: int) -> None:
        """Nothing was lent."""


class GuardedSocket(StunProtocol):  # type: ignore[misc]  # aioice has no stubs here
    """A UDP socket that passes STUN, and other data from checked addresses only."""

    receiver: "GuardedConnection"

    def __init__(self, receiver: "GuardedConnection") -> None:
        super().__init__(receiver)
        self.sources: set[tuple[str, int]] = set()  # addresses whose check has succeeded

    def datagram_received(self, data: bytes | str, addr: tuple[Any, ...]) -> None:
        """Sort by the first byte (RFC 7983); never raises, whatever arrives."""
        assert isinstance(data, bytes)
        if data and data[0] <= _LAST_STUN_BYTE:
            try:
                super().datagram_received(data, addr)
            except Exception:  # noqa: BLE001 - aioice lets struct.error out on malformed STUN
                self.receiver.foreign += 1
        elif data and (addr[0], addr[1]) in self.sources:
            self.receiver.data_received(data, self.local_candidate.component)
        else:
            self.receiver.foreign += 1


class GuardedConnection(Connection):  # type: ignore[misc]
    """One ICE connection of the stage. Counts what it refused in `foreign` and `overflow`.

    addresses: to bind, the same port on each. servers: as aioice's keyword arguments.
    """

    def __init__(
        self, ports: Ports, addresses: Sequence[str], *, controlling: bool = False, **servers: Any
    ) -> None:
        super().__init__(ice_controlling=controlling, **servers)
        self.foreign = 0
        self.overflow = 0
        self._ports = ports
        self._addresses = addresses
        self._port = 0

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],  # aioice's; ours were chosen in __init__
        timeout: int = 5,
    ) -> list[Candidate]:
        """Bind one port of the range, then ask STUN and TURN servers if any are set."""
        sockets = await self._bind(component)
        self._protocols += sockets
        found = [each.local_candidate for each in sockets]
        if self.stun_server:
            for each in sockets:
                try:
                    asked = server_reflexive_candidate(each, self.stun_server)
                    found.append((await asyncio.wait_for(asked, timeout))[0])
                except (TransactionError, TimeoutError, OSError):
                    continue
        found += await super().get_component_candidates(component, [], timeout)
        return found

    async def _bind(self, component: int) -> list[GuardedSocket]:
        """Sockets on one port, the same on each address; ports that another program holds are skipped."""
        for _ in range(len(self._ports)):
            port = self._ports.take()
            sockets: list[GuardedSocket] = []
            try:
                for address in self._addresses:
                    sockets += [await self._open(component, address, port)]
            except OSError as error:
                for each in sockets:
                    each.transport.close()
                self._ports.give_back(port)
                if error.errno == errno.EADDRINUSE:
                    continue
                raise OperatorError(
                    "rtc_bind", f"Cannot bind UDP ({error.strerror}); see stage.rtc.bind."
                ) from error
            self._port = port
            return sockets
        raise TryLater("rtc_full", "All UDP ports of the stage are taken.", delay_s=5.0)

    async def _open(self, component: int, address: str, port: int) -> GuardedSocket:
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(
            lambda: GuardedSocket(self), local_addr=(address, port)
        )
        if (sock := transport.get_extra_info("socket")) is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        bound: int = transport.get_extra_info("sockname")[1]
        protocol.local_candidate = Candidate(
            foundation=candidate_foundation("host", "udp", address),
            component=component,
            transport="udp",
            priority=candidate_priority(component, "host"),
            host=address,
            port=bound,
            type="host",
        )
        return protocol

    def check_state(self, pair: CandidatePair, state: CandidatePair.State) -> None:
        """As aioice; a check that succeeded opens the filter for its address."""
        super().check_state(pair, state)
        if state is CandidatePair.State.SUCCEEDED and isinstance(pair.protocol, GuardedSocket):
            pair.protocol.sources.add(pair.remote_addr)

    def check_incoming(
        self, message: Message, addr: tuple[str, int], protocol: StunProtocol
    ) -> None:
        """As aioice; a peer cannot make us remember more than 64 of its addresses."""
        known = any((c.host, c.port) == addr for c in self._remote_candidates)
        if known or len(self._remote_candidates) < MAX_CANDIDATES:
            super().check_incoming(message, addr, protocol)

    def data_received(self, data: bytes, component: int) -> None:
        """Queue a packet for DTLS and SRTP; full: the newest is dropped and counted."""
        if data[0] <= _LAST_STUN_BYTE:  # looked like STUN and was none
            self.foreign += 1
        elif self._queue.qsize() >= QUEUE_PACKETS:
            self.overflow += 1
        else:
            super().data_received(data, component)

    async def query_consent(self) -> None:
        """Nothing: `stage.rtc.peers` watches by `probe`, and sooner than aioice's 30 s."""

    async def probe(self) -> bool:
        """Ask the other side once whether it still consents (RFC 7675); waits up to 0.5 s."""
        pair = self._nominated.get(1)
        if pair is None or self.remote_password is None:
            return False
        request = self.build_request(pair, nominate=False)
        key = self.remote_password.encode()
        try:
            await pair.protocol.request(
                request, pair.remote_addr, integrity_key=key, retransmissions=0
            )
        except TransactionError:
            return False
        return True

    @property
    def writable(self) -> bool:
        """Connected, and nothing waits in the socket; if not, a late frame is better dropped."""
        pair = self._nominated.get(1)
        if pair is None:
            return False
        waiting = getattr(pair.protocol.transport, "get_write_buffer_size", None)  # not on TURN
        return waiting is None or waiting() == 0

    def send_now(self, data: bytes) -> None:
        """Send a datagram on the nominated pair, at once; only while `writable`."""
        pair = self._nominated[1]
        pair.protocol.transport.sendto(data, pair.remote_addr)

    async def close(self) -> None:
        """As aioice; then the port is free again. May be called twice."""
        await super().close()
        if self._port:
            self._ports.give_back(self._port)
            self._port = 0


def own_addresses(bind: str) -> list[str]:
    """What to bind: `bind`, or all of the machine's addresses; without a network, loopback."""
    if bind and bind not in {"0.0.0.0", "::"}:  # noqa: S104
        return [bind]
    found = aioice.ice.get_host_addresses(use_ipv4=True, use_ipv6=bind != "0.0.0.0")  # noqa: S104
    usable = [address for address in found if not address.startswith("fe80:")]
    return usable or ["127.0.0.1"]
