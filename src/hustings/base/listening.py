"""A service's TCP port and its certificate, with errors that say which flag to turn.

Used by the three services; the ports themselves are theirs. Also how they trust each other.
"""

import errno
import socket
import ssl
from typing import Final

from hustings.base.errors import OperatorError

LOOPBACK: Final = "127.0.0.1"
BACKLOG: Final = 4_096  # Linux's somaxconn; asyncio's own 100 would drop a crowd's SYNs


def bound_socket(host: str, port: int, *, flag: str, reuse_port: bool = False) -> socket.socket:
    """A bound TCP socket; port 0 takes any free one.

    reuse_port: several processes share the port, the kernel spreads connections.
    Raises OperatorError `port_taken` or `port_denied`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio sets it only where the socket's protocol is named, which
        # is not so for those accepted here: each answer in two pieces waited 40 ms for an ACK.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise OperatorError(
                "port_taken",
                f"Port {port} on {host} is in use: choose another by {flag}.",
                port=port,
            ) from error
        raise OperatorError(
            "port_denied",
            f"Cannot listen on {host}:{port} ({error.strerror}); see --host and {flag}.",
        ) from error
    sock.setblocking(False)
    return sock


def server_tls(cert: str, key: str) -> ssl.SSLContext | None:
    """TLS 1.2+ with this certificate chain and key (PEM files); None if there is none.

    Raises OperatorError `tls_pair`.
    """
    if not cert and not key:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(cert, key or None)
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(
            "tls_pair",
            f"The certificate {cert} and key {key} cannot be used ({error}); see --tls-cert, --tls-key.",
        ) from error
    return context


def neighbour_tls(cert: str) -> ssl.SSLContext | bool:
    """How to check a service on this machine: it shows our own certificate, whatever its name.

    cert: the chain that it serves, PEM; "" without TLS. The chain itself is the trust anchor
    (hence PARTIAL_CHAIN: its root is not in the file), and 127.0.0.1 is none of its names.
    """
    if not cert:
        return True
    context = ssl.create_default_context(cafile=cert)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
