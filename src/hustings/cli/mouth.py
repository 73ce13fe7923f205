"""What `say` speaks and when: blocks of 20 ms on an exact schedule.

Keeps true: block n is due (n + 1) x 20 ms after the first one began, however late the one before
was, so that an hour of sound takes an hour. `Mouth` is told the time and sleeps nowhere.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from hustings.base.clock import Clock
from hustings.media.beep import LENGTH, beep_block
from hustings.media.pcm import Pcm
from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

TICK_S: Final = TICK_SAMPLES / SAMPLE_RATE
LATEST_S: Final = 0.2  # beyond it blocks are skipped, as a microphone's buffer would overflow
_SLIP: Final = SAMPLE_RATE * 3 // 1_000  # between beep and wall clock before they are joined again


Speak = Callable[[float], Pcm | None]
"""The block that begins at this monotonic second, or None at the end."""


class Mouth:
    """Gives the next block and when it is due; counts what came too late."""

    def __init__(self, speak: Speak, start_s: float) -> None:
        self._speak = speak
        self._start_s = start_s
        self.spoken = 0  # blocks given or skipped
        self.skipped = 0
        self.latest_s = 0.0

    @property
    def due_s(self) -> float:
        """When the next block has been spoken to its end."""
        return self._start_s + (self.spoken + 1) * TICK_S

    def next(self, now_s: float) -> Pcm | None:
        """The block that is due at `now_s`; None at the end. Call it when `due_s` has come."""
        self.latest_s = max(self.latest_s, now_s - self.due_s)
        while now_s - self.due_s > LATEST_S:
            if self._take() is None:
                return None
            self.skipped += 1
        return self._take()

    def _take(self) -> Pcm | None:
        block = self._speak(self.due_s - TICK_S)
        self.spoken += block is not None
        return block


def file_speech(read: Callable[[], Iterator[Pcm]], *, loop: bool) -> Speak:
    """The blocks that `read` gives, once or again and again."""
    blocks = read()

    def speak(_begin_s: float) -> Pcm | None:
        nonlocal blocks
        block = next(blocks, None)
        if block is None and loop:
            blocks = read()
            block = next(blocks, None)
        return block

    return speak


def file_in_step(blocks: Sequence[Pcm], clock: Clock) -> Speak:
    """The file for ever, its place given by the wall clock: voices that do so take turns.

    blocks: the whole file (a minute is 12 MB).
    """
    place: int | None = None

    def speak(begin_s: float) -> Pcm | None:
        nonlocal place
        if place is None:
            wall_s = clock.wall_ms() / 1_000 + begin_s - clock.monotonic()
            place = int(wall_s / TICK_S)
        place += 1
        return blocks[(place - 1) % len(blocks)] if blocks else None

    return speak


class Beeper:
    """The coded beep of each wall second, for ever; follows a clock that is slowly set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next: int | None = None  # wall samples of the next block

    def __call__(self, begin_s: float) -> Pcm:
        """The block whose first sample is spoken at this monotonic second."""
        wall_s = self._clock.wall_ms() / 1_000 + begin_s - self._clock.monotonic()
        true = round(wall_s * SAMPLE_RATE)
        now = true if self._next is None else self._next
        quiet = now % SAMPLE_RATE > LENGTH  # between two beeps a step is not heard
        if quiet and abs(true - now) > _SLIP:
            now = true
        self._next = now + TICK_SAMPLES
        return beep_block(now)
