"""A push message as only its browser can read it (RFC 8291: `aes128gcm` with a key agreed by ECDH); pure.

Keeps true: the push service between us learns how long a message is, and nothing of what it says.
One record, since a message is at most 4 KiB. Called by `web.push.transport`.
"""

import os
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from hustings.base.errors import PeerError

MOST_BYTES: Final = 3_993  # of a message: what fits into 4,096 encrypted (RFC 8030 7.2)
POINT_BYTES: Final = 65  # an uncompressed point of P-256
AUTH_BYTES: Final = 16
_CURVE: Final = ec.SECP256R1()
_RECORD: Final = 4_096  # its size as declared; ours is shorter, and the only one
_LAST: Final = b"\x02"  # the padding's delimiter in the last record


def encrypt(
    message: bytes,
    point: bytes,
    auth: bytes,
    *,
    salt: bytes = b"",
    own: ec.EllipticCurvePrivateKey | None = None,
) -> bytes:
    """The body of the push request.

    point, auth: `p256dh` (65 bytes) and `auth` (16 bytes) of the browser's subscription.
    salt, own: 16 random bytes and a fresh key, each used once; given by tests alone.
    Raises PeerError `push_keys` if `point` is none of the curve, ValueError over `MOST_BYTES`.
    """
    if len(message) > MOST_BYTES:
        raise ValueError(f"a push message of {len(message)} bytes")
    salt, own = salt or os.urandom(16), own or ec.generate_private_key(_CURVE)
    browser, mine = public_key(point), raw_point(own.public_key())
    shared = own.exchange(ec.ECDH(), browser)
    secret = _derived(shared, auth, b"WebPush: info\0" + point + mine, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + _RECORD.to_bytes(4, "big") + len(mine).to_bytes(1, "big") + mine
    return head + AESGCM(key).encrypt(nonce, message + _LAST, None)


def public_key(point: bytes) -> ec.EllipticCurvePublicKey:
    """A browser's public key. Raises PeerError `push_keys`."""
    try:
        if len(point) == POINT_BYTES:
            return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, point)
    except ValueError:
        pass
    raise PeerError("push_keys", "These are not the keys of a push subscription.")


def raw_point(key: ec.EllipticCurvePublicKey) -> bytes:
    """A public key as it travels: 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _derived(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)
