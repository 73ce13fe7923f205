"""Each voice by itself, for those who agreed to it: aired ticks in, numbered parts of a track out; pure.

Keeps true: a track is on the program's timeline, tick by tick; who is not heard costs no encoding,
and in a part in which they are not heard at all, nothing. A part's first frame, and the first after
silence, refers to nothing before it: what is erased elsewhere leaves no trace here.
Owned by `stage.mix.program`, so that it ends where the program ends.

48 kbit/s, complexity 5: 2 kB a part while somebody is heard. Cost: docs/benchmarks.md.
"""

from collections.abc import Mapping
from typing import Final

from hustings.media.opus import OpusEncoder
from hustings.media.pcm import SILENCE, Pcm
from hustings.stage.mix.mixer import limited
from hustings.wire.kinds import Track
from hustings.wire.names import PART_TICKS

BITRATE: Final = 48_000
COMPLEXITY: Final = 5
SILENT: Final = b"\xf8\xff\xfe"  # an Opus frame of 20 ms of silence (CELT, full band, mono)


class Tracks:
    """The tracks of one run of the program, all in the same part."""

    def __init__(self) -> None:
        self._takes: dict[str, _Take] = {}
        self._ticks = 0  # of this part

    def feed(self, voices: Mapping[str, Pcm]) -> None:
        """One tick: participant id -> 960 samples, of those who are heard."""
        for who in voices:
            if who not in self._takes:
                self._takes[who] = _Take(self._ticks)
        for who, take in self._takes.items():
            take.feed(voices.get(who))
        self._ticks += 1

    def take_part(self, n: int) -> list[Track]:
        """Part `n`, which has all its ticks now, of those who were heard in it."""
        assert self._ticks == PART_TICKS
        self._ticks = 0
        made = [(who, take.take_part()) for who, take in self._takes.items()]
        self._takes = {who: take for who, take in self._takes.items() if not take.idle}
        return [Track(n, who, frames) for who, frames in made if frames]

    def forget(self, who: str) -> None:
        """Drop what is half made of somebody's voice."""
        self._takes.pop(who, None)


class _Take:
    """One voice; it goes when it was not heard for a whole part."""

    def __init__(self, silent: int) -> None:
        """silent: ticks of the part that have passed already."""
        self._opus = OpusEncoder(BITRATE, complexity=COMPLEXITY)
        self._frames = [SILENT] * silent
        self._running = False  # the encoder still owes the end of what it was fed: 6.5 ms
        self._heard = False  # in this part
        self.idle = False

    def feed(self, pcm: Pcm | None) -> None:
        if pcm is None and not self._running:
            self._frames.append(SILENT)
            return
        if not self._running:
            self._opus.reset()
        first = not self._running or not self._frames
        sound = SILENCE if pcm is None else limited(pcm)
        self._frames.append(self._opus.encode(sound, independent=first))
        self._running = pcm is not None
        self._heard = True

    def take_part(self) -> list[bytes]:
        """The part's 16 frames; none if nothing was heard in it."""
        frames, self._frames = self._frames, []
        heard, self._heard = self._heard, False
        self.idle = not heard
        return frames if heard else []
