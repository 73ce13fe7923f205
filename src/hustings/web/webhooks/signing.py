"""How a message is signed, so that its receiver knows that it is from us and new; pure.

Source: Standard Webhooks 1.0 (standardwebhooks.com): `webhook-id`, `webhook-timestamp`,
`webhook-signature`; a secret is `whsec_` and base64 of 24 to 64 bytes. Called by `web.webhooks`.
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32


def new_secret() -> str:
    """A secret, as its receiver's library takes it."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed(secret: str, message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of a message. timestamp_s: of this attempt; the id is that of all attempts."""
    key = b64decode(secret.removeprefix(PREFIX))
    text = f"{message_id}.{timestamp_s}.".encode() + body
    signature = b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }
