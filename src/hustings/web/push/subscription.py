"""Where one browser gets its pushes, as the browser says it; pure.

The endpoint is an address that a stranger gives us and that we shall send to: `web.outbound`
decides when it is used whether it may be; here its form and size are looked at.
"""

import base64
import binascii
from typing import Any, Final

import msgspec

from hustings.base.errors import PeerError
from hustings.web.push.encryption import AUTH_BYTES, POINT_BYTES, public_key

URL_CHARS: Final = 1_000  # the longest known (Windows) have about 700
_KEY_CHARS: Final = 120


class PushSubscription(msgspec.Struct, frozen=True):
    """What `PushSubscription.toJSON()` of a browser holds."""

    endpoint: str
    point: bytes  # `p256dh`
    auth: bytes

    @property
    def keys(self) -> bytes:
        """Both keys in one piece, as the database has them."""
        return self.point + self.auth


def with_keys(endpoint: str, keys: bytes) -> PushSubscription:
    """As `PushSubscription.keys` wrote them."""
    return PushSubscription(endpoint, keys[:POINT_BYTES], keys[POINT_BYTES:])


def read(body: bytes) -> PushSubscription:
    """A subscription as JSON. Raises PeerError `push_bad`, `push_keys`."""
    try:
        said: Any = msgspec.json.decode(body)
        endpoint, keys = said["endpoint"], said["keys"]
        point, auth = _bytes(keys["p256dh"]), _bytes(keys["auth"])
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        raise _bad() from None
    if not isinstance(endpoint, str) or not 0 < len(endpoint) <= URL_CHARS:
        raise _bad()
    if len(auth) != AUTH_BYTES:
        raise PeerError("push_keys", "These are not the keys of a push subscription.")
    public_key(point)
    return PushSubscription(endpoint, point, auth)


def read_endpoint(body: bytes) -> str:
    """The endpoint alone: whoever knows it may end its reminders. Raises PeerError `push_bad`."""
    try:
        endpoint = msgspec.json.decode(body)["endpoint"]
    except (msgspec.MsgspecError, KeyError, TypeError):
        raise _bad() from None
    if not isinstance(endpoint, str) or not 0 < len(endpoint) <= URL_CHARS:
        raise _bad()
    return endpoint


def _bytes(text: Any) -> bytes:
    """base64url, with or without padding."""
    if not isinstance(text, str) or len(text) > _KEY_CHARS:
        raise ValueError
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError from error


def _bad() -> PeerError:
    return PeerError("push_bad", "This is not a push subscription.")
