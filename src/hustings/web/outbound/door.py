"""The one way out to addresses that people type in: bounded, and never into our own network.

Keeps true: a name is resolved once and the connection goes to an address that was checked, so that
a name that changes its mind changes nothing, while TLS checks the name; no redirect is followed, no
proxy asked, no cookie kept, whether a connection is new or kept for a moment (`web.outbound.lines`);
at most `SECONDS` in all and `ANSWER_BYTES` of the answer; what goes out at once and to one host is
bounded (`web.outbound.budget`). What may be reached at all: `web.outbound.addresses`. No other module of web connects to the world, mail apart (a contract).
"""

import asyncio
import contextlib
import functools
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import httpx

from hustings import VERSION
from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.web.outbound.addresses import Target, origins, reachable, target
from hustings.web.outbound.budget import Budget
from hustings.web.outbound.lines import Lines

SECONDS: Final = 5.0  # in all: name, connection, TLS, request, answer
CONNECT_S: Final = 2.0  # of these, to one address
ADDRESSES: Final = 2  # tried of one name, if the first takes no connection
ANSWER_BYTES: Final = 256 * 1024

Resolve = Callable[[str, int], Awaitable[list[str]]]


@functools.cache
def _world() -> ssl.SSLContext:
    """Whom this machine trusts; reading that takes 0.2 s."""
    return ssl.create_default_context()


class Answer(NamedTuple):
    """What the other side said, whatever it said."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes  # as far as it was read
    whole: bool = True  # False: there was more than `ANSWER_BYTES`


class Door:
    """Goes out for one purpose, with a budget of its own."""

    def __init__(
        self,
        clock: Clock,
        *,
        resolve: Resolve,
        allow: Iterable[str] = (),
        budget: Budget | None = None,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
        keep: bool = False,
    ) -> None:
        """resolve: of this door alone, as `names.Resolver`. allow: origins in our own network, as the operator named them.

        keep: whether connections serve more than one request; then it is to be closed. Raises OperatorError.
        """
        self._clock, self._resolve, self._seconds = clock, resolve, seconds
        self._allowed = origins(allow)
        self._budget = budget or Budget()
        self._lines, self._keep = Lines(tls or _world(), keep=keep), keep

    def read(self, url: str) -> Target:
        """What `post` and `get` would make of a typed address. Raises UserError `outbound_url`."""
        return target(url, self._allowed)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST.

        Raises UserError: outbound_url, outbound_address. TryLater: outbound_busy, outbound_rate,
        outbound_away (nothing was sent), outbound_unsure (it may have arrived).
        """
        return await self._ask("POST", url, body, headers)

    async def get(self, url: str, headers: Mapping[str, str]) -> Answer:
        """One GET; raises as `post`."""
        return await self._ask("GET", url, None, headers)

    async def close(self) -> None:
        """Close what is kept; nothing is on its way any more."""
        await self._lines.close()

    async def _ask(
        self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        where = self.read(url)
        sent = Sent()
        try:
            with self._budget.turn(where.host, self._clock.monotonic()):
                async with asyncio.timeout(self._seconds):
                    found = await self._resolve(where.host, where.port)
                    addresses = reachable(where, found, self._allowed)[:ADDRESSES]
                    self._budget.charge(addresses[0], self._clock.monotonic())
                    return await self._first(method, where, addresses, body, headers, sent)
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            code = "outbound_unsure" if sent else "outbound_away"
            said = f"{where.host} does not answer ({type(error).__name__})."
            raise TryLater(code, said) from None  # the cause may hold the whole URL

    async def _first(
        self,
        method: str,
        where: Target,
        addresses: list[str],
        body: bytes | None,
        headers: Mapping[str, str],
        sent: "Sent",
    ) -> Answer:
        """Ask the first address that takes a connection."""
        for address in addresses[:-1]:
            try:
                return await self._send(method, where, address, body, headers, sent)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
        return await self._send(method, where, addresses[-1], body, headers, sent)

    async def _send(
        self,
        method: str,
        where: Target,
        address: str,
        body: bytes | None,
        headers: Mapping[str, str],
        sent: "Sent",
    ) -> Answer:
        fixed = {
            "Host": where.authority,
            "User-Agent": f"Hustings/{VERSION}",
            "Accept-Encoding": "identity",
            **({} if self._keep else {"Connection": "close"}),
        }
        request = httpx.Request(
            method,
            where.at(address),
            content=body,
            headers={**headers, **fixed},
            extensions={
                "sni_hostname": where.host,
                "timeout": httpx.Timeout(self._seconds, connect=CONNECT_S).as_dict(),
                "trace": sent.trace,
            },
        )
        async with self._lines.to(where) as lines, _closed(lines, request) as answer:
            read = bytearray()
            async for piece in answer.aiter_raw():
                read += piece
                if len(read) > ANSWER_BYTES:
                    break
            whole = len(read) <= ANSWER_BYTES
            return Answer(
                answer.status_code, dict(answer.headers), bytes(read[:ANSWER_BYTES]), whole
            )


@contextlib.asynccontextmanager
async def _closed(
    lines: httpx.AsyncHTTPTransport, request: httpx.Request
) -> AsyncIterator[httpx.Response]:
    """The answer, whose line is free, or closed, afterwards."""
    answer = await lines.handle_async_request(request)
    try:
        yield answer
    finally:
        await answer.aclose()


class Sent:
    """Whether anything of a request left the house."""

    def __init__(self) -> None:
        self._sent = False

    def __bool__(self) -> bool:
        return self._sent

    async def trace(self, event: str, _info: dict[str, Any]) -> None:
        """What httpcore says while it works."""
        self._sent |= event == "http11.send_request_headers.started"
