"""`stage.rtc.ice`: ports, and which datagrams reach DTLS. No sockets."""

from typing import Any

import pytest
from aioice import Candidate
from aioice.ice import CandidatePair

from hustings.base.errors import OperatorError, TryLater
from hustings.stage.rtc.ice import (
    QUEUE_PACKETS,
    GuardedConnection,
    GuardedSocket,
    Ports,
    own_addresses,
)

FRIEND, STRANGER = ("192.0.2.10", 5_000), ("192.0.2.66", 5_000)
HELLO = bytes([22, 254, 253]) + bytes(40)
RTP = bytes([0x80, 111]) + bytes(30)


def candidate(address: tuple[str, int]) -> Candidate:
    return Candidate("1", 1, "udp", 1, address[0], address[1], "host")


@pytest.fixture
async def connection() -> GuardedConnection:
    return GuardedConnection(Ports(50_000, 50_001), ["127.0.0.1"])


@pytest.fixture
async def sock(connection: GuardedConnection) -> GuardedSocket:
    made = GuardedSocket(connection)
    made.local_candidate = candidate(("127.0.0.1", 50_000))
    return made


def waiting(connection: GuardedConnection) -> list[Any]:
    return [connection._queue.get_nowait() for _ in range(connection._queue.qsize())]


def passed_check(sock: GuardedSocket, address: tuple[str, int]) -> CandidatePair:
    pair = CandidatePair(sock, candidate(address))
    sock.receiver.check_state(pair, CandidatePair.State.IN_PROGRESS)
    sock.receiver.check_state(pair, CandidatePair.State.SUCCEEDED)
    return pair


async def test_nothing_passes_before_a_check_has_succeeded(sock: GuardedSocket) -> None:
    pair = CandidatePair(sock, candidate(FRIEND))
    sock.receiver.check_state(pair, CandidatePair.State.IN_PROGRESS)
    sock.datagram_received(HELLO, FRIEND)
    assert waiting(sock.receiver) == []
    assert sock.receiver.foreign == 1


async def test_only_the_checked_address_passes(sock: GuardedSocket) -> None:
    passed_check(sock, FRIEND)
    for data in (HELLO, RTP):
        sock.datagram_received(data, STRANGER)
        sock.datagram_received(data, (FRIEND[0], FRIEND[1] + 1))
        sock.datagram_received(data, FRIEND)
    assert [data for data, _ in waiting(sock.receiver)] == [HELLO, RTP]
    assert sock.receiver.foreign == 4


async def test_an_ipv6_address_is_known_by_its_first_two_fields(sock: GuardedSocket) -> None:
    passed_check(sock, ("2001:db8::1", 5_000))
    sock.datagram_received(RTP, ("2001:db8::1", 5_000, 0, 3))
    assert len(waiting(sock.receiver)) == 1


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01" * 40, bytes([0, 1, 0, 4]) + bytes(20)])
async def test_what_only_looks_like_stun_goes_nowhere(sock: GuardedSocket, data: bytes) -> None:
    passed_check(sock, FRIEND)
    sock.datagram_received(data, FRIEND)
    assert waiting(sock.receiver) == []
    assert sock.receiver.foreign == 1


async def test_malformed_stun_is_counted_not_raised(sock: GuardedSocket) -> None:
    short_priority = bytes.fromhex("00010008 2112a442 000000000000000000000000 00240002 00010000")
    sock.datagram_received(short_priority, STRANGER)  # aioice raises struct.error
    assert sock.receiver.foreign == 1


async def test_the_queue_is_bounded_and_keeps_what_came_first(sock: GuardedSocket) -> None:
    passed_check(sock, FRIEND)
    for n in range(QUEUE_PACKETS + 10):
        sock.datagram_received(RTP + bytes([n % 256]), FRIEND)
    kept = [data for data, _ in waiting(sock.receiver)]
    assert (len(kept), kept[0]) == (QUEUE_PACKETS, RTP + b"\x00")
    assert sock.receiver.overflow == 10


async def test_it_is_not_writable_before_it_is_connected(connection: GuardedConnection) -> None:
    assert not connection.writable
    assert await connection.probe() is False


def test_ports_are_lent_and_given_back_in_turn() -> None:
    ports = Ports(7_000, 7_002)
    assert [ports.take(), ports.take()] == [7_000, 7_001]
    ports.give_back(7_000)
    assert [ports.take(), ports.take()] == [7_002, 7_000]
    with pytest.raises(TryLater) as refusal:
        ports.take()
    assert refusal.value.code == "rtc_full"


@pytest.mark.parametrize(("first", "last"), [(0, 10), (10, 9), (65_000, 65_536)])
def test_an_impossible_range_is_the_operators_to_mend(first: int, last: int) -> None:
    with pytest.raises(OperatorError) as refusal:
        Ports(first, last)
    assert "first_port" in refusal.value.title


def test_addresses_to_bind() -> None:
    assert own_addresses("127.0.0.1") == ["127.0.0.1"]
    assert own_addresses("")
    assert not [address for address in own_addresses("0.0.0.0") if ":" in address]
