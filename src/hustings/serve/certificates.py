"""Is the TLS certificate good for the names and the days it will be used?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from hustings.base.certificates import Certificate, read_certificate
from hustings.base.clock import Clock
from hustings.base.errors import HustingsError
from hustings.serve.findings import Finding, bad, ok, warn
from hustings.serve.preflight import check_tls
from hustings.settings import Settings
from hustings.wire.links import named_hosts, needs_tls

SOON_DAYS: Final = 14


def certificate_findings(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Pair, dates, names; without TLS, whether microphones will work."""
    if not settings.tls.cert and not settings.tls.key:
        yield _without(settings)
        return
    try:
        check_tls(settings)
        certificate = read_certificate(settings.tls.cert)
    except (HustingsError, OSError, ValueError) as error:
        yield bad("certificate", str(error), "give the chain and its own key, both in PEM")
        return
    yield from _dates(certificate, datetime.fromtimestamp(clock.wall_ms() / 1_000, UTC))
    yield from _names(certificate, named_hosts(settings))
    if certificate.is_rsa:
        yield warn(
            "certificate key",
            "RSA costs twelve times the work of ECDSA for each newcomer",
            "ask for a P-256 certificate",
        )


def _without(settings: Settings) -> Finding:
    if not needs_tls(settings):
        return ok("TLS", "none here, and none needed on this address")
    return warn(
        "TLS",
        f"none, and we listen on {settings.host}: browsers give no microphone to such pages",
        "--tls-cert and --tls-key, or a proxy and [public_url]",
    )


def _dates(certificate: Certificate, now: datetime) -> Iterator[Finding]:
    first, last = certificate.first, certificate.last
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


def _names(certificate: Certificate, hosts: set[str]) -> Iterator[Finding]:
    if not certificate.names:
        yield bad("certificate names", "it names none", "make one with subjectAltName")
        return
    foreign = certificate.foreign(hosts)
    if foreign:
        yield bad(
            "certificate names",
            f"it is not for {', '.join(foreign)}, but for {', '.join(certificate.names)}",
            "make one for these names, or set [public_url] to its own",
        )
    else:
        yield ok("certificate names", ", ".join(certificate.names))
