"""How many more people an edge can let in to the low-delay streams. Pure.

Three limits, each by itself: connections, bandwidth, and the processor (`shut`, by the ladder). A
fifth of the first two is kept for those who wait and hear `opus-low` meanwhile. Counting costs a
number a listener: `edge.http.server` takes a seat when a stream begins and leaves it when its
connection ends.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from hustings.settings import EdgeSettings

# bit/s of one listener with all that travels: boxes and chunks (measured on speech, part by part:
# a joined stream needs less), TCP, IP and Ethernet (90 bytes a packet of 1,448).
RATES: Final = {
    "opus": 41_000,
    "opus-low": 19_500,
    "aac": 73_000,
    "mp3": 70_000,
    "icy": 70_000,
    "events": 2_000,
}
_USUAL: Final = RATES["opus"]


class Seats:
    """The seats of one edge, for all its rooms."""

    def __init__(self, settings: EdgeSettings, *, shut: Callable[[], bool] = lambda: False) -> None:
        """shut: whether nobody new may come in (the ladder's last two rungs, draining)."""
        kept = 1 - settings.waiting_share
        self._shut = shut
        self.pace = settings.joins_per_s * settings.join_share
        self.taken: Counter[str] = Counter()  # by stream; events are no seats
        self._listeners = round(settings.listeners * kept)
        self._bits = settings.bandwidth_mbit * 1e6 * kept  # 0 = not limited

    def take(self, stream: str) -> None:
        """Somebody begins to listen to `stream`."""
        self.taken[stream] += 1

    def leave(self, stream: str) -> None:
        """They are gone."""
        self.taken[stream] -= 1

    @property
    def free(self) -> int:
        """Seats that are free now."""
        if self._shut():
            return 0
        free: float = self._listeners - sum(self.taken.values()) + self.taken["events"]
        if self._bits:
            used = sum(count * RATES[stream] for stream, count in self.taken.items())
            free = min(free, (self._bits - used) / _USUAL)
        return max(0, int(free))
