"""Relays for speakers whose network lets no UDP through: TURN with passwords that run out. Pure.

"TURN REST" (draft-uberti-behave-turn-rest-00), as coturn's `use-auth-secret` checks it: the user is
the second at which the password ends, the password an HMAC of it with a secret that relay and stage
share. So no lasting password is ever in a page. Told to each page anew by `stage.http.control`.
"""

import base64
import hashlib
import hmac
from typing import Final

from hustings.settings import Rtc

LASTS_S: Final = 12 * 3_600
"""Longer than any evening: a line that breaks is made anew with the same password."""


def told_to_pages(settings: Rtc, now_s: int) -> list[str]:
    """`stage.rtc.ice_servers`, with a fresh account where a TURN server has none."""
    return [_with_account(url, settings.turn_secret, now_s) for url in settings.ice_servers]


def ice_links(settings: Rtc, now_s: int) -> list[str]:
    """The same as values of `Link` headers, for encoders (RFC 9725 4.6)."""
    return [_link(url) for url in told_to_pages(settings, now_s)]


def _link(url: str) -> str:
    scheme, _, rest = url.partition(":")
    account, _, host = rest.rpartition("@")
    user, _, password = account.partition(":")
    link = f'<{scheme}:{host}>; rel="ice-server"'
    if account:
        link += f'; username="{_quoted(user)}"; credential="{_quoted(password)}"; credential-type="password"'
    return link


def _quoted(text: str) -> str:
    """Inside a quoted string of a header (RFC 9110 5.6.4)."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def used_by_stage(settings: Rtc) -> list[str]:
    """Those that the stage itself asks: it needs no relay that only pages have an account for."""
    return [url for url in settings.ice_servers if not (settings.turn_secret and _nameless(url))]


def _nameless(url: str) -> bool:
    return url.startswith(("turn:", "turns:")) and "@" not in url


def _with_account(url: str, secret: str, now_s: int) -> str:
    if not secret or not _nameless(url):
        return url
    scheme, _, host = url.partition(":")
    user = str(now_s + LASTS_S)
    # SHA-1 is what the relays check; as an HMAC it still holds.
    password = base64.b64encode(hmac.digest(secret.encode(), user.encode(), hashlib.sha1)).decode()
    return f"{scheme}:{user}:{password}@{host}"
