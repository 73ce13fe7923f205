"""How a client of ours waits before it tries again; pure.

The same rule as `pages/static/listener/protocol.js:retryDelay`: never sooner than the server asks,
and spread so that a crowd that was cut off together does not come back together. Called by the
commands that listen and by `hustings.load`.
"""

from typing import Final

LONGEST_S: Final = 60.0
_LONGEST_ASKED_S: Final = 600.0  # nobody may ask for more


def retry_delay_s(failures: int, asked_s: float, chance: float, spread_s: float = 1.0) -> float:
    """How long to wait after so many failures in a row (from 0).

    asked_s: the server's Retry-After, or 0. chance: 0..1, drawn anew each time.
    spread_s: over which each try is spread at least: the larger the crowd, the longer.
    """
    own_s = max(spread_s, min(spread_s, 1.0) * 2.0 ** min(failures, 9))
    return asked_s + chance * max(asked_s, min(LONGEST_S, own_s))


def asked_s(header: str) -> float:
    """Seconds of a `Retry-After`; 0 if it is empty, nonsense or a date."""
    text = header.strip()
    known = text.isascii() and text.isdigit() and len(text) < 10
    return min(float(text), _LONGEST_ASKED_S) if known else 0.0
