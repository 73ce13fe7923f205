"""Challenges that wait for their answer, and how often strangers may ask for one; pure.

A challenge is good once, for five minutes, for what it was made for. They are in memory: a
restart costs whoever is signing in one more press. No flood can push out one that still counts:
all addresses together get at most 200 + 50/s, that is 15,200 in five minutes, and 16,384 fit.
"""

import secrets
from collections import OrderedDict
from typing import Final

from hustings.base.errors import Denied, TryLater
from hustings.base.limits import Gcra, address_key

GOOD_S: Final = 300.0
MOST: Final = 16_384
ALL_RATE: Final = 50.0  # a second, all addresses; a signature check costs 0.2 ms
ALL_BURST: Final = 200.0
RATE: Final = 0.5  # a second and address; a newsroom shares one
BURST: Final = 30.0


class Challenges:
    """Those that were given out, oldest first."""

    def __init__(self) -> None:
        self._given: OrderedDict[bytes, tuple[str, str, float]] = OrderedDict()

    def issue(self, purpose: str, now_s: float, *, note: str = "") -> bytes:
        """A new one of 32 random bytes; when full, the oldest goes. note: what `take` returns."""
        for _ in range(2):  # a little tidying each time
            oldest = next(iter(self._given), b"")
            if oldest and (self._given[oldest][2] < now_s or len(self._given) >= MOST):
                del self._given[oldest]
        challenge = secrets.token_bytes(32)
        self._given[challenge] = (purpose, note, now_s + GOOD_S)
        return challenge

    def take(self, challenge: bytes, purpose: str, now_s: float) -> str:
        """Use one up; returns its note. Raises Denied("challenge_bad") if it is not one, too old, or for another."""
        meant, note, until_s = self._given.pop(challenge, ("", "", 0.0))
        if meant != purpose or until_s < now_s:
            raise Denied("challenge_bad", "That took too long, or was sent twice. Try again.")
        return note

    def __len__(self) -> int:
        return len(self._given)


class Patience:
    """How often anybody may try to sign in, whatever they try."""

    def __init__(self) -> None:
        self._all = Gcra(rate=ALL_RATE, burst=ALL_BURST, size=1)
        self._each = Gcra(rate=RATE, burst=BURST)

    def charge(self, address: str, now_s: float) -> None:
        """One try. Raises TryLater: sign_in_rate (429) for one address, sign_in_busy for all."""
        wait_s = self._each.take(address_key(address), now_s)
        if wait_s:
            raise TryLater("sign_in_rate", "Too many tries from here.", delay_s=wait_s, status=429)
        wait_s = self._all.take("all", now_s)
        if wait_s:
            raise TryLater("sign_in_busy", "Too many people are trying.", delay_s=wait_s)
