"""Passes that are good once: what web gives somebody who is signed in, for their own seat. Pure.

Keeps true: a pass with an end opens its seat from one device alone, the first that shows it; shown
there again (an answer was lost) it is the same seat. After its end it opens nothing, so what is
remembered is bounded by what web hands out in `tokens.PASS_SECONDS`; at `MOST` the door asks for
patience. A stage that starts anew has forgotten: a pass lives for two minutes.
"""

from typing import Final

from hustings.base.errors import Denied, TryLater
from hustings.wire.tokens import LEEWAY_SECONDS, Claims

MOST: Final = 10_000  # passes; 83 a second for two minutes


class Passes:
    """Those that were used, and may not have run out."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[str, float]] = {}  # jti: device, and when it is of no use

    def __len__(self) -> int:
        return len(self._used)

    def use(self, claims: Claims, device: str, now_s: float) -> bool:
        """Take it for this device (a fingerprint); whether it is the first time.

        Raises Denied `pass_used`, TryLater `busy`.
        """
        is_new = claims.jti not in self._used
        if is_new and len(self._used) >= MOST:
            self._used = {k: used for k, used in self._used.items() if used[1] >= now_s}
            if len(self._used) >= MOST:
                raise TryLater("busy", "Very many people come in just now.", delay_s=5)
        over_s = float(claims.exp + LEEWAY_SECONDS)
        used_by, _ = self._used.setdefault(claims.jti, (device, over_s))
        if used_by != device:
            raise Denied("pass_used", "This way in was used in another browser.", status=409)
        return is_new

    def give_back(self, claims: Claims) -> None:
        """The stage refused the person who came with it first: it may be tried again."""
        self._used.pop(claims.jti, None)
