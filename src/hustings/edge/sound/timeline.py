"""What media time is it on the stage? Pure; used by `edge.sound.program`.

The stage says so once a second (feed `position`); between two words, and when it is dead or
frozen, the edge's own monotonic clock carries the time on. A word can only come too late, never
too early, so the earliest ones are the true ones: the clock takes what is ahead of it at once and
follows what is behind it by 2 ms a second (drift of the two machines' quartz). If the stage stays
behind for 4 s (it restarted with another wall clock), the edge gives in and takes its time.
"""

from typing import Final

from hustings.wire.names import PART_SAMPLES, SAMPLE_RATE

_SLEW: Final = 0.002  # seconds a second; quartz drifts by less than 0.0002
_PATIENCE_S: Final = 4.0  # longer than a frozen feed takes to hand over what it held back


class MediaClock:
    """Media time of the stage as a function of the local monotonic clock."""

    def __init__(self) -> None:
        self._offset: float | None = None  # media seconds minus monotonic seconds
        self._heard_s = 0.0
        self._behind_since: float | None = None

    @property
    def known(self) -> bool:
        """Whether the stage has ever said."""
        return self._offset is not None

    def observe(self, media_time: int, now_s: float) -> None:
        """The stage said `media_time` (samples); we hear it at `now_s`."""
        heard = media_time / SAMPLE_RATE - now_s
        if self._offset is None or heard >= self._offset:
            self._set(heard, now_s)
            return
        self._offset -= min(self._offset - heard, _SLEW * (now_s - self._heard_s))
        self._heard_s = now_s
        if self._offset - heard <= PART_SAMPLES / SAMPLE_RATE:
            self._behind_since = None
        elif self._behind_since is None:
            self._behind_since = now_s
        elif now_s - self._behind_since >= _PATIENCE_S:
            self._set(heard, now_s)

    def media_time(self, now_s: float) -> int:
        """Samples since the room's epoch, at `now_s`; 0 if nothing is known."""
        return 0 if self._offset is None else max(0, int((self._offset + now_s) * SAMPLE_RATE))

    def _set(self, offset: float, now_s: float) -> None:
        self._offset, self._heard_s, self._behind_since = offset, now_s, None
