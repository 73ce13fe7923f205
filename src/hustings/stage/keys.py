"""Idempotency keys: which entry was asked for under which key, the newest `REMEMBERED` of them. Pure.

Owned by `stage.hall.record`; in the journal as `key` entries and in the stage's snapshots.
"""

from collections.abc import Mapping
from typing import Final

REMEMBERED: Final = 1_000


class Keys:
    """Those of one room."""

    def __init__(self) -> None:
        self._seqs: dict[str, int] = {}

    def get(self, key: str) -> int | None:
        """The entry's sequence number, if this key was used lately."""
        return self._seqs.get(key)

    def add(self, key: str, seq: int) -> None:
        """The entry that was written under it."""
        self._seqs[key] = seq
        if len(self._seqs) > 2 * REMEMBERED:
            self._seqs = self.state()

    def state(self) -> dict[str, int]:
        """What `restore` needs."""
        return dict(list(self._seqs.items())[-REMEMBERED:])

    def restore(self, state: Mapping[str, int]) -> None:
        """Go on where an earlier run of the stage stood."""
        self._seqs = dict(state)
