"""One connection to a platform: by the guarded way out, bounded in time and memory.

Keeps true: the addresses that a name has are checked at the moment of each connection (`order.reachable`),
and it is they that are connected to. Used by the pushing process alone (`stage.push.child`).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Collection
from typing import Any, Final

from hustings.base.errors import HustingsError, PeerError
from hustings.stage.push.order import Where, reachable
from hustings.stage.push.rtmp import Publisher

CONNECT_S: Final = 5.0  # to one address, with TLS
ADDRESSES: Final = 2  # tried of one name
BEGIN_S: Final = 10.0  # for the platform's answers until it takes the stream
STUCK_S: Final = 10.0  # it takes nothing more for so long
SEND_BYTES: Final = 128 * 1024  # of the socket: some ten seconds
READ_BYTES: Final = 16 * 1024
TROUBLES: Final = (HustingsError, OSError, TimeoutError, asyncio.IncompleteReadError)
"""What ends a connection, TLS included."""


def code_of(trouble: BaseException) -> str:
    """One of `TROUBLES` in a word (docs/protocol.md 6)."""
    if isinstance(trouble, HustingsError):
        return trouble.code
    return "push_tls" if isinstance(trouble, ssl.SSLError) else "push_unreachable"


async def connected(
    where: Where, allow: Collection[str]
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To one of the addresses that the name has now. Raises one of `TROUBLES`."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except OSError:
        raise PeerError("push_address", f"{where.host} has no address.") from None
    good = reachable(where, [str(each[4][0]) for each in found], allow)
    last: Exception = TimeoutError()
    for address in good[:ADDRESSES]:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await _open(where, address)
        except (OSError, TimeoutError) as error:
            last = error
    raise last


async def _open(where: Where, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BYTES)
    sock.setblocking(False)
    try:
        await asyncio.get_running_loop().sock_connect(sock, (address, where.port))
        tls: dict[str, Any] = {}
        if where.scheme == "rtmps":
            tls = {"ssl": ssl.create_default_context(), "server_hostname": where.host}
        return await asyncio.open_connection(sock=sock, limit=READ_BYTES, **tls)
    except BaseException:
        sock.close()
        raise


async def read(reader: asyncio.StreamReader) -> bytes:
    """What came. Raises PeerError `push_closed`."""
    if data := await reader.read(READ_BYTES):
        return data
    raise PeerError("push_closed", "The platform hung up.")


async def flush(publisher: Publisher, writer: asyncio.StreamWriter) -> None:
    """Send what there is. Raises PeerError `push_stuck`."""
    writer.write(publisher.take())
    try:
        async with asyncio.timeout(STUCK_S):
            await writer.drain()
    except TimeoutError:
        raise PeerError("push_stuck", "The platform takes nothing more.") from None


async def leave(publisher: Publisher, writer: asyncio.StreamWriter) -> None:
    """Say goodbye if it took us, and hang up; a second at most."""
    if publisher.ready:
        publisher.goodbye()
        writer.write(publisher.take())
    writer.close()
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await writer.wait_closed()
