"""How often programs may call: by person where there is a key, else by address; pure.

A program that plans a season's rooms at once fits; one that spins is told how long to wait. The
keys of one person share one allowance, so that more keys are no more calls.
"""

from typing import Final

from hustings.base.errors import TryLater
from hustings.base.limits import Gcra, address_key

READS: Final = (10.0, 200.0)  # a second, at once
WRITES: Final = (2.0, 100.0)
STRANGERS: Final = (5.0, 100.0)  # without a key, of one address or household
BAD_KEYS: Final = (0.2, 20.0)  # of one address: a key is 192 bits, so this is against noise only


class Pace:
    """What everybody has used of it; bounded as `Gcra` is."""

    def __init__(self) -> None:
        self._reads, self._writes, self._strangers, self._bad = (
            Gcra(rate=rate, burst=burst) for rate, burst in (READS, WRITES, STRANGERS, BAD_KEYS)
        )

    def read(self, account: str, now_s: float) -> None:
        """One call that changes nothing. Raises TryLater `api_rate` (429)."""
        _charge(self._reads, account, now_s)

    def write(self, account: str, now_s: float) -> None:
        """One call that may. Raises TryLater `api_rate`."""
        _charge(self._writes, account, now_s)

    def stranger(self, address: str, now_s: float) -> None:
        """One call without a key. Raises TryLater `api_rate`."""
        _charge(self._strangers, address_key(address), now_s)

    def expect_patience(self, address: str, now_s: float) -> None:
        """Before a key is looked up. Raises TryLater `api_rate` after many bad ones from there."""
        _refuse(self._bad.wait(address_key(address), now_s))

    def bad_key(self, address: str, now_s: float) -> None:
        """A key from there was none of this house."""
        self._bad.charge(address_key(address), now_s)


def _charge(bucket: Gcra, key: str, now_s: float) -> None:
    _refuse(bucket.take(key, now_s))


def _refuse(wait_s: float) -> None:
    if wait_s:
        raise TryLater("api_rate", "Too many calls.", delay_s=wait_s, status=429)
