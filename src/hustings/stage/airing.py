"""When a room's program is on air: the delay that has to fill, the gaps, the last held seconds. Pure.

Keeps true: parts begin only at a part's boundary and their numbers only rise; between going live
and the first part lies the whole delay; what was spoken before the end is aired before the room
has ended. Owned by `stage.hall`, which asks at each boundary and writes what comes of it.
"""

from typing import Protocol

from hustings.stage.mix.delay import DelayLine, Held, delay_ticks
from hustings.wire.kinds import Gap, Room
from hustings.wire.names import TICK_SAMPLES


class OnAir(Protocol):
    """What is steered here of `stage.sound.Sound`."""

    delay: DelayLine[Held]
    taking: bool

    @property
    def on_air(self) -> bool:
        """Whether parts are being made."""
        ...

    def go_on_air(self, next_part: int, *, radio: bool) -> None:
        """The next tick is the first of part `next_part`."""
        ...

    def radio(self, *, on: bool) -> None:
        """Whether the parts from here on have MP3 too."""
        ...

    def off_air(self) -> None:
        """No parts from here on."""
        ...

    def drop(self) -> None:
        """Off the air, and nothing is held back any more."""
        ...


class Airing:
    """One room's way on and off the air."""

    def __init__(self, sound: OnAir, next_part: int) -> None:
        self.next_part = next_part  # the first part that the journal does not hold
        self.reason = "not_live"  # why parts up to the next one are missing
        self.ending = False  # nothing new is taken; what is held runs out
        self._sound = sound

    def boundary(self, here: int, facts: Room) -> Gap | None:
        """Between two parts, before part `here`: begin or end the program.

        Returns what is missing, when the program begins.
        """
        sound = self._sound
        if facts.state != "live":
            sound.taking = False
            sound.drop()
            self.reason = "not_live"
            return None
        sound.taking = not self.ending
        self._resize(delay_ticks(facts.delay_s))
        if sound.on_air:
            sound.radio(on=facts.radio)
        elif sound.delay.full or self.ending:
            sound.go_on_air(here, radio=facts.radio)
            if here > self.next_part:
                return Gap(self.next_part, here - 1, self.reason)
        return None

    def _resize(self, length: int) -> None:
        delay = self._sound.delay
        if length == delay.length:
            return
        delay.resize(length)
        if self._sound.on_air and not delay.full:
            self._sound.off_air()
            self.reason = "delay"

    def made(self, n: int) -> None:
        """Part `n` is in the journal."""
        self.next_part = n + 1

    def dump(self, last: int) -> None:
        """What is held back is gone; sound begins anew behind part `last`."""
        self._sound.drop()
        self.next_part = max(self.next_part, last + 1)
        self.reason = "dump"

    def skip(self) -> None:
        """Time passed in which this process did not run."""
        self._sound.off_air()
        self.reason = "frozen"

    @property
    def run_out(self) -> bool:
        """Whether the room is ending and nothing more is held back."""
        return self.ending and not len(self._sound.delay)


def airs_at(media_time: int, facts: Room) -> int:
    """When what happens on the stage now is heard: media time in samples."""
    if facts.state != "live":
        return media_time
    return media_time + delay_ticks(facts.delay_s) * TICK_SAMPLES
