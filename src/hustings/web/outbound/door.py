"""The one way out to addresses that people type in: bounded, and never into our own network.

Keeps true: a name is resolved once and the connection goes to an address that was checked, so that
a name that changes its mind changes nothing; no redirect is followed, no proxy asked, no cookie
kept; at most `SECONDS` in all and `ANSWER_BYTES` of the answer. Rules: `web.outbound.addresses`.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, NamedTuple

import httpx

from hustings.base.errors import TryLater, UserError
from hustings.web.outbound.addresses import Target, reachable, target

SECONDS: Final = 5.0  # in all: name, connection, TLS, request, answer
ANSWER_BYTES: Final = 65_536

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Answer(NamedTuple):
    """What the other side said."""

    status: int
    body: bytes  # as far as it was read


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as this machine knows them; OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


class Door:
    """Goes out for one service."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        seconds: float = SECONDS,
    ) -> None:
        """loopback: this machine itself may be asked, also by http (for trials and tests)."""
        self._loopback, self._resolve, self._seconds = loopback, resolve, seconds
        self._tls = tls or ssl.create_default_context()

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """One POST. Raises UserError `outbound_url`, `outbound_address`, TryLater `outbound_away`."""
        where = target(url, loopback=self._loopback)
        try:
            async with asyncio.timeout(self._seconds):
                found = await self._resolve(where.host, where.port)
                address = reachable(where, found, loopback=self._loopback)
                return await self._send(where, address, body, headers)
        except UserError:
            raise
        except (TimeoutError, OSError, httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise TryLater(
                "outbound_away", f"{where.host} does not answer ({type(error).__name__})."
            ) from error

    async def _send(
        self, where: Target, address: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        literal = f"[{address}]" if ":" in address else address
        host = f"[{where.host}]" if ":" in where.host else where.host
        async with (
            httpx.AsyncClient(
                verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds
            ) as http,
            http.stream(
                "POST",
                f"{where.scheme}://{literal}:{where.port}{where.path}",
                content=body,
                headers={**headers, "Host": f"{host}:{where.port}", "Accept-Encoding": "identity"},
                extensions={"sni_hostname": where.host},
            ) as answer,
        ):
            read = b""
            async for piece in answer.aiter_raw():
                read = (read + piece)[:ANSWER_BYTES]
                if len(read) == ANSWER_BYTES:
                    break
            return Answer(answer.status_code, read)
