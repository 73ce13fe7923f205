"""Signed passes: what they say, how they are made and checked.

Format: base64url(JSON claims) "." base64url(HMAC-SHA256 over the first part). The algorithm is
fixed: nothing in a token chooses how it is checked. A key ring holds the current key and, while
keys change, the one before. Checking is constant-time and needs no lookup; whoever revokes
(`stage.room`) keeps the list of revoked ids.

Kinds: `invite` (a link; good until its room ends, or with an end once, for `PASS_SECONDS`), `token` (15 minutes, bound to a device),
`whip` (an outside encoder), `edge` (an edge following the feed), `service` (web -> stage),
`guest` (a guest's own page at web).
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from hustings.base.errors import Denied

Kind = Literal["invite", "token", "whip", "edge", "service", "guest"]
TOKEN_SECONDS: Final = 900
PASS_SECONDS: Final = 120  # from one's own page in web to the stage
LEEWAY_SECONDS: Final = 60  # between machines' clocks
MAX_BYTES: Final = 2_048


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a pass says. Times are wall seconds; `exp` 0 = until revoked or the room ends."""

    typ: Kind
    jti: str  # id of this pass, for revocation
    iat: int
    exp: int = 0
    room: str = ""  # empty: every room
    sub: str = ""  # participant id; an invite's seat
    role: str = ""
    name: str = ""
    dev: str = (
        ""  # fingerprint() of the device secret in the cookie; of an invite: good there alone
    )


def fingerprint(device_secret: str) -> str:
    """What a token stores of the device's secret: 128 bits of SHA-256, hex."""
    return hashlib.sha256(device_secret.encode()).hexdigest()[:32]


def hand_of(ticket: str) -> str:
    """The public id of the hand whose holder knows `ticket`: 80 bits of SHA-256, hex."""
    return hashlib.sha256(ticket.encode()).hexdigest()[:20]


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """What `b64` made; ValueError if it is not that."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def sound(claims: Claims, *, kind: Kind, now_s: float, room: str = "") -> Claims:
    """The same claims, if they are good for this, here and now; codes as `KeyRing.check`."""
    if claims.typ != kind:
        raise Denied("token_kind", f"This needs a token of kind {kind}.")
    if claims.room and room and claims.room != room:
        raise Denied("token_room", "This token is for another room.")
    if claims.exp and now_s > claims.exp + (0 if kind == "token" else LEEWAY_SECONDS):
        raise Denied("token_expired", "This token has expired.", status=401)
    if claims.iat > now_s + LEEWAY_SECONDS:
        raise Denied("token_early", "This token is not valid yet: compare the clocks.")
    return claims


class KeyRing:
    """Signs with the first key, accepts all."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) < 32 for key in keys):
            raise ValueError("a key ring holds keys of at least 32 bytes")
        self._keys = tuple(keys)

    def sign(self, claims: Claims) -> str:
        """Make the pass."""
        payload = b64(msgspec.json.encode(claims))
        return f"{payload}.{b64(hmac.digest(self._keys[0], payload.encode(), 'sha256'))}"

    def check(self, token: str, *, kind: Kind, now_s: float, room: str = "") -> Claims:
        """Read a pass, or raise Denied.

        Codes: token_missing, token_bad (forged or broken), token_kind, token_room,
        token_expired, token_early.
        """
        if not token:
            raise Denied("token_missing", "This needs a token.", status=401)
        return sound(self._read(token), kind=kind, now_s=now_s, room=room)

    def source_password(self, room: str, seat: str) -> str:
        """What a radio studio shows for its seat: 100 bits as 20 letters, since hardware takes few."""
        return self._source_password(self._keys[0], room, seat)

    def check_source(self, password: str, room: str, seat: str) -> None:
        """Raise Denied `source_password` unless it is the one of this seat."""
        good = False
        for key in self._keys:
            expected = self._source_password(key, room, seat)
            good |= hmac.compare_digest(expected.encode(), password.encode())
        if not good:
            raise Denied("source_password", "The password is wrong.", status=401)

    def code_for(self, call: str) -> str:
        """A one-time code of 192 bits that is made again for the same call, and stored nowhere."""
        return b64(hmac.digest(self._keys[0], f"hustings code\0{call}".encode(), "sha256")[:24])

    def derived(self, purpose: str) -> bytes:
        """32 bytes for one purpose, the same each time: a secret that stands in no database."""
        return hmac.digest(self._keys[0], f"hustings derived\0{purpose}".encode(), "sha256")

    @staticmethod
    def _source_password(key: bytes, room: str, seat: str) -> str:
        said = f"hustings source\0{room}\0{seat}".encode()
        return base64.b32encode(hmac.digest(key, said, "sha256"))[:20].decode().lower()

    def _read(self, token: str) -> Claims:
        payload, _, signature = token.partition(".")
        given = signature.encode(errors="replace")
        good = False
        for key in self._keys:  # all keys, so that the time does not tell which one matched
            expected = b64(hmac.digest(key, payload.encode(errors="replace"), "sha256"))
            good |= hmac.compare_digest(expected.encode(), given)
        if not good or len(token) > MAX_BYTES:
            raise Denied("token_bad", "This token was not made here.", status=401)
        try:
            return msgspec.json.decode(unb64(payload), type=Claims)
        except (msgspec.MsgspecError, ValueError):
            raise Denied("token_bad", "This token cannot be read.", status=401) from None
