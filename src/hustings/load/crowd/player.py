"""What one listener of a rehearsal hears: a buffer of 0.65 s, in a handful of numbers. Pure.

`cli.listening.Ear` is the exact model of the page; this one keeps no sound and no list, since it
runs for each of thousands. It knows one thing: when the sound that has come will be played up
(`dry_s`). A part that comes later than that was waited for in silence; a part whose number is
too high means that what lies between is lost. Called by `load.crowd.process` for each part.
"""

from typing import Final

from hustings.wire.names import PART_SECONDS

START_S: Final = 0.47  # enough to begin, as the page
TARGET_S: Final = 0.65  # seconds that are held just after a part came
MARGIN_S: Final = 0.15  # ... and when parts come joined: their length and this
FASTER: Final = 0.04  # behind: seconds gained in each second heard
SLOWER: Final = 0.08  # short of the target: seconds won for the buffer in each second heard
NEAR_S: Final = 0.05
LONGEST_S: Final = 32.0  # more than the server keeps: the page jumps


class Player:
    """One listener's. Parts are numbers, times monotonic seconds."""

    __slots__ = (
        "_held_s",
        "dry_s",
        "lost",
        "next",
        "parts",
        "pieces",
        "silence_s",
        "stalls",
        "started_s",
    )

    def __init__(self) -> None:
        self.next = -1  # the part that is needed next; -1: any
        self.parts = 0
        self.pieces = 0  # fragments that they came in: an edge under pressure joins parts
        self.lost = 0  # parts that will never be heard
        self.silence_s = 0.0  # waited through, from the first sound on
        self.stalls = 0
        self.started_s: float | None = None
        self.dry_s = 0.0
        self._held_s = 0.0  # before the start

    def took(self, first: int, count: int, now_s: float) -> None:
        """Parts `first` … came, as one piece."""
        if self.next >= 0 and first < self.next:  # a second time: after a resumption
            count -= self.next - first
            first = self.next
        if count <= 0:
            return
        if 0 <= self.next < first:
            self.lost += first - self.next
        self.next = first + count
        self.parts += count
        self.pieces += 1
        length_s = count * PART_SECONDS
        target_s = max(TARGET_S, length_s + MARGIN_S)
        if self.started_s is None:
            self._held_s += length_s
            if self._held_s >= START_S:
                self.started_s = now_s
                self.dry_s = now_s + min(self._held_s, target_s)
            return
        if now_s > self.dry_s:
            self._wait(now_s)
        self.dry_s += length_s
        over_s = self.dry_s - now_s - target_s
        if over_s > LONGEST_S:
            self.lost += int(over_s / PART_SECONDS)
            self.dry_s = now_s + target_s
        elif over_s > NEAR_S:
            self.dry_s -= min(over_s, FASTER * length_s)
        elif over_s < -NEAR_S:
            self.dry_s += min(-over_s, SLOWER * length_s)

    def end(self, now_s: float) -> None:
        """The rehearsal ends: silence until now counts."""
        if self.started_s is not None and now_s > self.dry_s:
            self._wait(now_s)

    def _wait(self, now_s: float) -> None:
        self.silence_s += now_s - self.dry_s
        self.stalls += 1
        self.dry_s = now_s
