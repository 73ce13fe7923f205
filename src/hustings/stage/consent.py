"""How often somebody may agree that their own track is kept. Pure.

Keeps true: to take it back is never refused; a box that is ticked again and again costs the stage,
its record and its disk no more than one change each `AGAIN_S`, one for each person.
"""

from typing import Final

from hustings.base.errors import TryLater

AGAIN_S: Final = 3.0


class Agreements:
    """When each person of a room agreed last, by the monotonic clock; not in the journal."""

    def __init__(self) -> None:
        self._at_s: dict[str, float] = {}  # of the last seconds only

    def expect(self, who: str, now_s: float) -> None:
        """Somebody agrees; TryLater `track_soon` if they did a moment ago."""
        self._at_s = {each: at for each, at in self._at_s.items() if now_s - at < AGAIN_S}
        if who in self._at_s:
            wait_s = AGAIN_S - (now_s - self._at_s[who])
            raise TryLater("track_soon", "Wait some seconds to choose it again.", delay_s=wait_s)
        self._at_s[who] = now_s
