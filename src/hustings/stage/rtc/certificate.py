"""Our certificate for DTLS, and what the other side's may be made of.

aiortc's, which takes nobody whose certificate is RSA ("no shared cipher"): GStreamer's webrtcbin and
many hardware encoders have such. Who the other side is says the fingerprint in its offer, whatever
the kind of its key.
"""

from importlib import metadata
from typing import Final

from aiortc import RTCCertificate
from aiortc.rtcdtlstransport import SRTPProtectionProfile
from OpenSSL import SSL

from hustings.base.errors import OperatorError

# Ours is ECDSA; RFC 8827 6.5 asks for the first of these, and for forward secrecy.
CIPHERS: Final = (
    b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:"
    b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:"
    b"ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA"
)

if not hasattr(RTCCertificate, "_create_ssl_context"):
    raise OperatorError(
        "aiortc_version",
        f"aiortc {metadata.version('aiortc')} lacks RTCCertificate._create_ssl_context; "
        "install the version that pyproject.toml names.",
    )


class Certificate(RTCCertificate):  # type: ignore[misc]  # aiortc has no stubs here
    """A key and certificate of one connection; `generateCertificate` makes it."""

    def _create_ssl_context(self, srtp_profiles: list[SRTPProtectionProfile]) -> SSL.Context:
        context: SSL.Context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context
