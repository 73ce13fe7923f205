"""A speaker's line with loss, jitter and drift, in virtual time: what came when."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple


class Arrival(NamedTuple):
    seconds: float
    seq: int  # 16 bits, wrapped
    timestamp: int  # 32 bits, wrapped
    payload: bytes


@dataclass
class Line:
    """loss: share; burst: packets lost in a row; jitter_s: uniform extra delay; ppm: the sender's
    clock against ours; ordered: a packet never overtakes another."""

    loss: float = 0.0
    burst: int = 1
    jitter_s: float = 0.0
    ppm: float = 0.0
    ordered: bool = False
    seed: int = 1
    first_seq: int = 65_500
    first_timestamp: int = 2**32 - 48_000
    samples: int = 960
    start_s: float = 100.0

    def carry(self, packets: Iterable[bytes]) -> list[Arrival]:
        """What arrives, in the order of arrival."""
        chance = random.Random(self.seed)
        arrived: list[Arrival] = []
        losing = 0
        latest = 0.0
        for n, packet in enumerate(packets):
            if losing == 0 and chance.random() < self.loss / self.burst:
                losing = self.burst
            delay = 0.020 + chance.uniform(0, self.jitter_s)
            if losing:
                losing -= 1
                continue
            sent = self.start_s + n * self.samples / 48_000 * (1 + self.ppm / 1e6)
            at = sent + delay
            latest = at = max(at, latest) if self.ordered else at
            seq = (self.first_seq + n) % 2**16
            timestamp = (self.first_timestamp + n * self.samples) % 2**32
            arrived.append(Arrival(at, seq, timestamp, packet))
        return sorted(arrived)


def ticking(
    arrivals: Iterable[Arrival],
    put: Callable[[int, int, bytes, float], None],
    *,
    start_s: float = 100.0,
    seconds: float,
) -> Iterator[float]:
    """Deliver what came before each tick of 20 ms, and yield the tick's time."""
    waiting = iter(arrivals)
    upcoming = next(waiting, None)
    for tick in range(int(seconds * 50)):
        now = start_s + 0.0137 + tick * 0.020
        while upcoming is not None and upcoming.seconds <= now:
            put(upcoming.seq, upcoming.timestamp, upcoming.payload, upcoming.seconds)
            upcoming = next(waiting, None)
        yield now
