"""Which addresses the house may be sent to by somebody else; pure.

Keeps true: only https, no credentials, no way of writing an IP address but the plain one, and only
addresses that are global unicast: nothing private, local, reserved or multicast, and none of the
IPv6 forms that carry an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo), since who
translates them may reach what we may not. Exempt are the origins that the operator named
(`outbound.allow`): they may be http, and lie in the operator's own network. Called by
`web.outbound.door`. Sources: IANA special-purpose registries for IPv4 and IPv6; WHATWG URL 3.5.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from hustings.base.addresses import host_name, is_public, is_unicast
from hustings.base.errors import OperatorError, UserError

URL_CHARS: Final = 2_000

_PORTS: Final = {"https": 443, "http": 80}


class Target(NamedTuple):
    """Where an address leads: not resolved yet."""

    scheme: str
    host: str  # lower case, in ASCII, without a trailing dot; IPv6 without brackets
    port: int
    path: str  # with its query

    @property
    def origin(self) -> str:
        """Scheme, host and port, the port always said."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port, as they stand in a Host header."""
        return f"{_bracketed(self.host)}:{self.port}"

    def at(self, address: str) -> str:
        """The same URL at an IP address."""
        return f"{self.scheme}://{_bracketed(address)}:{self.port}{self.path}"


def target(url: str, allowed: Collection[str] = ()) -> Target:
    """Read an address that somebody typed. Raises UserError `outbound_url` if we go to none such.

    allowed: origins (`Target.origin`) that the operator named.
    """
    where = _read(url)
    if where.scheme != "https" and where.origin not in allowed:
        raise _refused("it must begin with https://")
    return where


def origins(allow: Iterable[str]) -> frozenset[str]:
    """The operator's list, each as `Target.origin`. Raises OperatorError `outbound_allow`."""
    found = set()
    for text in allow:
        try:
            where = _read(text)
        except UserError:
            where = None
        if where is None or where.path != "/":
            raise OperatorError(
                "outbound_allow",
                f"`outbound.allow` holds {text!r}. Write scheme, host and port: http://chat.lan:8065",
            )
        found.add(where.origin)
    return frozenset(found)


def origin_of(url: str) -> str:
    """The origin of an address in the settings, as it is; `origins` says what is wrong with it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def reachable(where: Target, found: Sequence[str], allowed: Collection[str] = ()) -> list[str]:
    """The addresses that the name has now, all of which must be allowed; never empty.

    Raises UserError `outbound_address`.
    """
    good = is_unicast if where.origin in allowed else is_public
    if not found or not all(good(text) for text in found):
        raise UserError("outbound_address", f"{where.host} is not on the public internet.")
    return list(found)


def _read(url: str) -> Target:
    odd = any(letter <= " " or letter in {"\\", "\x7f"} for letter in url)
    if len(url) > URL_CHARS or odd:
        raise _refused("it is not one")
    try:
        parts = urlsplit(url)
        port = _PORTS[parts.scheme] if parts.port is None else parts.port
    except (ValueError, KeyError):
        raise _refused("it is not one, or begins with something else than https://") from None
    if parts.username is not None or parts.password is not None:
        raise _refused("it must hold no name and no password")
    if not port:
        raise _refused("no port has the number 0")
    host = parts.hostname or ""
    if "[" in parts.netloc and ":" not in host:
        raise _refused("this is no IPv6 address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        return Target(parts.scheme, host_name(host), port, path)
    except ValueError as error:
        raise _refused(str(error)) from None


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _refused(why: str) -> UserError:
    return UserError("outbound_url", f"We cannot go to this address: {why}.")
