"""What goes into the RTMP messages: the room's AAC as it is, and one still picture for ever; pure.

Nothing is encoded while the evening runs. The sound is the edge's own AAC frames. The picture is two
seconds of H.264 that were encoded once: they begin with a key frame, so they are repeated with later
times. Sources: Adobe FLV 10.1, annex E.4; ISO/IEC 14496-15 5.3 (avcC).
"""

from collections.abc import Iterator, Sequence
from struct import pack
from typing import Final, NamedTuple

from hustings.media.cmaf import AAC_CONFIG
from hustings.stage.push.chunks import AUDIO, VIDEO
from hustings.wire.names import AAC_FRAME, SAMPLE_RATE

FPS: Final = 10  # of the picture; platforms frown on much less
GOP: Final = 2 * FPS  # they want a key frame every two seconds
_SOUND: Final = 0xAF  # AAC; the rest of the byte is fixed by the format
_KEY, _INTER = 0x17, 0x27


class Tag(NamedTuple):
    """A message's kind, time and body."""

    kind: int
    time_ms: int
    body: bytes


class Picture(NamedTuple):
    """Encoded once: avcC, and the frames of one GOP, each as NAL units with their lengths."""

    config: bytes
    frames: tuple[bytes, ...]


def picture_of(packets: Sequence[bytes]) -> Picture:
    """From an encoder's packets (Annex B), the first of which holds the parameter sets."""
    units = [list(nal_units(packet)) for packet in packets]
    sets = {kind: next(u for u in units[0] if u[0] & 0x1F == kind) for kind in (7, 8)}
    sps, pps = sets[7], sets[8]
    config = bytes((1, *sps[1:4], 0xFF, 0xE1)) + pack(">H", len(sps)) + sps
    config += b"\x01" + pack(">H", len(pps)) + pps
    pictures = ([u for u in each if u[0] & 0x1F in {1, 5}] for each in units)
    frames = tuple(b"".join(pack(">I", len(u)) + u for u in each) for each in pictures)
    return Picture(config, frames)


def nal_units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B byte stream, without start codes."""
    for piece in data.split(b"\0\0\1")[1:]:
        if unit := piece.rstrip(b"\0"):
            yield unit


class Tagger:
    """Parts of sound in, tags out: both tracks on one clock that begins with the first part."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._base = -1  # media time of the first part, samples
        self._frame = 0  # the picture's next

    def heads(self) -> list[Tag]:
        """What decoders need first; once for a connection."""
        sound = bytes((_SOUND, 0)) + AAC_CONFIG[:2]
        return [
            Tag(VIDEO, 0, bytes((_KEY, 0, 0, 0, 0)) + self._picture.config),
            Tag(AUDIO, 0, sound),
        ]

    def part(self, media_time: int, frames: Sequence[bytes]) -> Iterator[Tag]:
        """The tags of consecutive AAC frames from `media_time` on, in order of their times."""
        if self._base < 0:
            self._base = media_time
        for number, frame in enumerate(frames):
            at = media_time - self._base + number * AAC_FRAME
            if at < 0:  # came twice
                continue
            yield from self.pictures(at)
            yield Tag(AUDIO, at * 1_000 // SAMPLE_RATE, bytes((_SOUND, 1)) + frame)

    def pictures(self, until: int) -> Iterator[Tag]:
        """Those that are due up to this sample."""
        step = SAMPLE_RATE // FPS
        due = until // step
        if due - self._frame > GOP:  # sound was missing: a key frame first, not a flood
            self._frame = due - due % GOP
        while self._frame <= due:
            place = self._frame % GOP
            kind = _INTER if place else _KEY
            head = bytes((kind, 1, 0, 0, 0))
            body = head + self._picture.frames[place]
            yield Tag(VIDEO, self._frame * 1_000 // FPS, body)
            self._frame += 1


def about(width: int, height: int) -> dict[str, object]:
    """`onMetaData`."""
    return {
        "width": width, "height": height, "framerate": FPS, "videocodecid": 7,
        "audiocodecid": 10, "audiosamplerate": SAMPLE_RATE, "audiosamplesize": 16, "stereo": False,
        "audiodatarate": 64, "encoder": "Hustings",
    }  # fmt: skip
