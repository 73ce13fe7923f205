"""How often links may be asked for: of one address, from one place, and in all; pure.

What is refused costs nobody else anything, and all tables are bounded (65,536 keys each): a flood
costs precision, never memory. Passkeys have limits of their own, so a flood here shuts nobody out
who has one.
"""

import hashlib
from typing import Final

from hustings.base.errors import TryLater
from hustings.base.limits import Gcra, address_key, network_key

# (a second, at once)
OF_MAILBOX: Final = (1 / 300, 3.0)  # nobody's mailbox is flooded: 3, then one each 5 minutes
OF_SOURCE: Final = (0.2, 30.0)  # an IP address; a newsroom shares one
OF_NETWORK: Final = (1.0, 100.0)  # IPv4 /24, IPv6 /48
OF_ALL: Final = (5.0, 300.0)  # what a mail server takes without slowing down


class Asking:
    """The counts so far."""

    def __init__(self) -> None:
        self._mailbox, self._source, self._network = (
            Gcra(rate=rate, burst=burst) for rate, burst in (OF_MAILBOX, OF_SOURCE, OF_NETWORK)
        )
        self._all = Gcra(rate=OF_ALL[0], burst=OF_ALL[1], size=1)

    def charge(self, address: str, source: str, now_s: float) -> None:
        """One link. Raises TryLater: sign_in_rate (429) for one address or place, sign_in_busy for all."""
        key = address_key(source)
        mailbox = hashlib.blake2s(address.encode(), digest_size=16).hexdigest()
        tables = ((self._mailbox, mailbox), (self._source, key), (self._network, network_key(key)))
        wait_s = max(table.wait(name, now_s) for table, name in tables)
        if wait_s:
            raise TryLater("sign_in_rate", "Too many tries from here.", delay_s=wait_s, status=429)
        wait_s = self._all.take("all", now_s)
        if wait_s:
            raise TryLater("sign_in_busy", "Too many people are trying.", delay_s=wait_s)
        for table, name in tables:
            table.charge(name, now_s)

    def __len__(self) -> int:
        return len(self._mailbox) + len(self._source) + len(self._network) + len(self._all)
