"""How widely listeners who are cut off together must spread their return. Pure.

A crowd comes back over `2 N / rate` seconds, at half of what another edge's door lets in, so that
strangers still get in. Pages learn it beforehand, since nobody can tell them afterwards:
with the event `state` when they come, and by an event of its own (`reconnect`) when the crowd has
grown or shrunk so much that it matters: some 40 times on the way to 15,000. Source: overload.md
would have N / spread <= half of the admit rate. Owned by `edge.app`.
"""

from typing import Final

USUAL: Final = 4_000.0
LEAST_S: Final = 0.25  # few listeners: almost at once
LONGEST_S: Final = 30.0  # the backlog is 40 s
_AHEAD: Final = 1.1  # told for a crowd this much larger, so that growth is told rarely
_SHRUNK: Final = 3.0


class Spread:
    """What one edge's listeners are told."""

    def __init__(self) -> None:
        self.told_s = LEAST_S
        self.rate = USUAL  # newcomers that an edge lets in a second

    def needed_s(self, listeners: int) -> float:
        """Seconds over which so many must spread."""
        return min(LONGEST_S, max(LEAST_S, 2 * listeners / self.rate))

    def changed(self, listeners: int) -> bool:
        """Whether `told_s` had to change, so that all must be told."""
        needed = self.needed_s(listeners)
        if self.told_s / _SHRUNK <= needed <= self.told_s:
            return False
        before, self.told_s = self.told_s, min(LONGEST_S, round(needed * _AHEAD, 2))
        if needed == LEAST_S:
            self.told_s = LEAST_S
        return self.told_s != before
