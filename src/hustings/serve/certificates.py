"""Is the TLS certificate good for the names and the days it will be used?"""

import ipaddress
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError
from hustings.serve.findings import Finding, bad, ok, warn
from hustings.serve.preflight import check_tls
from hustings.settings import Settings

SOON_DAYS: Final = 14


def certificate_findings(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Pair, dates, names; without TLS, whether microphones will work."""
    if not settings.tls.cert and not settings.tls.key:
        yield _without(settings)
        return
    try:
        check_tls(settings)
        certificate = x509.load_pem_x509_certificates(Path(settings.tls.cert).read_bytes())[0]
    except (HustingsError, ValueError) as error:
        yield bad("certificate", str(error), "give the chain and its own key, both in PEM")
        return
    yield from _dates(certificate, datetime.fromtimestamp(clock.wall_ms() / 1_000, UTC))
    yield from _names(certificate, _hosts(settings))
    if isinstance(certificate.public_key(), rsa.RSAPublicKey):
        yield warn(
            "certificate key",
            "RSA costs twelve times the work of ECDSA for each newcomer",
            "ask for a P-256 certificate",
        )


def _without(settings: Settings) -> Finding:
    public = (settings.public_url.web, settings.public_url.stage)
    if _is_loopback(settings.host) or all(url.startswith("https:") for url in public):
        return ok("TLS", "none here, and none needed on this address")
    return warn(
        "TLS",
        f"none, and we listen on {settings.host}: browsers give no microphone to such pages",
        "--tls-cert and --tls-key, or a proxy and [public_url]",
    )


def _dates(certificate: x509.Certificate, now: datetime) -> Iterator[Finding]:
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    left = last - now
    renew = "renew it; services read it at their start"
    if now < first:
        yield bad("certificate", f"is not valid before {first:%Y-%m-%d %H:%M} UTC", "see the clock")
    elif left.total_seconds() < 0:
        yield bad("certificate", f"ended on {last:%Y-%m-%d}", renew)
    elif left.days < SOON_DAYS:
        yield warn("certificate", f"ends on {last:%Y-%m-%d}, in {left.days} days", renew)
    else:
        yield ok("certificate", f"good until {last:%Y-%m-%d}")


def _names(certificate: x509.Certificate, hosts: set[str]) -> Iterator[Finding]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        yield bad("certificate names", "it names none", "make one with subjectAltName")
        return
    covered = [
        *names.get_values_for_type(x509.DNSName),
        *map(str, names.get_values_for_type(x509.IPAddress)),
    ]
    foreign = sorted(host for host in hosts if not any(_covers(name, host) for name in covered))
    if foreign:
        yield bad(
            "certificate names",
            f"it is not for {', '.join(foreign)}, but for {', '.join(covered)}",
            "make one for these names, or set [public_url] to its own",
        )
    else:
        yield ok("certificate names", ", ".join(covered))


def _hosts(settings: Settings) -> set[str]:
    """The names under which people will come."""
    public = settings.public_url
    named = {urlsplit(url).hostname or "" for url in (public.web, public.stage, public.edge)}
    if named == {""} and settings.host not in {"0.0.0.0", "::", ""}:  # noqa: S104
        named = {settings.host}
    return named - {""}


def _covers(name: str, host: str) -> bool:
    """RFC 9525: a star stands for one whole first label."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
