"""Decisions about strangers' requests: how often, how much, how long. Pure: time comes in.

`base.guard` applies them to the web and stage ports; the numbers and their reasons are in
docs/operations.md. Limits by address order people rather than ban them, since whole campuses
and mobile carriers share one.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one port grants. Seconds, bytes, counts."""

    first_byte_s: float = 3.0
    head_s: float = 5.0  # from the first byte of a request to the end of its headers
    head_bytes: int = 8_192
    body_s: float = 10.0
    body_bytes: int = 65_536
    idle_s: float = 15.0  # between two requests
    handshake_s: float = 5.0  # TLS
    connections: int = 2_000
    per_address: int = 500
    rate: float = 20.0  # requests a second and address
    burst: float = 200.0
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    work_share: float = 0.20  # of one core, for new requests; see WorkBudget
    work_slice_s: float = 0.050
    hold_s: float = 5.0  # longest wait for the budget, then 503


class Gcra:
    """Generic cell rate algorithm: one float for each key, no sweeper.

    A refused request costs its sender nothing later. The table is bounded: the key that was
    first seen longest ago makes room, so a flood of keys costs precision, never memory.
    Source: ITU-T I.371; brandur.org/rate-limiting.
    """

    def __init__(self, *, rate: float, burst: float, size: int = 65_536) -> None:
        self._step = 1.0 / rate
        self._slack = burst * self._step
        self._size = size
        self._free_at: dict[str, float] = {}

    def take(self, key: str, now_s: float) -> float:
        """Charge one request; returns 0.0 if it is granted, else the seconds to wait."""
        due = max(now_s, self._free_at.get(key, 0.0)) + self._step
        if due - now_s > self._slack + 1e-9:
            return due - now_s - self._slack
        if key not in self._free_at and len(self._free_at) >= self._size:
            del self._free_at[next(iter(self._free_at))]
        self._free_at[key] = due
        return 0.0

    def __len__(self) -> int:
        return len(self._free_at)


class WorkBudget:
    """Grants new requests a share of each slice of time, so that what else runs here can run.

    Measured why: with 400 flooding connections beside 200 listeners on one core the longest
    pause fell from 1.05 s to 0.23-0.39 s with a fifth of each 50 ms and separate processes.
    """

    def __init__(self, *, share: float, slice_s: float) -> None:
        self._allowance = share * slice_s
        self._slice = slice_s
        self._begins = 0.0
        self._spent = 0.0

    def spend(self, seconds: float, now_s: float) -> None:
        """Charge work done; what exceeds a slice is paid by the following ones, up to four."""
        self._roll(now_s)
        self._spent = min(self._spent + seconds, 5 * self._allowance)

    def wait(self, now_s: float) -> float:
        """0.0 if new work may begin now, else the seconds until it may be asked again."""
        self._roll(now_s)
        if self._spent < self._allowance:
            return 0.0
        return max(self._begins + self._slice - now_s, 0.001)

    def _roll(self, now_s: float) -> None:
        passed = int((now_s - self._begins) / self._slice)
        if passed > 0:
            self._begins += passed * self._slice
            self._spent = max(0.0, self._spent - passed * self._allowance)


IPV6_BITS: Final = 56  # what one household is given; a single /128 means nothing


def plain_address(address: str) -> str:
    """An address in its shortest form; IPv4 that came over an IPv6 socket is IPv4 again."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def address_key(address: str) -> str:
    """What is limited: an IPv4 address, or the /56 of an IPv6 address; the text if neither."""
    plain = plain_address(address)
    try:
        ip = ipaddress.IPv6Address(plain)
    except ValueError:
        return plain
    return str(ipaddress.ip_network((ip, IPV6_BITS), strict=False))


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Sequence[str]) -> str:
    """Who asks: the last hop that is not a proxy of ours.

    forwarded_for: the header's entries, leftmost first; anyone can write them, so they are
    read from the right and only while the hop before was trusted.
    """
    client = peer
    for entry in reversed(forwarded_for):
        if client not in trusted:
            break
        client = plain_address(entry.strip())
    return client


def content_length(value: bytes) -> int | None:
    """The number in a Content-Length header; None if it is not one."""
    return int(value) if value.isdigit() and len(value) <= 12 else None
