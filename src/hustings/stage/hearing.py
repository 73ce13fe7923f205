"""Does a listener hear what the stage hears? The two compared, part by part; pure.

Keeps true: only parts in which exactly one person spoke count for that person, and only the last
`KEPT` of them. The stage says who spoke in a part (`spoke`), a probe at an edge how loud that part
was there (`heard`). Called by `stage.soundcheck`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Final

from hustings.wire.names import PART_SECONDS, PART_TICKS

LOUD_DBFS: Final = -45.0  # speech is levelled to -20; silence and codec noise are below -60
SPOKEN_TICKS: Final = 10  # of a part's 16
KEPT: Final = 20  # parts of each person: 6.4 s of speech
ENOUGH: Final = 6  # parts, 1.9 s: for a verdict either way
WAITING: Final = 94  # parts that a probe may be late: 30 s


class Hearing:
    """One sound check: who has been heard, and how late."""

    def __init__(self) -> None:
        self.behind_s: float | None = None  # from the mouth to the probe; None: nothing came yet
        self._spoken: dict[int, tuple[str, float]] = {}  # part -> sole speaker ("" none), when made
        self._kept: dict[str, deque[bool]] = {}
        self._seconds: dict[str, float] = {}

    def spoke(self, n: int, ticks: Mapping[str, int], *, now_s: float) -> None:
        """Part `n` was made; ticks: for each person those in which they were loud."""
        loud = [who for who, count in ticks.items() if count > 0]
        alone = loud[0] if len(loud) == 1 and ticks[loud[0]] >= SPOKEN_TICKS else ""
        for who in loud:
            spoken_s = ticks[who] / PART_TICKS * PART_SECONDS
            self._seconds[who] = self._seconds.get(who, 0.0) + spoken_s
        self._spoken[n] = (alone, now_s)
        if len(self._spoken) > WAITING:
            del self._spoken[next(iter(self._spoken))]

    def heard(self, n: int, dbfs: float, *, now_s: float) -> None:
        """Part `n` came to the probe, so loud; a part that the stage never made says nothing."""
        known = self._spoken.pop(n, None)
        if known is None:
            return
        who, made_s = known
        self.behind_s = PART_SECONDS + now_s - made_s
        if who:
            kept = self._kept.setdefault(who, deque(maxlen=KEPT))
            kept.append(dbfs >= LOUD_DBFS)

    def spoken_s(self, who: str) -> float:
        """Seconds for which the stage has heard them."""
        return self._seconds.get(who, 0.0)

    def verdict(self, who: str) -> bool | None:
        """Whether a listener hears them; None: too little was said, or the two do not agree."""
        kept = self._kept.get(who, ())
        heard = sum(kept)
        missed = len(kept) - heard
        if heard >= ENOUGH and heard >= 3 * missed:
            return True
        if missed >= ENOUGH and missed >= 3 * heard:
            return False
        return None

    def forget(self, who: str) -> None:
        """Their line is another one: what was heard of the one before proves nothing."""
        self._kept.pop(who, None)
        self._seconds.pop(who, None)
