"""The program of one room: mixed ticks in, numbered parts out, and tracks beside them.

Owned by `stage.studio`, which appends each part to the journal. Part numbers only rise. The
encoding work is spread over the ticks; see `media.encoders`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from hustings.media.encoders import ProgramEncoder
from hustings.media.pcm import Pcm
from hustings.stage.mix.tracks import Tracks
from hustings.wire.kinds import Part, Track
from hustings.wire.names import PART_TICKS

NO_VOICES: Final[Mapping[str, Pcm]] = MappingProxyType({})


class Program:
    """Makes parts from `next_part` on. radio: also MP3."""

    def __init__(self, next_part: int, radio: bool) -> None:
        self.radio = radio
        """May be set at any time; holds from the next part on."""
        self._part = next_part
        self._ticks = 0
        self._encoder = ProgramEncoder(radio, part=next_part)
        self._tracks = Tracks()
        self.tracks: list[Track] = []
        """Of the last finished part."""

    @property
    def next_part(self) -> int:
        """Number of the part that is being made."""
        return self._part

    def tick(self, pcm: Pcm, voices: Mapping[str, Pcm] = NO_VOICES) -> Part | None:
        """Take 960 samples; the finished part at every 16th.

        voices: participant id -> the same tick of those whose own track is kept, if heard.
        """
        if self._ticks == 0 and self.radio != self._encoder.radio:
            self._encoder = ProgramEncoder(self.radio, part=self._part)
        self._encoder.feed(pcm)
        self._tracks.feed(voices)
        self._ticks += 1
        if self._ticks < PART_TICKS:
            return None
        part = Part(n=self._part, renditions=self._encoder.take_part(self._part))
        self.tracks = self._tracks.take_part(self._part)
        self._part += 1
        self._ticks = 0
        return part

    def forget(self, who: str) -> None:
        """Drop what is half made of somebody's own track."""
        self._tracks.forget(who)
