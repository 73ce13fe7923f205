"""Decisions about strangers' requests: how often, how much, how long. Pure: time comes in.

`base.guard` applies them to the web and stage ports; the numbers and their reasons are in
docs/operations.md. Limits by address order people rather than ban them, since whole campuses
and mobile carriers share one.
"""

import ipaddress
import re
from collections import OrderedDict
from collections.abc import Collection, Sequence
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
    upload_s: float = 120.0  # the same of a form with a file, at `upload_at`
    upload_bytes: int = 0
    upload_at: re.Pattern[str] | None = None  # "METHOD /path", as sent; None: nowhere
    idle_s: float = 15.0  # between two requests
    handshake_s: float = 5.0  # TLS
    connections: int = 2_000
    per_address: int = 500
    rate: float = 20.0  # requests a second and address
    burst: float = 200.0
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    forwarded_header: str = "x-forwarded-for"
    work_share: float = 0.20  # of one core, for new requests; see WorkBudget
    work_slice_s: float = 0.050
    hold_s: float = 5.0  # longest wait for the budget, then 503

    @property
    def at_once(self) -> int:
        """Bytes of a whole request that may come in one piece."""
        return self.head_bytes + max(self.body_bytes, self.upload_bytes)

    def takes_files(self, method: bytes, url: bytes) -> bool:
        """Whether a form with a file may be sent there; url: as on the request's first line."""
        asked = b"%b %b" % (method, url.partition(b"?")[0])
        return self.upload_at is not None and bool(
            self.upload_at.fullmatch(asked.decode("latin-1"))
        )


class Gcra:
    """Generic cell rate algorithm: one float for each key, no sweeper.

    A refused request costs its sender nothing later. The table is bounded: the key that was
    first seen longest ago makes room, so a flood of keys costs precision, never memory. It leaves an
    OrderedDict in 3 us; a plain dict looks for its oldest key past all that left: 66 us.
    Source: ITU-T I.371; brandur.org/rate-limiting.
    """

    def __init__(self, *, rate: float, burst: float, size: int = 65_536) -> None:
        self._step = 1.0 / rate
        self._slack = burst * self._step
        self._size = size
        self._free_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now_s: float) -> float:
        """Charge one request; returns 0.0 if it is granted, else the seconds to wait."""
        wait_s = self.wait(key, now_s)
        if not wait_s:
            self.charge(key, now_s)
        return wait_s

    def wait(self, key: str, now_s: float) -> float:
        """0.0 if a request would be granted now, else the seconds until it is; costs nothing."""
        over = max(now_s, self._free_at.get(key, 0.0)) + self._step - now_s - self._slack
        return over if over > 1e-9 else 0.0

    def charge(self, key: str, now_s: float) -> None:
        """Charge one request, whatever `wait` says."""
        due = max(now_s, self._free_at.get(key, 0.0)) + self._step
        if key not in self._free_at and len(self._free_at) >= self._size:
            self._free_at.popitem(last=False)
        self._free_at[key] = due

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

    def grant(self, share: float) -> None:
        """Another share from now on."""
        self._allowance = share * self._slice

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
IPV6_NETWORK_BITS: Final = 48  # what one site is given


def plain_address(address: str) -> str:
    """An address in its shortest form; IPv4 that came over an IPv6 socket is IPv4 again."""
    if ":" not in address and "%" not in address:
        return address[:64]  # IPv4 has one form only
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return str(mapped or ip)


def address_key(address: str) -> str:
    """What is limited: an IPv4 address, or the /56 of an IPv6 address; the text if neither."""
    plain = plain_address(address)
    if ":" not in plain:
        return plain
    try:
        ip = ipaddress.IPv6Address(plain)
    except ValueError:
        return plain
    return str(ipaddress.ip_network((ip, IPV6_BITS), strict=False))


def network_key(key: str) -> str:
    """The network of an `address_key`: the /24 of an IPv4 address, the /48 of an IPv6 one."""
    if ":" not in key:
        return f"{key.rpartition('.')[0]}.0/24"
    try:
        ip = ipaddress.IPv6Address(key.partition("/")[0])
    except ValueError:
        return key
    return str(ipaddress.ip_network((ip, IPV6_NETWORK_BITS), strict=False))


def is_near(address: str) -> bool:
    """Whether a plain address is this machine's own (loopback): no stranger has it."""
    return address.startswith("127.") or address == "::1"


def forwarded_hops(value: str, header: str) -> list[str]:
    """The hops that a proxy's header names, leftmost first; `value` may join several lines.

    header: `x-forwarded-for`, or `forwarded` (RFC 7239: the `for` of each element; an element
    without one, or with `unknown` or a hidden name, is a hop that nobody can be told by).
    Quotes do not hide a comma: a client that leaves one open must not swallow what a proxy adds.
    """
    if header != "forwarded":
        return [hop for hop in value.split(",") if hop.strip()]
    return [_forwarded_for(element) for element in value.split(",") if element.strip()]


def _forwarded_for(element: str) -> str:
    for pair in element.split(";"):
        name, _, node = pair.partition("=")
        if name.strip().lower() == "for":
            node = node.strip().strip('"')
            if node.startswith("["):  # IPv6, with or without a port
                return node[1:].partition("]")[0]
            return node.partition(":")[0]
    return "unknown"


def client_address(peer: str, forwarded_for: Sequence[str], trusted: Collection[str]) -> str:
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
