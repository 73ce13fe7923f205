"""IP addresses and names of hosts that people type in, when the house goes there itself; pure.

Keeps true: one way of writing each, and of an address whether it is global unicast: nothing private,
local, reserved or multicast, and none of the IPv6 forms that carry an IPv4 address inside (mapped,
compatible, NAT64, 6to4, Teredo), since who translates them may reach what we may not.
Called by `web.outbound.addresses` and `stage.push.order`. Sources: IANA special-purpose registries for
IPv4 and IPv6; WHATWG URL 3.5.
"""

import ipaddress
import re
from typing import Final

import idna

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER: Final = re.compile(
    r"[0-9]+|0x[0-9a-f]*"
)  # what getaddrinfo takes for a part of an address
_UNICAST_6: Final = ipaddress.ip_network("2000::/3")  # all that IANA has given out for it
_NOT: Final = tuple(  # beyond what `is_global` refuses in every version of Python
    ipaddress.ip_network(text)
    for text in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)


def is_public(text: str) -> bool:
    """Whether this IP address is global unicast, plainly."""
    address = _plain(text)
    if address is None or any(net.version == address.version and address in net for net in _NOT):
        return False
    if address.version == 6 and address not in _UNICAST_6:
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved)


def is_unicast(text: str) -> bool:
    """Whether one machine may have this IP address: what the operator's own networks use."""
    address = _plain(text)
    if address is None or (address.version == 6 and address in ipaddress.ip_network("::/8")):
        return text == "::1"
    return not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_link_local  # also where clouds keep their machines' secrets
    )


def host_name(text: str) -> str:
    """A host's name in ASCII, or its address; one way of writing each. Raises ValueError with why."""
    if ":" in text:
        if (address := _plain(text)) is None:
            raise ValueError("this is no IPv6 address")
        return str(address)
    try:
        plain = text.lower() if text.isascii() else idna.encode(text, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("this is no name of a host") from None
    plain = plain.removesuffix(".")
    labels = plain.split(".")
    if len(plain) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("this is no name of a host")
    if _NUMBER.fullmatch(labels[-1]) and _plain(plain) is None:  # 127.1, 0x7f.0.0.1, 2130706433
        raise ValueError("write an IP address as four numbers")
    return plain


def _plain(text: str) -> Address | None:
    """An IP address in its plain form; None for anything else, also one that names an interface."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return None if getattr(address, "scope_id", None) is not None else address
