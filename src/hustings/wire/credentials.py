"""Edge credentials: signed by the stage's house, checked by the stage and by every edge. Pure.

An edge may feed on another edge, which must tell friends from strangers without being able to
make friends: so the signature is Ed25519, and edges hold the public half only (with the list of
revoked ids, over the index feed). Format as in `wire.tokens`: base64url(JSON claims) "."
base64url(signature over the first part). An edge on the stage's own machine shows the stage a
pass of the service key instead. Why: docs/decisions/0003.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from hustings.base.errors import Denied, PeerError
from hustings.wire.tokens import MAX_BYTES, Claims, b64, sound, unb64

_SIGNATURE: Final = 86  # letters of 64 bytes


class EdgeSigner:
    """The private half; `hustings edge-token` and the stage have it."""

    def __init__(self, seed: bytes) -> None:
        """seed: 32 bytes."""
        self._key = Ed25519PrivateKey.from_private_bytes(seed)

    @property
    def public(self) -> bytes:
        """32 bytes, for `EdgeCheck`."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, claims: Claims) -> str:
        """Make the credential."""
        payload = b64(msgspec.json.encode(claims))
        return f"{payload}.{b64(self._key.sign(payload.encode()))}"


class EdgeCheck:
    """The public half, and who does not count any more."""

    def __init__(self, public: bytes, revoked: Iterable[str] = ()) -> None:
        """public: 32 bytes."""
        self._public = public
        self._key = Ed25519PublicKey.from_public_bytes(public)
        self._revoked = frozenset(revoked)

    def without(self, revoked: frozenset[str]) -> "EdgeCheck":
        """The same with this list of revoked ids."""
        return self if revoked == self._revoked else EdgeCheck(self._public, revoked)

    def check(self, token: str, *, now_s: float) -> Claims:
        """Read a credential, or raise Denied: as `KeyRing.check`, and token_revoked."""
        if not token:
            raise Denied("token_missing", "This needs an edge's credential.", status=401)
        payload, _, signature = token.partition(".")
        try:
            raw = unb64(signature)
            if len(token) > MAX_BYTES or b64(raw) != signature:
                raise ValueError
            self._key.verify(raw, payload.encode())
            claims = msgspec.json.decode(unb64(payload), type=Claims)
        except (InvalidSignature, ValueError, msgspec.MsgspecError):
            raise Denied("token_bad", "This credential was not made here.", status=401) from None
        if claims.jti in self._revoked:
            raise Denied("token_revoked", "This credential was ended by `hustings edge-token`.")
        return sound(claims, kind="edge", now_s=now_s)

    def line(self) -> dict[str, Any]:
        """What the index feed says: `{"key": base64, "revoked": [ids]}`."""
        return {"key": base64.b64encode(self._public).decode(), "revoked": sorted(self._revoked)}


def is_credential(token: str) -> bool:
    """Whether it has the form of one, and not of a pass of a `KeyRing`."""
    return len(token.partition(".")[2]) == _SIGNATURE


class _Line(msgspec.Struct, frozen=True):
    key: str
    revoked: list[str] = []


def read_line(line: object) -> EdgeCheck:
    """What `EdgeCheck.line` said, or PeerError `record_bad`."""
    try:
        read = msgspec.convert(line, _Line)
        return EdgeCheck(base64.b64decode(read.key, validate=True), read.revoked)
    except (msgspec.ValidationError, binascii.Error, ValueError):
        raise PeerError("record_bad", "The key of edges' credentials cannot be read.") from None
