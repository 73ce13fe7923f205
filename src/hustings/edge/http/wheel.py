"""Deadlines of many connections, swept by one timer. Pure.

A connection lies in the bucket of the second of its deadline as it was when put there; a deadline
that moved later is noticed when the bucket comes up. So moving a deadline costs nothing, and ten
thousand connections cost one timer.
"""

from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """Whatever has a deadline (monotonic seconds) and knows its bucket (-1: in none)."""

    deadline: float
    bucket: int


T = TypeVar("T", bound=Timed)


class Wheel(Generic[T]):
    """Buckets of one second."""

    def __init__(self) -> None:
        self._buckets: dict[int, set[T]] = {}
        self._swept: int | None = None  # all buckets before this one are empty

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values()))

    def add(self, item: T) -> None:
        """Watch an item's deadline; if it is watched already, its new one if that is earlier."""
        bucket = int(item.deadline)
        if self._swept is not None:
            bucket = max(bucket, self._swept)
        if item.bucket >= 0:
            if item.bucket <= bucket:
                return
            self.remove(item)
        item.bucket = bucket
        self._buckets.setdefault(bucket, set()).add(item)

    def remove(self, item: T) -> None:
        """Watch it no longer."""
        if (bucket := self._buckets.get(item.bucket)) is not None:
            bucket.discard(item)
            if not bucket:
                del self._buckets[item.bucket]
        item.bucket = -1

    def expired(self, now_s: float) -> list[T]:
        """Take out all whose deadline has passed by `now_s`; called a few times a second."""
        now = int(now_s)
        self._swept = now
        late: list[T] = []
        for second in [second for second in self._buckets if second <= now]:
            for item in list(self._buckets[second]):
                if item.deadline <= now_s:
                    self.remove(item)
                    late.append(item)
                elif int(item.deadline) > second:
                    self.remove(item)
                    self.add(item)
        return late
