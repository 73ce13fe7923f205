"""What would go wrong, said before it does: ports, folder, certificates.

Used by `serve` (all must pass) and `doctor` (which reports them among others).
"""

import errno
import os
import secrets
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import psutil

from hustings.base.errors import OperatorError
from hustings.base.listening import LOOPBACK
from hustings.serve.plan import edge_count, lane_port
from hustings.settings import Settings


def check(settings: Settings) -> None:
    """Raise the first OperatorError: tls_pair, data_folder, port_taken, port_denied."""
    check_tls(settings)
    check_folder(Path(settings.data))
    check_ports(settings)


def ports(settings: Settings) -> Iterator[tuple[str, str, int, str]]:
    """Each TCP port: service, address, number, flag that moves it."""
    yield "stage", settings.host, settings.stage.port, "--stage-port"
    yield "edge", settings.host, settings.edge.port, "--edge-port"
    yield "web", settings.host, settings.web.port, "--web-port"
    if settings.edge.lane_port:
        for number in range(edge_count(settings)):
            yield "edge's lane", LOOPBACK, lane_port(settings, number), "--set edge.lane_port=N"


def check_ports(settings: Settings) -> None:
    """Each port is free, and ours differ."""
    ours: dict[int, str] = {}
    for service, host, port, flag in ports(settings):
        if port in ours and port != 0:
            raise OperatorError(
                "port_taken",
                f"Port {port} is given to both {ours[port]} and {service}: move one with {flag}.",
            )
        ours[port] = service
        check_port(host, port, service, flag)
    if settings.stage.rtc.first_port > settings.stage.rtc.last_port:
        raise OperatorError(
            "port_range",
            "stage.rtc.first_port lies above stage.rtc.last_port: no UDP port is left.",
        )


def check_port(host: str, port: int, service: str, flag: str) -> None:
    """Can we listen there?"""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((host, port))
            sock.listen(1)
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            by = holder(port)
            raise OperatorError(
                "port_taken",
                f"Port {port} for the {service} is taken{f' by {by}' if by else ''}: "
                f"end that program, or move ours with {flag}.",
                port=port,
                flag=flag,
            ) from error
        raise OperatorError(
            "port_denied",
            f"The {service} may not listen on {host}, port {port} "
            f"({os.strerror(number) if number else error}): use another --host or {flag}.",
            port=port,
            flag=flag,
        ) from error


def holder(port: int) -> str:
    """Which program listens on a TCP port: "python (process 12)", or "" if we may not know."""
    process = _listener(port)
    try:
        return f"{process.name()} (process {process.pid})" if process else ""
    except psutil.Error:
        return ""


def is_ours(port: int) -> bool:
    """Does one of our own services listen there?"""
    process = _listener(port)
    try:
        return process is not None and "hustings" in {Path(w).name for w in process.cmdline()}
    except psutil.Error:
        return False


def _listener(port: int) -> psutil.Process | None:
    """Who listens on a TCP port, as far as we may see."""
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN
            if listens and connection.laddr.port == port and connection.pid is not None:
                return psutil.Process(connection.pid)
    except (psutil.Error, OSError):
        pass
    return None


def check_folder(data: Path) -> None:
    """The data folder exists or can be made, and takes a file."""
    probe = data / f".probe-{secrets.token_hex(4)}"
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o750)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise OperatorError(
            "data_folder",
            f"Cannot write in the data folder {data} ({error.strerror}): choose another with "
            "--data, or let this user write there.",
        ) from error


def check_tls(settings: Settings) -> None:
    """Certificate and key: both or none, readable, and of one pair."""
    cert, key = settings.tls.cert, settings.tls.key
    if bool(cert) != bool(key):
        raise OperatorError("tls_pair", "TLS needs both --tls-cert and --tls-key.")
    if not cert:
        return
    for path in (cert, key):
        if not os.access(path, os.R_OK):
            raise OperatorError("tls_pair", f"Cannot read {path}.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise OperatorError(
            "tls_pair", f"{cert} and {key} are not a certificate and its key: {error.reason}."
        ) from error
