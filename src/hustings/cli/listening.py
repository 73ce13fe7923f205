"""What a listener hears of a stream: a model of the page's player, and the numbers. Pure.

Keeps true: the model follows the rule of `pages/static/listener/player.js` (start, target, rate,
gaps), so that its delay and silences are those that a person at the page has, less the sound
card. Two figures are kept apart: *lost* is media time that is never played, *silence* is what
the listener waits through (`absent`) or hears instead of the room (`hold`). Times come in as
monotonic seconds, media times are samples at 48 kHz. Called by `cli.listen`; tested in virtual
time.
"""

import math
from collections import deque
from statistics import median
from typing import Final, NamedTuple

from hustings.wire.names import PART_SECONDS, SAMPLE_RATE

MARGIN_S: Final = 0.15  # what a part may be late before silence
DRIFT_S: Final = 0.05  # beyond the target: play a little faster
FASTEST: Final = 1.04
LOST_S: Final = 32.0  # more than the server keeps: give up and jump
_SPACINGS: Final = 8
_BURST_S: Final = 0.05  # parts closer together came in one go
_MARKS: Final = 64
_BUCKET_S: Final = 2.0
_BUCKETS: Final = 20_000  # eleven hours


class Stretch(NamedTuple):
    """Sound without a hole, in samples: `start` <= its time < `end`."""

    start: float
    end: float
    hold: bool


class Ear:
    """The player: is fed parts as they come, and plays them as the page would.

    target_s: seconds buffered just after a part came, when all is well; None: as the page,
    which adapts it to the spacing of parts (HLS players are told it by the playlist).
    """

    def __init__(self, target_s: float | None = None) -> None:
        self._fixed_s = target_s
        self._waiting: deque[Stretch] = deque()
        self._spacings: deque[float] = deque(maxlen=_SPACINGS)
        self._arrived_s: float | None = None
        self._now_s = 0.0
        self._rate = 1.0
        self._marks: deque[tuple[float, int]] = deque(maxlen=_MARKS)
        self._dry = False
        self.position: float | None = None  # media time heard now; None before the first sound
        self.started_s: float | None = None
        self.played = 0.0  # samples
        self.lost = 0.0
        self.hold = 0.0
        self.absent_s = 0.0
        self.stalls = 0
        self.passed: list[tuple[int, float]] = []  # marks that were heard, and when

    @property
    def target_s(self) -> float:
        """Seconds that the player wants to hold just after a part came."""
        if self._fixed_s is not None:
            return self._fixed_s
        return max(PART_SECONDS, *self._spacings, 0.0) + MARGIN_S

    @property
    def ahead_s(self) -> float:
        """Seconds of sound waiting to be played."""
        if self.position is None or not self._waiting:
            return 0.0
        return max(0.0, self._waiting[-1].end - self.position) / SAMPLE_RATE

    def mark(self, sample: float, tag: int) -> None:
        """Report in `passed` when this media time is heard."""
        self._marks.append((sample, tag))

    def arrive(self, start: int, end: int, now_s: float, *, hold: bool = False) -> None:
        """Sound from `start` to `end` came; what has been played already is not played again."""
        self.advance(now_s)
        spacing = math.inf if self._arrived_s is None else now_s - self._arrived_s
        if spacing > _BURST_S:
            if self._arrived_s is not None:
                self._spacings.append(min(3.0, spacing))
            self._arrived_s = now_s
        last = self._waiting[-1].end if self._waiting else self.position
        begin = start if last is None else max(float(start), last)
        if end > begin:
            self._waiting.append(Stretch(begin, end, hold))
        self._steer(now_s)

    def advance(self, now_s: float) -> None:
        """Play until `now_s`."""
        time_s, self._now_s = self._now_s, max(now_s, self._now_s)
        while self.position is not None and time_s < self._now_s:
            if not self._waiting:
                self.absent_s += self._now_s - time_s
                self.stalls += not self._dry
                self._dry = True
                return
            self._dry = False
            time_s = self._play(self._waiting[0], time_s)

    def _play(self, stretch: Stretch, time_s: float) -> float:
        """Hear of the first stretch what fits until now; returns the time of its last sample."""
        assert self.position is not None
        if stretch.start > self.position:  # a hole: the page seeks over it
            self.lost += stretch.start - self.position
            self.position = stretch.start
        speed = self._rate * SAMPLE_RATE
        heard = min(stretch.end - self.position, (self._now_s - time_s) * speed)
        for sample, tag in list(self._marks):
            if self.position <= sample < self.position + heard:
                self.passed.append((tag, time_s + (sample - self.position) / speed))
                self._marks.remove((sample, tag))
        self.position += heard
        self.played += heard
        self.hold += heard if stretch.hold else 0.0
        if self.position >= stretch.end - 1e-6:
            self._waiting.popleft()
            return time_s + heard / speed
        return self._now_s

    def _steer(self, now_s: float) -> None:
        """The page's rule after each part: where to play, and how fast."""
        if not self._waiting:
            return
        end = self._waiting[-1].end
        if self.position is None:
            wanted = self._fixed_s or PART_SECONDS + MARGIN_S
            if end - self._waiting[0].start < wanted * SAMPLE_RATE - 1:
                return
            self.started_s = now_s
            self._seek(end - wanted * SAMPLE_RATE, lost=False)
        over_s = self.ahead_s - self.target_s
        if over_s > LOST_S:
            self._seek(end - self.target_s * SAMPLE_RATE, lost=True)
        elif over_s > DRIFT_S:
            self._rate = min(FASTEST, 1.02 + math.floor(over_s * 10) / 50)
        elif over_s < DRIFT_S / 4:
            self._rate = 1.0

    def _seek(self, sample: float, *, lost: bool) -> None:
        if lost and self.position is not None:
            self.lost += sample - self.position
        self.position = sample
        while self._waiting and self._waiting[0].end <= sample:
            self._waiting.popleft()


class Drift:
    """Media clock against our own: how much faster the sound comes than time passes.

    Of each 2 s the promptest part counts: a part can be late, but not early.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, tuple[float, float]] = {}  # (own time, media - own)

    def add(self, end: int, now_s: float) -> None:
        """A part that ends at this media time came now."""
        offset_s = end / SAMPLE_RATE - now_s
        key = int(now_s // _BUCKET_S)
        known = self._buckets.get(key)
        if known is None and len(self._buckets) >= _BUCKETS:
            return
        if known is None or offset_s > known[1]:
            self._buckets[key] = (now_s, offset_s)

    def result(self) -> tuple[float, float] | None:
        """(ms in all, ppm); None below 10 s. The slope is Theil and Sen's: outliers do not tilt it."""
        points = sorted(self._buckets.values())[1:-1]  # the first and last bucket are not whole
        if len(points) < 4 or points[-1][0] - points[0][0] < 10.0 - 2 * _BUCKET_S:
            return None
        points = points[:: max(1, len(points) // 300)]
        slopes = [
            (b[1] - a[1]) / (b[0] - a[0])
            for i, a in enumerate(points)
            for b in points[i + len(points) // 3 + 1 :]
        ]
        slope = median(slopes)
        return slope * (points[-1][0] - points[0][0]) * 1_000, slope * 1e6


def percentile(values: list[float], share: float) -> float:
    """The value below which this share (0..1) of the values lies; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))]
