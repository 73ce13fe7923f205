"""Links in letters that act for one subscription: to confirm it, to end it; pure.

Nothing of them is stored: a link is the subscription's id and a MAC over what it does. So whoever
has the database alone can confirm or end nothing.
"""

import hashlib
import hmac
from typing import Final, Literal
from urllib.parse import quote

from hustings.base.errors import Denied
from hustings.base.ids import RoomId

Act = Literal["yes", "stop"]
_MAC_CHARS: Final = 32  # 128 bits in hex
_LONGEST: Final = 200


class ReminderLinks:
    """Makes and reads them."""

    def __init__(self, seed: bytes, web: str) -> None:
        """seed: of `keyfiles.reminders_key`. web: base address of the web service, from the settings."""
        self._key = hmac.digest(seed, b"links of reminders", "sha256")
        self._web = web

    def page(self, room: RoomId) -> str:
        """Where one asks to be reminded."""
        return f"{self._web}/remind/{room}"

    def act(self, act: Act, room: RoomId, subscription: str, language: str) -> str:
        """The address that a letter in this language names; opening it shows a button, its POST acts."""
        token = quote(self.token(act, subscription))
        return f"{self.page(room)}/{act}?lang={quote(language)}&t={token}"

    def token(self, act: Act, subscription: str) -> str:
        """The part behind `t=`."""
        return f"{subscription}.{self._mac(act, subscription)}"

    def subscription(self, act: Act, token: str) -> str:
        """Whose it is. Raises Denied `reminder_link`."""
        subscription, _, mac = token[:_LONGEST].partition(".")
        if not hmac.compare_digest(mac.encode(), self._mac(act, subscription).encode()):
            raise Denied("reminder_link", "This link is not whole. Copy all of it from the mail.")
        return subscription

    def _mac(self, act: Act, subscription: str) -> str:
        said = f"{act} {subscription}".encode(errors="replace")
        return hmac.new(self._key, said, hashlib.sha256).hexdigest()[:_MAC_CHARS]
