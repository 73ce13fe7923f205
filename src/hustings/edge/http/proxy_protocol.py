r"""The PROXY protocol, versions 1 and 2: who is behind a proxy that passes bytes on. Pure.

Keeps true: nothing beyond the header is ever asked for, so what follows (TLS, or a request) stays
in the socket; what is not exactly a header is an error, never a guess. `edge.http.accepting` reads one
from trusted peers only. Source: HAProxy's proxy-protocol.txt, sections 2.1 to 2.2.

    version 1   PROXY TCP4|TCP6 <from> <to> <port> <port>\r\n, or PROXY UNKNOWN…\r\n; <= 107 bytes
    version 2   signature 12 | version 4 bit, command 4 bit | family, transport | length u16 | …
"""

import ipaddress
import re
from typing import Final

from hustings.base.errors import PeerError

LINE_BYTES: Final = 107
HEADER_BYTES: Final = 4_096  # of version 2, with what a proxy tells of TLS
_LEAST: Final = 15  # of version 1: "PROXY UNKNOWN\r\n"
_SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
_HEAD: Final = 16
_LINE: Final = re.compile(rb"PROXY (TCP4|TCP6) ([0-9a-fA-F:.]{2,39}) ([0-9a-fA-F:.]{2,39})")
_PORT: Final = re.compile(rb"0|[1-9][0-9]{0,4}")
_LOCAL, _PROXY = 0x20, 0x21
_UNSPEC, _INET, _INET6, _UNIX = range(4)
_ADDRESSES: Final = {_UNSPEC: 0, _INET: 12, _INET6: 36, _UNIX: 216}


def missing(data: bytes) -> int:
    """How many bytes of the header are still to be read, at least; 0: it is whole.

    Reading so many never reads past the header. Raises PeerError `proxy_header` as soon as
    `data` cannot become one.
    """
    if data[:1] == _SIGNATURE[:1]:
        if not _SIGNATURE.startswith(data[:12]):
            raise _broken()
        if len(data) < _HEAD:
            return _HEAD - len(data)
        size = _HEAD + int.from_bytes(data[14:16], "big")
        if size > HEADER_BYTES:
            raise _broken()
        return size - len(data)
    if not b"PROXY ".startswith(data[:6]):
        raise _broken()
    if data.endswith(b"\r\n"):
        return 0
    if len(data) >= LINE_BYTES or b"\n" in data:
        raise _broken()
    return max(1, _LEAST - len(data))


def client(header: bytes) -> str:
    """The address that a whole header names; "" if it is the proxy's own connection, or unknown.

    Raises PeerError `proxy_header`.
    """
    if header.startswith(_SIGNATURE):
        return _binary(header)
    return _text(header)


def _text(header: bytes) -> str:
    line = header.removesuffix(b"\r\n")
    if b"\r" in line or b"\n" in line or len(header) > LINE_BYTES:
        raise _broken()
    if line == b"PROXY UNKNOWN" or line.startswith(b"PROXY UNKNOWN "):
        return ""
    found = _LINE.match(line)
    ports = line[found.end() :].split(b" ") if found else []
    if found is None or len(ports) != 3 or ports[0] or not all(map(_is_port, ports[1:])):
        raise _broken()
    wanted = ipaddress.IPv4Address if found[1] == b"TCP4" else ipaddress.IPv6Address
    try:
        source, _ = (wanted(found[n].decode()) for n in (2, 3))
    except ValueError:
        raise _broken() from None
    return str(source)


def _is_port(text: bytes) -> bool:
    return _PORT.fullmatch(text) is not None and int(text) < 65_536


def _binary(header: bytes) -> str:
    if len(header) < _HEAD or len(header) != _HEAD + int.from_bytes(header[14:16], "big"):
        raise _broken()
    command, family, transport = header[12], header[13] >> 4, header[13] & 15
    if command not in {_LOCAL, _PROXY}:
        raise _broken()
    if command == _LOCAL:  # a check by the proxy itself: the rest says nothing
        return ""
    if family not in _ADDRESSES or transport > 2 or len(header) < _HEAD + _ADDRESSES[family]:
        raise _broken()
    if transport != 1 or family not in {_INET, _INET6}:
        return ""
    size = 4 if family == _INET else 16
    return str(ipaddress.ip_address(header[_HEAD : _HEAD + size]))


def _broken() -> PeerError:
    return PeerError("proxy_header", "A trusted proxy did not begin with a PROXY header.")
