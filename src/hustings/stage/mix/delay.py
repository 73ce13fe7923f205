"""The broadcast delay: the program waits here, as plain samples, before it is encoded. Pure.

Keeps true: what is dropped here was never encoded, journalled or sent, so no copy of it exists
anywhere; a kill of the process drops it too. The voices of those whose own track is kept wait
beside the mix, so that tracks have the mix's time. Lengths are whole parts, so that parts begin where
they began without a delay. Owned by `stage.sound`. Why here: docs/decisions/0004.
"""

from collections import deque
from collections.abc import Iterator
from math import ceil
from typing import Generic, NamedTuple, TypeVar

from hustings.base.errors import UserError
from hustings.media.pcm import Pcm
from hustings.wire.kinds import DELAYS_S
from hustings.wire.names import PART_SECONDS, PART_TICKS


def chosen_delay(seconds: object) -> int:
    """What a host asks for, or UserError `delay_bad`."""
    if type(seconds) is not int or seconds not in DELAYS_S:
        raise UserError("delay_bad", "A broadcast delay is 0 (none), or 3 to 7 whole seconds.")
    return seconds


def delay_ticks(seconds: int) -> int:
    """The wished delay in ticks: the next whole part, so 5 s are 5.12 s."""
    return ceil(seconds / PART_SECONDS) * PART_TICKS


class Held(NamedTuple):
    """One tick of what is to be aired."""

    program: Pcm
    voices: dict[str, Pcm]  # of those whose own track is kept, if they are heard


T = TypeVar("T")


class DelayLine(Generic[T]):
    """The newest `length` ticks, oldest first; at 7 s 350: 1.4 MB of program, as much a voice."""

    def __init__(self) -> None:
        self.length = 0
        self._held: deque[T] = deque()

    def __iter__(self) -> Iterator[T]:
        return iter(self._held)

    def __len__(self) -> int:
        return len(self._held)

    @property
    def full(self) -> bool:
        """Whether each further tick lets one out."""
        return len(self._held) >= self.length

    def resize(self, length: int) -> None:
        """Another delay, in ticks. A shorter one drops the oldest; a longer one has to fill."""
        self.length = length
        while len(self._held) > length:
            self._held.popleft()

    def tick(self, spoken: T | None) -> T | None:
        """Take what is spoken now, give what is aired now; None: nothing is.

        spoken None: nothing comes any more, the rest runs out.
        """
        if spoken is not None:
            self._held.append(spoken)
            if len(self._held) <= self.length:
                return None
        return self._held.popleft() if self._held else None

    def clear(self) -> None:
        """Drop everything."""
        self._held.clear()
