"""What the commands that call services share: HTTP clients, problems read back, patience.

Called by `cli.say` and `cli.listen`.
"""

import ipaddress
import ssl
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from hustings.base.errors import Denied, HustingsError, NotFound, PeerError, TryLater
from hustings.wire.patience import asked_s

CONNECT_S: Final = 5.0
READ_S: Final = 10.0  # of silence on an open connection


def http_client(url: str, *, base: str = "", ca: str = "") -> httpx.AsyncClient:
    """A client for this address; no proxy stands before this machine itself.

    ca: a file of certificates to trust besides the usual ones (a private authority).
    """
    return httpx.AsyncClient(
        base_url=base,
        timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
        trust_env=not is_loopback(url),
        verify=trust(ca, url) if ca else True,
        follow_redirects=True,
    )


def trust(ca: str, url: str) -> ssl.SSLContext:
    """The usual authorities and the certificates in the file `ca`, if it is named.

    A service on this machine itself need not be called 127.0.0.1 in its certificate.
    """
    context = ssl.create_default_context()
    if ca:
        context.load_verify_locations(ca)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.check_hostname = not is_loopback(url)
    return context


def is_loopback(url: str) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def problem_of(response: httpx.Response) -> HustingsError:
    """The refusal as the error it stands for: TryLater if asking again makes sense.

    `response.read()` or `aread()` has been called.
    """
    try:
        document: dict[str, Any] = response.json()
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    code = str(document.get("code", f"http_{response.status_code}"))
    title = str(document.get("title", f"The server answered {response.status_code}."))
    if response.status_code in {429, 502, 503, 504}:
        ticket = {"ticket": str(document["ticket"])} if "ticket" in document else {}
        return TryLater(code, title, delay_s=retry_after_s(response), **ticket)
    kinds = {401: Denied, 403: Denied, 404: NotFound, 410: NotFound}
    told = {"rules": document["rules"]} if isinstance(document.get("rules"), dict) else {}
    return kinds.get(response.status_code, PeerError)(code, title, **told)


def retry_after_s(response: httpx.Response) -> float:
    """Seconds of `Retry-After`; 0 if there is none."""
    return asked_s(response.headers.get("retry-after", ""), response.headers.get("date", ""))
