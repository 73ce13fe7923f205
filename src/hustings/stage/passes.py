"""Passes that are good once: what web gives somebody who is signed in, for their own seat. Pure.

Keeps true: a pass with an end opens its seat from one device alone, the first that shows it; shown
there again (an answer was lost) it is the same seat. A browser that was new here got its device
with the answer: if that one is lost it is another browser, and presses the house's button again
for another pass. Who has to read rules first has used it too, and comes in by what they are given
with the rules. Only a pass whose every use was refused is free for others. After its end it opens
nothing, so what is remembered is bounded by what web hands out in `tokens.PASS_SECONDS`; at `MOST`
the door asks for patience. A stage that starts anew has forgotten: a pass lives for two minutes.
"""

from dataclasses import dataclass
from typing import Final

from hustings.base.errors import Denied, TryLater
from hustings.wire.tokens import LEEWAY_SECONDS, Claims

MOST: Final = 10_000  # passes; 83 a second for two minutes


@dataclass
class _Used:
    device: str
    over_s: float  # from then on it is of no use
    uses: int = 0  # under way or granted; the refused do not count


class Passes:
    """Those that were used, and may not have run out."""

    def __init__(self) -> None:
        self._used: dict[str, _Used] = {}  # by jti

    def __len__(self) -> int:
        return len(self._used)

    def use(self, claims: Claims, device: str, now_s: float) -> None:
        """Take it for this device (a fingerprint). Raises Denied `pass_used`, TryLater `busy`."""
        if claims.jti not in self._used and len(self._used) >= MOST:
            self._used = {jti: used for jti, used in self._used.items() if used.over_s >= now_s}
            if len(self._used) >= MOST:
                raise TryLater("busy", "Very many people come in just now.", delay_s=5)
        over_s = float(claims.exp + LEEWAY_SECONDS)
        used = self._used.setdefault(claims.jti, _Used(device, over_s))
        if used.device != device:
            raise Denied("pass_used", "This way in was used in another browser.", status=409)
        used.uses += 1

    def give_back(self, claims: Claims) -> None:
        """The stage refused the person who came with it: once for each `use` that was refused."""
        used = self._used.get(claims.jti)
        if used is None:  # it had run out, and there was no room
            return
        used.uses -= 1
        if not used.uses:
            del self._used[claims.jti]
