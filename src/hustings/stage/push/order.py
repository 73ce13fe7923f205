"""What the stage tells a pushing process, and what that says back; pure.

Keeps true: the key travels by the child's standard input and nothing else; where it may go is decided
here, twice: when somebody types an address, and again for the addresses that its name has at the
moment of each connection.
"""

import re
from collections.abc import Collection, Sequence
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

import msgspec

from hustings.base.addresses import host_name, is_public, is_unicast
from hustings.base.errors import PeerError, UserError

URL_CHARS: Final = 500
KEY_CHARS: Final = 500
PORTS: Final = {"rtmp": 1_935, "rtmps": 443}
_PRINTABLE: Final = re.compile(r"[!-~]+")


class Order(msgspec.Struct, frozen=True):
    """One target, and where the sound comes from."""

    room: str
    url: str
    key: str
    edge: str  # base URL of an edge
    cert: str = ""  # the house's own certificate, where the edge shows that one
    allow: tuple[str, ...] = ()
    card: bytes = b""
    trial: Literal["", "address", "key"] = ""  # only try it, as far as that (`stage.push.trial`)


class Report(msgspec.Struct, frozen=True):
    """How it goes; a line each second."""

    state: str  # connecting, on, trouble; of a trial: address, key
    code: str = ""


class Where(NamedTuple):
    """A platform's address, read."""

    scheme: str
    host: str
    port: int
    app: str

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    @property
    def url(self) -> str:
        """As the platform expects to hear it: the usual port is left out."""
        usual = self.port == PORTS[self.scheme]
        origin = self.origin.removesuffix(f":{self.port}") if usual else self.origin
        return f"{origin}/{self.app}"


def where_to(url: str) -> Where:
    """Read an address that somebody typed. Raises UserError `push_url`."""
    if len(url) > URL_CHARS or not _PRINTABLE.fullmatch(url) or "\\" in url:
        raise _refused("it is not one")
    try:
        parts = urlsplit(url)
        port = PORTS[parts.scheme] if parts.port is None else parts.port
        if parts.username is not None or parts.password is not None or "#" in url or not port:
            raise _refused("it must hold no name and no password")
        host = host_name(parts.hostname or "")
    except KeyError:
        raise _refused("it must begin with rtmp:// or rtmps://") from None
    except ValueError:
        raise _refused("it is not one") from None
    app = parts.path.strip("/") + (f"?{parts.query}" if parts.query else "")
    if not app:
        raise _refused("after the name of the server comes that of an application, as in /live")
    return Where(parts.scheme, host, port, app)


def good_key(key: str) -> str:
    """A stream key as somebody pasted it. Raises UserError `push_key_bad`."""
    key = key.strip()
    if len(key) > KEY_CHARS or not _PRINTABLE.fullmatch(key):
        raise UserError("push_key_bad", "Paste the stream key as the platform shows it.")
    return key


def reachable(where: Where, found: Sequence[str], allow: Collection[str] = ()) -> list[str]:
    """The addresses that the name has now, all of which must be allowed; never empty.

    allow: origins that the operator named; they may lie in the operator's own network.
    Raises PeerError `push_address`.
    """
    good = is_unicast if where.origin in {allowed(each) for each in allow} else is_public
    if not found or not all(good(text) for text in found):
        raise PeerError("push_address", f"{where.host} is not on the public internet.")
    return list(dict.fromkeys(found))


def allowed(text: str) -> str:
    """An entry of `stage.push.allow` as `Where.origin`; what cannot be read allows nothing."""
    try:
        return where_to(f"{text.rstrip('/')}/x").origin
    except UserError:
        return ""


def _refused(why: str) -> UserError:
    return UserError("push_url", f"We cannot send to this address: {why}.")
