"""Sound that comes as a stream of bytes, decoded while it comes: a radio studio's line.

Called in a thread by `stage.radio.studio_line`. The format is told, not guessed: a stream that is something
else is refused instead of probed. Damaged frames are left out; a stream that is damaged throughout
ends.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import av
import numpy as np

from hustings.base.errors import PeerError
from hustings.media.mono import Mono
from hustings.media.pcm import Pcm
from hustings.wire.names import TICK_SAMPLES

_PROBE_BYTES: Final = "16384"  # a second of 128 kbit/s: enough for the first frame's head
_DAMAGED: Final = 50  # frames in a row that cannot be decoded
_RATES: Final = range(8_000, 192_001)  # at 10 Hz 8 kB of FLAC would become 643 MB here


class Bytes(Protocol):
    """Where the stream comes from; `read` waits, and gives b"" at the end."""

    def read(self, size: int) -> bytes:
        """At most so many bytes."""
        ...


def read_live(source: Bytes, form: str) -> Iterator[Pcm]:
    """Blocks of 960 samples, mono 48 kHz, until the stream ends.

    form: of FFmpeg's demuxers: mp3, aac, ogg, flac, matroska. Raises PeerError `source_sound` if
    there is no sound of that kind in it.
    """
    try:
        container: Any = av.open(
            source,
            format=form,
            buffer_size=4_096,
            options={"probesize": _PROBE_BYTES, "analyzeduration": "0"},
        )
        stream = container.streams.audio[0]
    except (av.FFmpegError, IndexError, ValueError) as error:
        raise PeerError("source_sound", f"There is no sound of the kind {form} in this.") from error
    with container:
        mono = Mono()
        waiting = np.zeros(0, dtype=np.float32)
        for frame in _frames(container, stream):
            if frame.sample_rate not in _RATES or frame.samples > frame.sample_rate:
                raise PeerError("source_sound", "This is not sound at a usual rate.")
            waiting = np.concatenate((waiting, *mono.feed(frame)))
            whole = len(waiting) - len(waiting) % TICK_SAMPLES
            for at in range(0, whole, TICK_SAMPLES):
                yield waiting[at : at + TICK_SAMPLES]
            waiting = waiting[whole:]


def _frames(container: Any, stream: Any) -> Iterator[Any]:
    """All that can be decoded; PeerError `source_sound` if nothing can for a while."""
    damaged = 0
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.EOFError):
            return
        except av.FFmpegError as error:
            raise PeerError("source_sound", "The stream cannot be read any more.") from error
        try:
            yield from stream.decode(packet)
            damaged = 0
        except av.FFmpegError as error:
            damaged += 1
            if damaged >= _DAMAGED:
                raise PeerError("source_sound", "The stream cannot be decoded.") from error
