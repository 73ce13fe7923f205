"""What a TLS certificate says of itself: from when, until when, for which names.

Called by `serve.certificates` (the doctor) and by a room's readiness on the stage.
"""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa


@dataclass(frozen=True)
class Certificate:
    """The first one of a chain."""

    first: datetime  # UTC
    last: datetime
    names: tuple[str, ...]  # DNS names and addresses of subjectAltName
    is_rsa: bool

    def foreign(self, hosts: set[str]) -> list[str]:
        """Those of `hosts` that it is not for."""
        return sorted(host for host in hosts if not any(_covers(name, host) for name in self.names))


def read_certificate(path: str) -> Certificate:
    """Read a PEM chain; OSError or ValueError if it cannot be read."""
    found = x509.load_pem_x509_certificates(Path(path).read_bytes())[0]
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        covered = (
            *names.get_values_for_type(x509.DNSName),
            *map(str, names.get_values_for_type(x509.IPAddress)),
        )
    except x509.ExtensionNotFound:
        covered = ()
    return Certificate(
        found.not_valid_before_utc,
        found.not_valid_after_utc,
        covered,
        isinstance(found.public_key(), rsa.RSAPublicKey),
    )


def _covers(name: str, host: str) -> bool:
    """RFC 9525: a star stands for one whole first label."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()
