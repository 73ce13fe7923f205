"""When each of many reminders is sent: over minutes, so that they bring no stampede; pure.

Keeps true: a subscriber's place is a function of their subscription alone, uniform over the window,
the same for guests of every name; no second gets more than `pace` says, also after a pause. Nothing
is planned after `closes_ms`; what is late for whatever reason goes until `ends_ms`, and then not at
all. Called by `web.reminders.dispatch`.
"""

import hashlib
import math
from typing import Final

import msgspec

PLACES: Final = 1 << 30  # of a window: fits every SQL integer
_FULL: Final = 0.8  # of the bound, as planned: the rest is for seconds that happen to be fuller
_USUAL: Final = 1.5  # times the mean, and two: what a second may hold
_CATCH_UP: Final = 0.8  # of the time that is left, in which late ones are sent


class Spread(msgspec.Struct, frozen=True):
    """A window of wall time."""

    opens_ms: int
    closes_ms: int
    ends_ms: int  # nothing is sent from then on

    def share(self, now_ms: int) -> float:
        """How much of the window has passed, 0 … 1."""
        length_ms = max(1, self.closes_ms - self.opens_ms)
        return min(1.0, max(0.0, (now_ms - self.opens_ms) / length_ms))

    def cut(self, now_ms: int) -> int:
        """Places below this one are due."""
        return math.floor(self.share(now_ms) * PLACES)

    def due_ms(self, place: int) -> int:
        """When this place is due: the first millisecond at which it is below the cut."""
        length_ms = max(1, self.closes_ms - self.opens_ms)
        return self.opens_ms + (place + 1) * length_ms // PLACES + 1

    def pace(self, now_ms: int, *, count: int, overdue: int, most: float) -> int:
        """How many a second may be sent now.

        count: all that are sent in this window. overdue: those whose place has passed: a second's
        worth usually, all after the house was down; then they are spread over the time that is left.
        """
        usual = _USUAL * count / max(1.0, (self.closes_ms - self.opens_ms) / 1_000) + 2
        left_s = max(1.0, (self.ends_ms - now_ms) / 1_000 * _CATCH_UP)
        return max(1, math.floor(min(most, max(usual, math.ceil(overdue / left_s)))))


def before(start_ms: int, count: int, *, window_ms: int, ahead_ms: int, most: float) -> Spread:
    """The window of an evening's reminders: it closes `ahead_ms` before the start.

    It opens `window_ms` before that, or as much earlier as `count` need at `most` a second.
    """
    closes_ms = start_ms - ahead_ms
    return Spread(closes_ms - _length_ms(count, window_ms, most), closes_ms, start_ms)


def after(now_ms: int, ends_ms: int, count: int, *, window_ms: int, most: float) -> Spread:
    """The window of a notice that goes out from now on; half of the time until `ends_ms` at most."""
    length_ms = min(_length_ms(count, window_ms, most), max(1_000, (ends_ms - now_ms) // 2))
    return Spread(now_ms, now_ms + length_ms, ends_ms)


def place_of(subscription: str, *, share: float = 0.0) -> int:
    """A subscriber's place; of one who came when `share` of the window had passed: in the rest."""
    digest = hashlib.sha256(f"place {subscription}".encode()).digest()
    part = int.from_bytes(digest[:8], "big") / 2**64
    return min(PLACES - 1, math.floor((share + (1.0 - share) * part) * PLACES))


def _length_ms(count: int, window_ms: int, most: float) -> int:
    return max(window_ms, math.ceil(count / (most * _FULL) * 1_000))
