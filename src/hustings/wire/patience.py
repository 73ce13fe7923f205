"""How a client of ours waits before it tries again; pure.

The same rule as `pages/static/listener/protocol.js:retryDelay`: never sooner than the server asks,
and spread so that a crowd that was cut off together does not come back together. Called by the
commands that listen, by `hustings.load`, and (`asked_s`) by all who read an answer's Retry-After but
`hustings.client`, which stands alone.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

LONGEST_S: Final = 60.0
LONGEST_ASKED_S: Final = 600.0  # who asks for more is not believed
_CHARS: Final = 64  # of a header that is worth reading


def retry_delay_s(failures: int, asked_s: float, chance: float, spread_s: float = 1.0) -> float:
    """How long to wait after so many failures in a row (from 0).

    asked_s: the server's Retry-After, or 0. chance: 0..1, drawn anew each time.
    spread_s: over which each try is spread at least: the larger the crowd, the longer.
    """
    own_s = max(spread_s, min(spread_s, 1.0) * 2.0 ** min(failures, 9))
    return asked_s + chance * max(asked_s, min(LONGEST_S, own_s))


def asked_s(retry_after: str, date: str = "", *, most_s: float = LONGEST_ASKED_S) -> float:
    """Seconds that an answer asks to wait, 0 … `most_s`; 0 if it asks for nothing, or in nonsense.

    retry_after, date: its headers `Retry-After` (seconds, or a date) and `Date`, by whose clock a
    date is read; without it a date asks for nothing. Source: RFC 9110, 10.2.3 and 5.6.7.
    """
    text = retry_after.strip()[:_CHARS]
    if text.isascii() and text.isdigit():
        return min(float(text), most_s)
    until, now = _moment(text), _moment(date.strip()[:_CHARS])
    if until is None or now is None:
        return 0.0
    return min(max(0.0, (until - now).total_seconds()), most_s)


def _moment(text: str) -> datetime | None:
    """An HTTP date; without a zone it is UTC, as its oldest form is."""
    try:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
