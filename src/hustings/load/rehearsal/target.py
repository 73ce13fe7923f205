"""Whom a rehearsal may call, and whether a room answers there.

Keeps true: no other machine is loaded by mistake. This machine's own addresses are free; any other
host has to be named a second time, by whoever answers for it.
"""

import ipaddress
import re
import socket
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from hustings.base.errors import Denied, NotFound, TryLater, UserError
from hustings.load.rehearsal.orders import Target
from hustings.wire.names import CMAF_RENDITIONS

_PATH: Final = re.compile(r"/(?:r|live)/([a-z0-9-]{1,64})(?:/.*)?")
_PROBE_S: Final = 5.0


def read_target(url: str, *, rendition: str, ca: str = "") -> Target:
    """The room's stream for the address of its page, or of anything below `/live/ROOM`.

    Raises UserError `load_url`.
    """
    parts = urlsplit(url)
    room = _PATH.fullmatch(parts.path)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == -1 or room is None:
        raise UserError(
            "load_url",
            f"{url!r} is no room's address: give that of its page, "
            "such as http://127.0.0.1:8002/r/demo.",
        )
    if rendition not in CMAF_RENDITIONS:
        known = ", ".join(CMAF_RENDITIONS)
        raise UserError("load_url", f"There is no rendition {rendition!r}; choose of {known}.")
    tls = parts.scheme == "https"
    return Target(
        url=f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}",
        host=parts.hostname,
        port=port or (443 if tls else 80),
        tls=tls,
        room=room[1],
        rendition=rendition,
        ca=ca,
    )


def resolved(target: Target, allowed: str) -> Target:
    """The target with its addresses, if it may be loaded: loopback, or named by `allowed`.

    Raises Denied `load_host`, and UserError `load_unreachable` for a name that nobody knows.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UserError("load_unreachable", f"Nobody knows {target.host}: {error}.") from error
    addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))
    if not all_loopback(addresses) and allowed != target.host:
        raise Denied(
            "load_host",
            f"{target.host} is not this machine. A rehearsal is an attack if whoever runs that "
            f"host did not agree: say that they did with --i-may-load {target.host}.",
        )
    return msgspec.structs.replace(target, addresses=addresses)


def all_loopback(addresses: tuple[str, ...]) -> bool:
    """Whether all of these addresses are this machine's own."""
    return all(ipaddress.ip_address(each).is_loopback for each in addresses)


def probe(target: Target, trust: Any) -> dict[str, Any]:
    """The room's `state.json`: proof that this is an edge of ours and the room is open.

    trust: what httpx takes as `verify`. Raises UserError `load_unreachable`, `load_foreign`,
    NotFound `load_room`, TryLater `room_closed`.
    """
    url = f"{target.url}/live/{target.room}/state.json"
    try:
        answer = httpx.get(url, timeout=_PROBE_S, trust_env=False, verify=trust)
        state: Any = answer.json()
    except httpx.HTTPError as error:
        why = str(error) or type(error).__name__
        raise UserError("load_unreachable", f"Nobody answers at {target.url}: {why}.") from error
    except ValueError:
        state = None
    if not isinstance(state, dict) or not ({"v", "room"} <= state.keys() or "code" in state):
        raise UserError("load_foreign", f"What answers at {target.url} is no edge of Hustings.")
    if answer.status_code == httpx.codes.NOT_FOUND:
        raise NotFound("load_room", f"There is no room {target.room!r} at {target.url}.")
    if not answer.is_success:
        raise TryLater("room_closed", str(state.get("title", "The room is not open.")))
    return state
