"""How many letters of one transport may be under way, and who rests after trouble; pure.

Keeps true: never more than `most` at once, nor `most_of_host` to one host; a host (or the whole
transport) that failed rests twice as long each time, and is then tried with one letter before more go.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from hustings.web.post.model import Outcome, Scope, TryAgain, Unsure

FIRST_REST_S: Final = 5.0
LAST_HOST_REST_S: Final = 900.0  # a host may ask for so much
LAST_REST_S: Final = 60.0  # the transport itself: it is back within a minute of its return
HOSTS: Final = 500  # that rest; then the one that is done first is forgotten


@dataclass
class _Rest:
    failures: int
    until_s: float  # monotonic


class Lane:
    """The road of one transport."""

    def __init__(
        self, *, most: int, most_of_host: int, host_rest_s: float = LAST_HOST_REST_S
    ) -> None:
        """host_rest_s: so long rests a host at most that asks for nothing."""
        self._host_rest_s = host_rest_s
        self._most = most
        self._most_of_host = most_of_host
        self._under_way: Counter[str] = Counter()
        self._resting: dict[str, _Rest] = {}
        self._whole = _Rest(0, 0.0)

    def room(self, now_s: float) -> int:
        """How many more may begin."""
        if now_s < self._whole.until_s:
            return 0
        most = 1 if self._whole.failures else self._most
        return max(0, most - self._under_way.total())

    def takes(self, host: str, now_s: float) -> bool:
        """Whether one more may go to this host."""
        rest = self._resting.get(host)
        if rest is None:
            return self._under_way[host] < self._most_of_host
        return now_s >= rest.until_s and not self._under_way[host]

    def closed(self, now_s: float) -> list[str]:
        """Hosts that take none now: those under way or at rest that are full; at most HOSTS + `most`."""
        return [h for h in {*self._under_way, *self._resting} if not self.takes(h, now_s)]

    def begin(self, host: str) -> None:
        """A letter sets out."""
        self._under_way[host] += 1

    def take_back(self, host: str) -> None:
        """It did not set out after all."""
        self._under_way[host] -= 1
        if not self._under_way[host]:
            del self._under_way[host]

    def end(self, host: str, outcome: Outcome, now_s: float) -> float:
        """It is back; returns for how many seconds who is to blame now rests."""
        self.take_back(host)
        scope: Scope = outcome.scope if isinstance(outcome, TryAgain | Unsure) else "letter"
        if scope == "letter":
            self._resting.pop(host, None)
            self._whole = _Rest(0, 0.0)
            return 0.0
        asked_s = outcome.delay_s if isinstance(outcome, TryAgain) else 0.0
        if scope == "transport":
            self._whole = _longer(self._whole, min(asked_s, LAST_REST_S), LAST_REST_S, now_s)
            return self._whole.until_s - now_s
        asked_s = min(asked_s, LAST_HOST_REST_S)
        rest = _longer(self._resting.pop(host, _Rest(0, 0.0)), asked_s, self._host_rest_s, now_s)
        if len(self._resting) >= HOSTS:
            del self._resting[min(self._resting, key=lambda each: self._resting[each].until_s)]
        self._resting[host] = rest
        return rest.until_s - now_s


def _longer(rest: _Rest, asked_s: float, own_s: float, now_s: float) -> _Rest:
    if now_s < rest.until_s:  # others that were under way when it began
        return rest
    wait_s = min(own_s, FIRST_REST_S * 2.0 ** min(rest.failures, 16))
    return _Rest(rest.failures + 1, now_s + max(wait_s, asked_s))
