"""How long each has spoken, from `level` entries alone: the fair-time meter. Pure.

Whoever speaks at the same time as another is counted too, so the sum may exceed the evening's
length. The stage and anybody with the journal come to the same numbers.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hustings.wire.names import SAMPLE_RATE

PEOPLE: Final = 500  # beyond, who spoke least is forgotten


class Spoken:
    """Media time spoken by each, in samples."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}  # id -> samples, without what runs
        self._since: dict[str, int] = {}  # who speaks now -> media time

    def hear(self, speaking: Iterable[str], at: int) -> None:
        """From media time `at` on these and nobody else speak."""
        now = set(speaking)
        for who in self._since.keys() - now:
            self._until[who] = self.samples(who, at)
            del self._since[who]
        for who in now - self._since.keys():
            self._since[who] = at
        if len(self._until) > PEOPLE:
            idle = self._until.keys() - self._since.keys()
            del self._until[min(idle, key=self._until.__getitem__)]

    def skip(self, samples: int) -> None:
        """Media time passed in which nobody was heard."""
        self._since = {who: since + samples for who, since in self._since.items()}

    def samples(self, who: str, at: int) -> int:
        """What one has spoken until media time `at`."""
        running = max(0, at - self._since[who]) if who in self._since else 0
        return self._until.get(who, 0) + running

    def seconds(self, at: int) -> dict[str, int]:
        """All who spoke a second or more."""
        known = self._until.keys() | self._since.keys()
        spoken = {who: self.samples(who, at) // SAMPLE_RATE for who in sorted(known)}
        return {who: seconds for who, seconds in spoken.items() if seconds}

    def state(self, at: int) -> dict[str, Any]:
        """What `restore` needs, as plain data, at media time `at`."""
        known = self._until.keys() | self._since.keys()
        return {
            "at": at,
            "samples": {who: self.samples(who, at) for who in known},
            "speaking": list(self._since),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where an earlier run of the stage stood."""
        self._until = dict(state.get("samples", {}))
        self._since = dict.fromkeys(state.get("speaking", ()), int(state.get("at", 0)))
