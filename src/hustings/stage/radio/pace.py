"""When each 20 ms of a studio's sound is due; pure.

A studio's line is TCP: sound comes in bursts, stops when the network does, and then comes all at
once. Keeps true: block n is due n x 20 ms after the first one and `AHEAD_S`, so a file that is sent
as fast as the line takes it is heard at its own speed; after a stall what is late is left out, as
live sound must not stay late; a studio whose clock is slow gets `AHEAD_S` again now and then.
Called in the thread of `stage.radio.studio_line`.
"""

from typing import Final

from hustings.wire.names import SAMPLE_RATE, TICK_SAMPLES

BLOCK_S: Final = TICK_SAMPLES / SAMPLE_RATE
AHEAD_S: Final = 0.5  # held back: what a network may pause without being heard
LATE_S: Final = 0.3


class Pace:
    """One line's schedule."""

    def __init__(self) -> None:
        self.dropped = 0  # blocks left out because they came too late
        self.pauses = 0  # times that the schedule began anew
        self._next_s: float | None = None

    def due_s(self, now_s: float, *, more: bool) -> float | None:
        """When the next block is to be heard; None: never, it is too late and more wait behind it.

        more: further sound has come already.
        """
        due_s = now_s + AHEAD_S if self._next_s is None else self._next_s
        late = now_s - due_s > LATE_S
        if late and not more:
            self.pauses += 1
            due_s = now_s + AHEAD_S
        self._next_s = due_s + BLOCK_S
        if late and more:
            self.dropped += 1
            return None
        return due_s
