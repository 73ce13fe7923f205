"""Which addresses the house may be sent to by somebody else; pure.

Keeps true: only https (http for loopback alone, where a setting allows it), no credentials, and only
addresses that are global unicast: nothing private, local, reserved or multicast, and none of the
IPv6 forms that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo), since who
translates them may reach what we may not. Called by `web.outbound.door`.
"""

import ipaddress
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from hustings.base.errors import UserError

URL_CHARS: Final = 2_000
_CARRIERS: Final = tuple(
    ipaddress.ip_network(text)
    for text in (
        "::/96",
        "::ffff:0:0/96",
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
    )
)
_LISTED: Final = tuple(  # beyond what `is_global` refuses in every version of Python
    ipaddress.ip_network(text)
    for text in ("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "fec0::/10")
)


class Target(NamedTuple):
    """Where an address leads: not resolved yet."""

    scheme: str
    host: str
    port: int
    path: str  # with its query


def target(url: str, *, loopback: bool = False) -> Target:
    """Read an address that somebody typed; UserError `outbound_url` if we go to none such.

    loopback: http is taken too; `reachable` then lets it go to this machine only.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it is not one") from None
    odd = any(letter <= " " or letter in {"\\", "\x7f"} for letter in url)
    if len(url) > URL_CHARS or odd or not parts.hostname:
        raise _refused("it is not one")
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise _refused("it must begin with https://")
    if parts.username is not None or parts.password is not None:
        raise _refused("it must hold no name and no password")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    default = 443 if parts.scheme == "https" else 80
    return Target(parts.scheme, parts.hostname, default if port is None else port, path)


def reachable(where: Target, found: Sequence[str], *, loopback: bool = False) -> str:
    """The one address to connect to, of those that the name has now; all of them must be allowed.

    Raises UserError `outbound_address`.
    """
    for text in found:
        if not (is_public(text) or (loopback and _is_loopback(text))):
            raise UserError("outbound_address", f"{where.host} is not on the public internet.")
        if where.scheme == "http" and not _is_loopback(text):
            raise _refused("it must begin with https://")
    if not found:
        raise UserError("outbound_address", f"{where.host} has no address.")
    return found[0]


def is_public(text: str) -> bool:
    """Whether this IP address is global unicast, plainly."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # also an IPv6 address that names an interface in a way we do not read
        return False
    if getattr(address, "scope_id", None) is not None:
        return False
    if any(address.version == net.version and address in net for net in (*_CARRIERS, *_LISTED)):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def _is_loopback(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _refused(why: str) -> UserError:
    return UserError("outbound_url", f"We cannot go to this address: {why}.")
