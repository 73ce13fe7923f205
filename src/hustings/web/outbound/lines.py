"""Connections of one door: one for each request, or kept for a moment where many go to the same few hosts.

Keeps true: a connection carries what is for the name that its certificate was checked for, and for
no other, to an address that was checked for that very request; nothing else is kept: no cookie, no
redirect is followed, no proxy asked. At most `HOSTS` hosts are kept while nothing is on its way to
them, for `IDLE_S`. Who uses it bounds what is under way (`web.outbound.budget`).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from hustings.base.tasks import Tasks
from hustings.web.outbound.addresses import Target

IDLE_S: Final = (
    2.0  # servers close theirs after 5 s and more: a line that ends under a request costs it
)
HOSTS: Final = 8


@dataclass
class _Kept:
    """All lines to one name and port. Those to another of its addresses are others."""

    lines: httpx.AsyncHTTPTransport
    under_way: int = 0
    ends: asyncio.TimerHandle | None = None


class Lines:
    """Those of one door."""

    def __init__(self, tls: ssl.SSLContext, *, keep: bool) -> None:
        """tls: whom to trust. keep: whether a line serves more than one request."""
        self._tls = tls
        self._keep = keep
        self._kept: dict[str, _Kept] = {}  # by `Target.origin`
        self._closing = Tasks()

    def __len__(self) -> int:
        return len(self._kept)

    @asynccontextmanager
    async def to(self, where: Target) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        """Lines on which a request goes to this name, at the address that its URL says."""
        if not self._keep:
            async with httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False) as lines:
                yield lines
            return
        kept = self._kept.setdefault(where.origin, _Kept(self._new()))
        if kept.ends is not None:
            kept.ends.cancel()
            kept.ends = None
        kept.under_way += 1
        try:
            yield kept.lines
        finally:
            kept.under_way -= 1
            if not kept.under_way:
                self._rest(where.origin, kept)

    async def close(self) -> None:
        """Close all; nothing is under way any more."""
        for origin in list(self._kept):
            self._end(origin)
        await self._closing.settle()

    def _new(self) -> httpx.AsyncHTTPTransport:
        limits = httpx.Limits(keepalive_expiry=IDLE_S)
        return httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=limits)

    def _rest(self, origin: str, kept: _Kept) -> None:
        """Close it if nobody comes."""
        resting = [name for name, each in self._kept.items() if each.ends is not None]
        if len(resting) >= HOSTS:
            self._end(resting[0])
        kept.ends = asyncio.get_running_loop().call_later(IDLE_S, self._end, origin)

    def _end(self, origin: str) -> None:
        kept = self._kept.pop(origin)
        if kept.ends is not None:
            kept.ends.cancel()
        self._closing.start(kept.lines.aclose(), name=f"close {origin}")
