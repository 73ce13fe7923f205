"""What a provider says of somebody, believed only after every check of OpenID Connect; pure.

Keeps true: the algorithm is one of ours, never the token's choice alone (`none` and shared secrets
are not among them); issuer, audience, nonce and times are compared by us. Nobody is known by their
e-mail: it is not even read. Source: OpenID Connect Core 1.0, 3.1.3.7; RFC 8725.
"""

import hmac
from typing import Final

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from hustings.base.errors import PeerError

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "RS384", "ES384", "RS512", "ES512")
LEEWAY_S: Final = 60  # clocks differ
OLDEST_S: Final = 600  # a token is made for this sign-in, which takes five minutes at most
TOKEN_CHARS: Final = 16_384
SUBJECT_CHARS: Final = 255  # OpenID Connect Core, 2


class Claims(msgspec.Struct, frozen=True):
    """What we read of an ID token."""

    iss: str
    sub: str
    aud: str | list[str]
    exp: float
    iat: float
    nonce: str = ""
    azp: str = ""
    name: str = ""
    preferred_username: str = ""


def key_set(document: bytes) -> KeySet:
    """A provider's keys. Raises PeerError `oidc_bad`."""
    try:
        return KeySet.import_key_set(msgspec.json.decode(document))
    except (
        msgspec.MsgspecError,
        JoseError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:
        raise bad(f"its keys cannot be read ({type(error).__name__})") from None


def believed(
    token: str, keys: KeySet, *, issuer: str, client: str, nonce: str, now_s: float
) -> Claims:
    """The claims of an ID token for this client, provider and sign-in. Raises PeerError `oidc_bad`."""
    if len(token) > TOKEN_CHARS:
        raise bad("its token is too long")
    try:
        read = jwt.decode(token, keys, algorithms=list(ALGORITHMS))
        claims = msgspec.convert(read.claims, Claims)
    except (JoseError, msgspec.ValidationError, ValueError, TypeError, KeyError) as error:
        raise bad(
            f"its token is not signed or made as it must be ({type(error).__name__})"
        ) from None
    audience = [claims.aud] if isinstance(claims.aud, str) else claims.aud
    if claims.iss != issuer:
        raise bad("its token is another provider's")
    if client not in audience or (claims.azp or (client if len(audience) == 1 else "")) != client:
        raise bad("its token is for another client")
    if not nonce or not hmac.compare_digest(claims.nonce.encode(), nonce.encode()):
        raise bad("its token is of another sign-in")
    if not now_s - OLDEST_S <= claims.iat <= now_s + LEEWAY_S or claims.exp < now_s - LEEWAY_S:
        raise bad("its token is too old, or of the future: compare the clocks")
    if not 0 < len(claims.sub) <= SUBJECT_CHARS:
        raise bad("its token is about nobody")
    return claims


def bad(why: str) -> PeerError:
    """The one error of all that a provider may do wrong; `why` is for the log."""
    return PeerError("oidc_bad", f"The provider cannot be believed: {why}.", status=502)
