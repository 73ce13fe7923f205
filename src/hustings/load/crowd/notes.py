"""What one process notes of its crowd, and of itself; each note O(1), all bounded. Pure.

`load.crowd.process` writes, `load.crowd.tally` has the counters, the result is `orders.Findings`.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from hustings.load.crowd.tally import PERSONS, Refusals, Seconds, percentile
from hustings.load.rehearsal.orders import Decoded, Findings, News, Own, Person

_KEPT_MS: Final = 200_000


class Notes:
    """One process's. Times are seconds since the common start."""

    def __init__(self) -> None:
        self.bytes = 0
        self.no_files = 0  # connections that this machine itself refused
        self._seconds = Seconds()
        self._refusals = Refusals()
        self._faults = Counter[str]()
        self._persons: list[Person] = []
        self._untold = self._due = self._heard = self._told_bytes = 0
        self._late_ms: list[float] = []
        self._loop_ms: list[float] = []
        self._worst_ms = 0.0

    def came(self, due_s: float, now_s: float) -> None:
        """A person's moment was `due_s`; they begin now."""
        late_ms = (now_s - due_s) * 1_000
        self._due += 1
        self._seconds.add("due", due_s)
        self._seconds.most("late_ms", due_s, late_ms)
        if len(self._late_ms) < _KEPT_MS:
            self._late_ms.append(late_ms)

    def sound(self, now_s: float) -> None:
        """Somebody's first sound."""
        self._heard += 1
        self._seconds.add("first_sounds", now_s)

    def stalled(self, now_s: float) -> None:
        """Somebody's buffer had run dry."""
        self._seconds.add("stalls", now_s)

    def refused(
        self, code: str, status: int, retry_after: str, *, tried_s: float, now_s: float
    ) -> None:
        """An answer that is no stream."""
        self._refusals.add(code, status, retry_after, (now_s - tried_s) * 1_000)
        self._seconds.add("refusals", now_s)

    def broke(self, reason: str, now_s: float) -> None:
        """A connection that broke, or never stood."""
        self._faults[reason] += 1
        self._seconds.add("broken", now_s)

    def looked(self, late_ms: float) -> None:
        """Our own timer was so late."""
        self._worst_ms = max(self._worst_ms, late_ms)
        if len(self._loop_ms) < _KEPT_MS:
            self._loop_ms.append(late_ms)

    def keep(self, person: Person) -> None:
        """A person is done."""
        if len(self._persons) < PERSONS:
            self._persons.append(person)
        else:
            self._untold += 1

    def news(self, now_s: float, *, hearing: int, waiting: int) -> News:
        """How it stands; once a second."""
        self._seconds.add("hearing", now_s, hearing)
        self._seconds.add("waiting", now_s, waiting)
        self._seconds.add("bytes", now_s, self.bytes - self._told_bytes)
        self._seconds.most("late_ms", now_s, self._worst_ms)
        late_ms, self._worst_ms = self._worst_ms, 0.0
        self._told_bytes = self.bytes
        return News(
            at_s=round(now_s, 2),
            due=self._due,
            hearing=hearing,
            waiting=waiting,
            heard=self._heard,
            refused=self._refusals.count,
            broken=self._faults.total(),
            bytes=self.bytes,
            late_ms=round(late_ms, 1),
        )

    def result(self, *, cpu: float, decoded: Iterable[Decoded], ended_early: bool) -> Findings:
        """Everything. cpu: the share of a core that we used."""
        return Findings(
            persons=self._persons,
            untold=self._untold,
            refusals=self._refusals.by_code,
            refusal_ms=self._refusals.sample_ms,
            faults=dict(self._faults),
            seconds=self._seconds.result(),
            decoded=list(decoded),
            bytes=self.bytes,
            own=Own(
                cpu=round(cpu, 3),
                late_p99_ms=round(percentile(self._late_ms, 0.99), 1),
                late_max_ms=round(max(self._late_ms, default=0.0), 1),
                loop_p99_ms=round(percentile(self._loop_ms, 0.99), 1),
                loop_max_ms=round(max(self._loop_ms, default=0.0), 1),
                no_files=self.no_files,
            ),
            ended_early=ended_early,
        )
