"""By which a push service knows who sends (RFC 8292): a short-lived signed token for each service.

Keeps true: the key is the house's for as long as it lives, since browsers bind a subscription to
it; a token names one push service and is good for 12 hours, so that one that leaks is worth little.
"""

import base64
import json
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from hustings.web.push.encryption import raw_point

TOKEN_S: Final = 12 * 3_600  # RFC 8292 allows 24 hours; clocks differ
_RENEW_S: Final = 3_600  # before its end
_SERVICES: Final = 100  # tokens kept; there are about five push services in the world
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256


def b64(data: bytes) -> str:
    """base64url without padding, as all of Web Push writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Vapid:
    """The house's signature on what it pushes."""

    def __init__(self, seed: bytes, contact: str) -> None:
        """seed: 32 random bytes. contact: an https: or mailto: address of whoever runs the house; may be ""."""
        scalar = int.from_bytes(seed, "big") % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(scalar, ec.SECP256R1())
        self._contact = contact
        self._tokens: dict[str, tuple[int, str]] = {}
        self.public = b64(raw_point(self._key.public_key()))  # `applicationServerKey` in browsers

    def authorization(self, endpoint: str, now_s: int) -> str:
        """The value of the header `Authorization` for a push to this endpoint."""
        parts = urlsplit(endpoint)
        audience = f"{parts.scheme}://{parts.netloc}"
        until_s, token = self._tokens.get(audience, (0, ""))
        if not now_s < until_s - _RENEW_S <= now_s + TOKEN_S:  # the clock may have been set back
            if len(self._tokens) >= _SERVICES:
                self._tokens.clear()
            until_s = now_s + TOKEN_S
            token = self._sign(audience, until_s)
            self._tokens[audience] = (until_s, token)
        return f"vapid t={token}, k={self.public}"

    def _sign(self, audience: str, until_s: int) -> str:
        claims = {"aud": audience, "exp": until_s} | (
            {"sub": self._contact} if self._contact else {}
        )
        parts = ({"typ": "JWT", "alg": "ES256"}, claims)
        said = ".".join(b64(json.dumps(each, separators=(",", ":")).encode()) for each in parts)
        r, s = decode_dss_signature(self._key.sign(said.encode(), ec.ECDSA(SHA256())))
        return f"{said}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
