"""How much goes out: at once, to one host, to one address; pure.

Nothing waits here. What finds no room is told when to come back: whoever sends keeps a queue of
its own (letters, pushes) or has a person before it (signing in).
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from hustings.base.errors import TryLater
from hustings.base.limits import Gcra

AT_ONCE: Final = 16
OF_HOST: Final = 4  # at once: one slow host cannot take all
RATE: Final = 20 / 60  # a second and host
BURST: Final = 20.0
ADDRESSES: Final = 5  # hosts' worth for one address: many names may lead to one victim
_HOSTS: Final = 4_096


class Budget:
    """What one door spends."""

    def __init__(
        self,
        *,
        rate: float = RATE,
        burst: float = BURST,
        of_host: int = OF_HOST,
        at_once: int = AT_ONCE,
    ) -> None:
        """rate: requests a second and host; burst: at once before it counts."""
        self._hosts = Gcra(rate=rate, burst=burst, size=_HOSTS)
        self._addresses = Gcra(rate=rate * ADDRESSES, burst=burst * ADDRESSES, size=_HOSTS)
        self._of_host, self._at_once = of_host, at_once
        self._open: Counter[str] = Counter()

    @contextmanager
    def turn(self, host: str, now_s: float) -> Iterator[None]:
        """One request. Raises TryLater: outbound_busy, outbound_rate."""
        if self._open.total() >= self._at_once or self._open[host] >= self._of_host:
            raise TryLater("outbound_busy", "Too much is on its way out.", delay_s=1.0)
        _expect_granted(self._hosts.take(host, now_s), host)
        self._open[host] += 1
        try:
            yield
        finally:
            self._open[host] -= 1
            if not self._open[host]:
                del self._open[host]

    def charge(self, address: str, now_s: float) -> None:
        """Where the request of this turn goes. Raises TryLater `outbound_rate`."""
        _expect_granted(self._addresses.take(address, now_s), address)


def _expect_granted(wait_s: float, where: str) -> None:
    if wait_s:
        raise TryLater("outbound_rate", f"{where} was asked often enough.", delay_s=wait_s)
