"""How a message is signed, so that its receiver knows that it is from us and new; pure.

A secret is derived from the house's key, the hook and a generation: no database holds it, and a new
generation is a new secret. While two overlap, a message has both signatures. Source: Standard
Webhooks 1.0 (standardwebhooks.com): `webhook-id`, `webhook-timestamp`, `webhook-signature`; a secret
is `whsec_` and base64 of 24 to 64 bytes. Called by `web.webhooks`.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final

from hustings.wire.tokens import KeyRing

PREFIX: Final = "whsec_"


def secret_of(keys: KeyRing, hook: str, generation: int) -> str:
    """A hook's secret, as its receiver's library takes it."""
    return PREFIX + b64encode(keys.derived(f"webhook\0{hook}\0{generation}")).decode()


def signed(
    secrets: Sequence[str], message_id: str, timestamp_s: int, body: bytes
) -> dict[str, str]:
    """The three headers of a message. timestamp_s: of this attempt; the id is that of all attempts."""
    text = f"{message_id}.{timestamp_s}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(_signature(secret, text) for secret in secrets),
    }


def _signature(secret: str, text: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX))
    return f"v1,{b64encode(hmac.digest(key, text, hashlib.sha256)).decode()}"
