"""The provider as the operator named it: its addresses, its keys, and a code for a token.

Everything goes by the guarded way out, to which the issuer's own origin is known as the operator's.
What is asked of it is kept for ten minutes; an unknown key is looked for once more.
"""

import base64
import logging
from typing import Final, TypeVar
from urllib.parse import parse_qsl, quote_plus, urlencode, urlsplit

import msgspec
from joserfc.jwk import KeySet

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, PeerError, TryLater
from hustings.settings import OidcSettings
from hustings.web.oidc.tokens import Claims, bad, believed, key_set
from hustings.web.outbound.door import Answer, Door

log = logging.getLogger(__name__)

KEPT_S: Final = 600.0
SCOPE: Final = "openid profile"  # a name to show; no e-mail
_WELL_KNOWN: Final = "/.well-known/openid-configuration"
_FORM: Final = "application/x-www-form-urlencoded"


_Read = TypeVar("_Read", bound=msgspec.Struct)


class Metadata(msgspec.Struct, frozen=True):
    """What we read of OpenID Connect Discovery."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _TokenAnswer(msgspec.Struct, frozen=True):
    id_token: str


class Provider:
    """One OpenID provider."""

    def __init__(self, settings: OidcSettings, door: Door, clock: Clock) -> None:
        self._settings = settings
        self._door = door
        self._clock = clock
        self._metadata: Metadata | None = None
        self._keys: KeySet | None = None
        self._asked_s = 0.0

    async def address(self, *, redirect: str, state: str, nonce: str, challenge: str) -> str:
        """Where the person goes on. Raises TryLater `oidc_away`, PeerError `oidc_bad`."""
        metadata = await self._known()
        url = urlsplit(metadata.authorization_endpoint)
        query = [
            *parse_qsl(url.query),
            ("response_type", "code"),
            ("client_id", self._settings.client_id),
            ("redirect_uri", redirect),
            ("scope", SCOPE),
            ("state", state),
            ("nonce", nonce),
            ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        return url._replace(query=urlencode(query), fragment="").geturl()

    async def expect_own(self, iss: str) -> None:
        """The answer that came back must be this provider's (RFC 9207). Raises PeerError `oidc_bad`."""
        metadata = await self._known()
        if iss != metadata.issuer and (
            iss or metadata.authorization_response_iss_parameter_supported
        ):
            raise bad("the answer is another provider's")

    async def claims(self, code: str, *, redirect: str, verifier: str, nonce: str) -> Claims:
        """Exchange a code, and believe what comes. Raises TryLater `oidc_away`, PeerError `oidc_bad`."""
        metadata = await self._known()
        token = await self._exchange(metadata, code, redirect, verifier)
        try:
            return self._believed(token, await self._current_keys(metadata), nonce)
        except PeerError:
            keys = await self._current_keys(metadata, anew=True)  # it may sign with a new one now
            return self._believed(token, keys, nonce)

    def _believed(self, token: str, keys: KeySet, nonce: str) -> Claims:
        return believed(
            token,
            keys,
            issuer=self._settings.issuer,
            client=self._settings.client_id,
            nonce=nonce,
            now_s=self._clock.wall_ms() / 1_000,
        )

    async def _exchange(self, metadata: Metadata, code: str, redirect: str, verifier: str) -> str:
        client, secret = self._settings.client_id, self._settings.client_secret
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": verifier,
        }
        headers = {"Content-Type": _FORM, "Accept": "application/json"}
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"  # RFC 6749, 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            fields |= {"client_id": client} | ({"client_secret": secret} if secret else {})
        try:
            answer = await self._door.post(
                metadata.token_endpoint, urlencode(fields).encode(), headers
            )
        except HustingsError as error:
            raise _away(error) from None
        return _read(answer, _TokenAnswer, "token").id_token

    async def _known(self) -> Metadata:
        now_s = self._clock.monotonic()
        if self._metadata is None or now_s - self._asked_s >= KEPT_S:
            issuer = self._settings.issuer
            answer = await self._get(issuer.rstrip("/") + _WELL_KNOWN)
            metadata = _read(answer, Metadata, "description")
            if metadata.issuer != issuer:
                raise bad(
                    f"it calls itself {metadata.issuer[:200]!r}; oidc.issuer must be the same"
                )
            self._expect_reachable(metadata)
            self._metadata, self._keys, self._asked_s = metadata, None, now_s
        return self._metadata

    def _expect_reachable(self, metadata: Metadata) -> None:
        for url in (
            metadata.authorization_endpoint,
            metadata.token_endpoint,
            metadata.jwks_uri,
        ):
            try:
                self._door.read(url)
            except HustingsError:
                raise bad("it names an address that is not https") from None

    async def _current_keys(self, metadata: Metadata, *, anew: bool = False) -> KeySet:
        if self._keys is None or anew:
            answer = await self._get(metadata.jwks_uri)
            if answer.status != 200 or not answer.whole:
                raise bad("its keys cannot be had")
            self._keys = key_set(answer.body)
        return self._keys

    async def _get(self, url: str) -> Answer:
        try:
            return await self._door.get(url, {"Accept": "application/json"})
        except HustingsError as error:
            raise _away(error) from None


def _read(answer: Answer, kind: type[_Read], what: str) -> _Read:
    if answer.status != 200 or not answer.whole:
        raise bad(f"it answered {answer.status} instead of its {what}")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.MsgspecError:
        raise bad(f"its {what} cannot be read") from None


def _away(error: HustingsError) -> TryLater:
    log.warning("oidc: %s", error.title)
    return TryLater("oidc_away", "The other house does not answer just now.", delay_s=10)
