"""Measures what a line brings: plays it in the model of a page, decodes it, finds the beeps. Pure.

Called by `cli.listen` with each piece and the time it came; `report()` says all numbers.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from hustings.cli.listening import Drift, Ear, percentile
from hustings.media.beep import Beep, BeepReader, delay_s, in_step
from hustings.media.decoders import FRAME_SAMPLES, FrameDecoder
from hustings.media.hold import hold_frames
from hustings.media.pcm import dbfs
from hustings.wire.names import CMAF_RENDITIONS, PART_SAMPLES, SAMPLE_RATE

DELAYS: Final = 100_000  # beeps that are remembered: more than a day
AUDIBLE_DBFS: Final = -50.0


@dataclass(frozen=True)
class Report:
    """One listener's evening. Seconds and milliseconds as named; None: could not be measured."""

    url: str
    rendition: str
    seconds: float  # since the first request
    first_byte_ms: float | None
    first_sound_ms: float | None
    lost_s: float  # media time that was never played
    silence_s: float  # hold + absent
    hold_s: float  # hold audio in the room's place
    absent_s: float  # nothing to play
    stalls: int
    behind_s: float | None  # the ear behind the newest part, at the end
    drift_ms: float | None  # media clock against ours, over the whole time
    drift_ppm: float | None
    mouth_to_ear_ms: float | None  # median, against `say --beep`
    mouth_to_ear_p95_ms: float | None
    beeps: int
    parts: int
    out_of_order: int  # pieces that came twice or went back
    damaged_frames: int
    audible_share: float  # of the sound that came, 0..1
    bytes: int
    events: int
    faults: int  # connections that broke
    refusals: int
    ended: bool = field(default=False)
    fault: str = ""  # why the last connection broke


class Meter:
    """Feed it pieces in the order they came."""

    def __init__(self, rendition: str, target_s: float | None, began_s: float) -> None:
        self.ear = Ear(target_s)
        self._rendition = rendition
        self._began_s = began_s
        self._decoder = FrameDecoder(rendition)
        self._frame = FRAME_SAMPLES[rendition]
        self._reader = BeepReader()
        self._last: deque[Beep] = deque(maxlen=2)  # a voice may be taken for one in between
        self._drift = Drift()
        self._expected = -1
        self._wall_offset_s = 0.0
        self._delays_ms: list[float] = []
        self._samples = 0
        self._audible = 0
        self._out_of_order = 0

    def take(self, start: int, frames: list[bytes], now_s: float, wall_s: float) -> None:
        """Frames of media time `start` came at `now_s` (monotonic), `wall_s` (since 1970)."""
        self._wall_offset_s = wall_s - now_s
        if start < self._expected:
            self._out_of_order += 1
            frames = frames[(self._expected - start) // self._frame :]
            start = self._expected
        if not frames:
            return
        if start != self._expected:
            self._decoder.reset()
            self._reader.reset(start)
        self._decode(start, frames)
        end = start + len(frames) * self._frame
        self._expected = end
        for part_start, part_end, hold in self._parts(start, frames):
            self.ear.arrive(part_start, part_end, now_s, hold=hold)
            if not hold:
                self._drift.add(part_end, now_s)
        self._heard()

    def pass_time(self, now_s: float) -> None:
        """Play on while nothing comes."""
        self.ear.advance(now_s)
        self._heard()

    def report(
        self, *, url: str, now_s: float, first_byte_s: float | None, fault: str = "", **line: int
    ) -> Report:
        """All numbers. line: the counters of `cli.lines.Line`."""
        self.pass_time(now_s)
        ear, drift = self.ear, self._drift.result()
        started_s = ear.started_s
        delays = self._delays_ms
        return Report(
            url=url,
            rendition=self._rendition,
            seconds=round(now_s - self._began_s, 2),
            first_byte_ms=self._since_ms(first_byte_s),
            first_sound_ms=self._since_ms(started_s),
            lost_s=round(ear.lost / SAMPLE_RATE, 3),
            silence_s=round(ear.hold / SAMPLE_RATE + ear.absent_s, 3),
            hold_s=round(ear.hold / SAMPLE_RATE, 3),
            absent_s=round(ear.absent_s, 3),
            stalls=ear.stalls,
            behind_s=round(ear.ahead_s, 3) if started_s is not None else None,
            drift_ms=round(drift[0], 2) if drift else None,
            drift_ppm=round(drift[1], 1) if drift else None,
            mouth_to_ear_ms=round(percentile(delays, 0.5), 1) if delays else None,
            mouth_to_ear_p95_ms=round(percentile(delays, 0.95), 1) if delays else None,
            beeps=len(delays),
            parts=self._samples // PART_SAMPLES,
            out_of_order=self._out_of_order,
            damaged_frames=self._decoder.damaged,
            audible_share=round(self._audible / self._samples, 3) if self._samples else 0.0,
            bytes=line["bytes"],
            events=line["events"],
            faults=line["faults"],
            refusals=line["refusals"],
            ended=bool(line["ended"]),
            fault=fault,
        )

    def _since_ms(self, at_s: float | None) -> float | None:
        return None if at_s is None else round((at_s - self._began_s) * 1_000, 1)

    def _decode(self, start: int, frames: list[bytes]) -> None:
        for frame in frames:
            pcm = self._decoder.decode(frame)
            self._samples += len(pcm)
            self._audible += len(pcm) * (dbfs(pcm) > AUDIBLE_DBFS)
            for beep in self._reader.feed(pcm):
                if any(in_step(before, beep) for before in self._last):
                    self.ear.mark(beep.onset, beep.code)
                self._last.append(beep)

    def _parts(self, start: int, frames: list[bytes]) -> list[tuple[int, int, bool]]:
        """The piece cut at part boundaries: start, end, whether it is hold."""
        whole = PART_SAMPLES // self._frame
        if self._rendition not in CMAF_RENDITIONS or start % PART_SAMPLES:
            return [(start, start + len(frames) * self._frame, False)]
        found = []
        for at in range(0, len(frames), whole):
            part = frames[at : at + whole]
            begin = start + at * self._frame
            hold = part == hold_frames(self._rendition, begin // PART_SAMPLES)
            found.append((begin, begin + len(part) * self._frame, hold))
        return found

    def _heard(self) -> None:
        for code, at_s in self.ear.passed:
            if len(self._delays_ms) < DELAYS:
                self._delays_ms.append(delay_s(code, at_s + self._wall_offset_s) * 1_000)
        self.ear.passed.clear()
