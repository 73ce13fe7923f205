"""One stream to many listeners: which cohort somebody joins, and when each gets how many parts.

Keeps true: newcomers join at the pace that holds now; those present are told first and change
after `GRACE_S`, so that their players can gather the longer buffer (the ladder's promise); a
change of pace loses and doubles nothing. The cohorts that a part makes due stand in one `Round`
that is written a slice at a time: never all sockets in one burst. `edge.live_room` owns the channels
and calls; `edge.sound.cohort` does the writing. Pure: no clock, no loop.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final

from hustings.edge.metrics import Counts
from hustings.edge.sound.cohort import SIZE, Cohort, Listener, Stream
from hustings.wire.kinds import Dump

JOIN_PARTS: Final = 2  # what a newcomer gets at once when each part is sent by itself
SPREAD_S: Final = 0.160  # half a part: within it all cohorts of one part are written
PAUSE_S: Final = 0.005  # between two slices, at most
GRACE_S: Final = 10.0  # from the announcement of a slower pace until those present take it


class Channel:
    """All listeners of one stream."""

    def __init__(self, stream: Stream, *, limit: int, counts: Counts, joined: int = 1) -> None:
        """joined: parts of one send for whoever comes now."""
        self.stream = stream
        self.joined = joined
        self.next = stream.newest()  # the part after the last that is due
        self.cohorts: list[Cohort] = []
        self.limit = limit  # unsent bytes at which a listener is paused
        self._counts = counts
        self._welcomes: dict[tuple[int | None, Cohort], tuple[bytes, int]] = {}

    def __len__(self) -> int:
        return sum(cohort.size for cohort in self.cohorts)

    @property
    def slow(self) -> int:
        """Listeners who are skipped until their line has drained."""
        return sum(cohort.slow for cohort in self.cohorts)

    def send(self, fresh: range) -> list[Cohort]:
        """Parts became due; returns the cohorts that are to `send` now."""
        self._welcomes.clear()
        self.stream.advance(fresh)
        if fresh.start != self.next:  # the timeline jumped: over the hole, all together
            for cohort in self.cohorts:
                cohort.next = fresh.start
        self.next = fresh.stop
        self.cohorts = [cohort for cohort in self.cohorts if cohort.size]
        return [cohort for cohort in self.cohorts if cohort.due(self.next)]

    def forget(self, dumps: Sequence[Dump]) -> None:
        """Sound was taken back: nobody gets it from what was made already."""
        self._welcomes.clear()
        self.stream.forget(dumps)

    def join(self, listener: Listener, head: bytes, wished: int | None) -> None:
        """A newcomer: the head of their answer, then opening and what has been sent already."""
        cohort = self._open_cohort()
        key = (wished, cohort)
        if (welcome := self._welcomes.get(key)) is None:
            lead = max(JOIN_PARTS, self.joined + 1 if self.joined > 1 else 0)
            welcome = self._welcomes[key] = cohort.welcome(wished, lead)
        self._counts.joins += 1
        cohort.join(listener, head, *welcome)

    def _open_cohort(self) -> Cohort:
        for cohort in self.cohorts:
            if cohort.size < SIZE and cohort.joined == self.joined:
                return cohort
        cohort = Cohort(
            self.stream,
            limit=self.limit,
            counts=self._counts,
            newest=self.next,
            joined=self.joined,
            phase=len(self.cohorts) % self.joined,
        )
        self.cohorts.append(cohort)
        return cohort

    def settle(self) -> None:
        """Those present take the pace of newcomers too."""
        for i, cohort in enumerate(self.cohorts):
            cohort.reshape(self.joined, i)

    def end(self, *, whole: bool) -> None:
        """Close all; `whole`: the stream is complete (its room has ended), and says so."""
        for cohort in self.cohorts:
            cohort.end(whole=whole)
        self.cohorts.clear()


class Round:
    """Cohorts that wait to be written to, first come first; of all rooms of an edge."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Cohort, Channel]] = deque()
        self._queued: set[Cohort] = set()

    def add(self, channel: Channel, due: list[Cohort]) -> None:
        """They are due; who still waits from the part before gets both in one send."""
        for cohort in due:
            if cohort not in self._queued:
                self._queued.add(cohort)
                self._waiting.append((cohort, channel))

    def turn(self) -> float | None:
        """Write one slice; returns the pause before the next, or None if all are written."""
        written = 0
        while self._waiting and written < SIZE:
            cohort, channel = self._waiting.popleft()
            self._queued.discard(cohort)
            written += cohort.size
            cohort.send(channel.next)
        if not self._waiting:
            return None
        return min(PAUSE_S, SPREAD_S / len(self._waiting))

    def finish(self) -> None:
        """Write all now: a room ends."""
        while self.turn() is not None:
            pass
