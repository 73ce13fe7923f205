"""One in a hundred really decodes: proof that what the crowd counts is sound. No network.

The others look at part numbers only. Called by `load.crowd.process` with the body of such a listener's
stream.
"""

from typing import Final

from hustings.load.rehearsal.orders import Decoded
from hustings.media.cmaf import Box, BoxReader, fragments
from hustings.media.decoders import FRAME_SAMPLES, FrameDecoder
from hustings.media.pcm import dbfs

AUDIBLE_DBFS: Final = -60.0
_MEDIA: Final = frozenset({b"moof", b"mdat"})


class Hearing:
    """Decodes one listener's stream."""

    def __init__(self, rendition: str) -> None:
        self._decoder = FrameDecoder(rendition)
        self._samples = FRAME_SAMPLES[rendition]
        self._boxes = BoxReader()
        self._held: list[Box] = []
        self._next = -1  # media time of the next frame
        self._audible = 0
        self._decoded = Decoded()

    def connected(self) -> None:
        """A new connection: its first bytes begin a box."""
        self._boxes = BoxReader()
        self._held = []

    def feed(self, data: bytes) -> None:
        """Bytes of the stream. Raises PeerError `cmaf_broken`."""
        for box in self._boxes.feed(data):
            if box.kind not in _MEDIA:
                continue
            self._held.append(box)
            if box.kind == b"mdat":
                for fragment in fragments(self._held):
                    self._hear(fragment.media_time, fragment.frames)
                self._held = []

    def _hear(self, start: int, frames: list[bytes]) -> None:
        for number, frame in enumerate(frames):
            at = start + number * self._samples
            if at < self._next:
                continue  # again, after a resumption
            self._decoded.broken_order += at > self._next >= 0
            self._next = at + self._samples
            self._decoded.frames += 1
            self._audible += dbfs(self._decoder.decode(frame)) > AUDIBLE_DBFS

    def result(self) -> Decoded:
        """What was heard until now."""
        found = self._decoded
        found.damaged = self._decoder.damaged
        found.audible = round(self._audible / found.frames, 3) if found.frames else 0.0
        return found
