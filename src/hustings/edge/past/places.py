"""Places for whole downloads, shared so that nobody takes them all. Pure.

Keeps true: an address has at most as many places as are still free, a network twice as many. So
one alone gets half of them and leaves the other half; many get less each, the more they are; and
nobody is refused for where they come from while there is plenty (a campus shares an address).
Addresses are known only while they download. Source: Choudhury and Hahne, dynamic queue length
thresholds (IEEE/ACM ToN 1998). Asked by `edge.past.files`.
"""

from collections import Counter
from typing import Final

from hustings.base.errors import TryLater
from hustings.edge.door.admission import Asker

AGAIN_S: Final = 30.0
_OF_NETWORK: Final = 2


class DownloadPlaces:
    """The places of one edge."""

    def __init__(self, places: int) -> None:
        self._places = places
        self.taken = 0
        self._addresses: Counter[str] = Counter()
        self._networks: Counter[str] = Counter()

    def take(self, who: Asker) -> None:
        """One more; `leave` when it is over. Raises TryLater: 503 `past_busy`, 429 `request_rate`."""
        free = self._places - self.taken
        if free <= 0:
            raise TryLater("past_busy", "Very many download just now.", delay_s=AGAIN_S)
        crowded = (
            self._addresses[who.address] >= free
            or self._networks[who.network] >= _OF_NETWORK * free
        )
        if crowded and not who.near:
            raise TryLater(
                "request_rate",
                "Very many download from your network just now; come again when one has ended.",
                delay_s=AGAIN_S,
                status=429,
            )
        self.taken += 1
        self._addresses[who.address] += 1
        self._networks[who.network] += 1

    def leave(self, who: Asker) -> None:
        """A download is over, however it ended."""
        self.taken -= 1
        for counts, key in ((self._addresses, who.address), (self._networks, who.network)):
            counts[key] -= 1
            if not counts[key]:
                del counts[key]
