"""WebAuthn by the library `webauthn`: what browsers are asked, and whether what they say is true.

The only module that knows the library. Passkeys are discoverable (nobody types a name, so nobody
can ask which names there are), user verification is preferred, attestation is not asked for.
What a stranger's bytes do to the parsers ends here as Denied("passkey_bad").
Spec: https://www.w3.org/TR/webauthn-3/
"""

import ipaddress
import json
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import parse_client_data_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from hustings.base.errors import Denied

CREDENTIAL_BYTES: Final = 1_023  # of an id, by the specification
_TIMEOUT_MS: Final = 120_000  # for a person to find their key
# A real P-256 key that no authenticator has: an unknown passkey costs the same work as a known one
_NOBODYS_KEY: Final = bytes.fromhex(
    "a5010203262001215820"
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "225820"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"
)


class Party(NamedTuple):
    """The house as WebAuthn's relying party."""

    id: str  # a domain: passkeys are bound to it for ever
    origin: str


class NewKey(NamedTuple):
    """A passkey that was just made."""

    credential: bytes
    public_key: bytes
    counter: int


def party_for(web_url: str, asked_host: str) -> Party | None:
    """The relying party, or None where browsers have no passkeys: plain http, or no name.

    web_url: how people reach web. asked_host: the request's Host header; it only matters where we
    listen for this machine alone, and then only `localhost`, with the port of a tunnel perhaps.
    """
    url = urlsplit(web_url)
    asked = urlsplit(f"{url.scheme}://{asked_host}")
    if asked.hostname == "localhost" and (
        url.hostname == "localhost" or _is_loopback(url.hostname)
    ):
        url = asked
    name = url.hostname or ""
    if _is_address(name) or not (url.scheme == "https" or name == "localhost"):
        return None
    try:
        port = url.port
    except ValueError:  # whatever was sent as Host
        return None
    plain = port in (None, 443 if url.scheme == "https" else 80)
    return Party(name, f"{url.scheme}://{name}" + ("" if plain else f":{port}"))


def registration_options(
    party: Party, challenge: bytes, *, account: str, name: str, known: list[bytes]
) -> str:
    """JSON for `navigator.credentials.create`. known: credentials this person has already."""
    options = generate_registration_options(
        rp_id=party.id,
        rp_name="Hustings",
        user_id=account.encode(),
        user_name=name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.PREFERRED,
        ),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=each) for each in known],
    )
    return options_to_json(options)


def sign_in_options(party: Party, challenge: bytes) -> str:
    """JSON for `navigator.credentials.get`: any passkey of this house."""
    options = generate_authentication_options(
        rp_id=party.id,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json(options)


class Answer:
    """A credential's JSON as a browser posted it; nothing in it is believed yet."""

    def __init__(self, text: str) -> None:
        try:
            self._json: dict[str, Any] = json.loads(text)
            said = self._json["response"]
            self.credential = base64url_to_bytes(self._json["rawId"])
            client_data = base64url_to_bytes(said["clientDataJSON"])
            self.challenge = parse_client_data_json(client_data).challenge
            self.account = base64url_to_bytes(said.get("userHandle") or "").decode()
        except Exception as error:
            raise _bad() from error
        if not 1 <= len(self.credential) <= CREDENTIAL_BYTES:
            raise _bad()

    def registered(self, party: Party) -> NewKey:
        """The new passkey. Its challenge must have been taken before. Raises Denied."""
        try:
            found = verify_registration_response(
                credential=self._json,
                expected_challenge=self.challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
            )
        except Exception as error:
            raise _bad() from error
        return NewKey(found.credential_id, found.credential_public_key, found.sign_count)

    def signed_in(self, party: Party, public_key: bytes | None, counter: int) -> int:
        """The passkey's new counter. Raises Denied; for None after the same work as for a key."""
        try:
            found = verify_authentication_response(
                credential=self._json,
                expected_challenge=self.challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=public_key or _NOBODYS_KEY,
                credential_current_sign_count=counter,
            )
        except Exception as error:
            raise _bad() from error
        if public_key is None:  # somebody signed by the key whose secret is 1
            raise _bad()
        return found.new_sign_count


def _bad() -> Denied:
    return Denied("passkey_bad", "This passkey is not one of this house.")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str | None) -> bool:
    return name is not None and _is_address(name) and ipaddress.ip_address(name).is_loopback
