"""One studio's sound from its bytes to packets for a voice, in a thread of its own.

Bytes go in by `feed` on the door's loop; the thread decodes them, waits until each 20 ms is due
(`stage.radio.pace`), and hands Opus packets over as if a microphone had sent them: jitter buffer,
levelling, echo search and signs then know nothing of radio. Bound: `PIPE_BYTES` and half a second;
when full the port stops reading, and TCP slows the studio down.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final

from hustings.base.clock import Clock
from hustings.base.errors import PeerError
from hustings.base.ids import new_id
from hustings.media.live import read_live
from hustings.media.opus import OpusEncoder
from hustings.stage.radio.pace import Pace
from hustings.wire.names import SAMPLE_RATE

log = logging.getLogger(__name__)

PIPE_BYTES: Final = 64 * 1024  # four seconds of 128 kbit/s
BITRATE: Final = 96_000  # one more encode between studio and mix shall not be heard
SILENT_S: Final = 10.0  # a studio that sends nothing for so long has gone

Put = Callable[[int, int, bytes, float], None]
"""Sequence number, timestamp, Opus packet, monotonic second."""


class Pipe:
    """Bytes from one thread to another; reading waits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._data = bytearray()
        self._ended = False

    def feed(self, data: bytes) -> None:
        """More has come."""
        with self._changed:
            self._data += data
            self._changed.notify_all()

    def end(self) -> None:
        """Nothing more comes; what is there is still read."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def waiting(self) -> int:
        """Bytes that have not been read yet."""
        with self._changed:
            return len(self._data)

    def read(self, size: int) -> bytes:
        """As of a file; b"" at the end, or after `SILENT_S` without a byte."""
        with self._changed:
            self._changed.wait_for(lambda: self._data or self._ended, SILENT_S)
            found = bytes(self._data[:size])
            del self._data[:size]
            return found


class StudioLine:
    """A line that stands like a peer's: it has an id, and can be closed from the studio's thread."""

    def __init__(self, form: str, clock: Clock, put: Put, *, on_end: Callable[[str], None]) -> None:
        """put: is told each packet, in this line's thread. on_end: once, with a sentence or ""."""
        self.id = new_id()
        self.pipe = Pipe()
        self.pace = Pace()
        self._form = form
        self._clock = clock
        self._put = put
        self._on_end = on_end
        self._closed = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="studio line", daemon=True)

    def start(self) -> None:
        """Begin to decode."""
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether nothing more should be fed just now."""
        return self.pipe.waiting >= PIPE_BYTES

    @property
    def over(self) -> bool:
        """Whether nobody listens to what is fed any more."""
        return self._over.is_set()

    async def close(self) -> None:
        """End it now; whoever feeds it hears of it by `on_end`."""
        self._closed.set()
        self.pipe.end()

    def _run(self) -> None:
        said = ""
        try:
            self._speak()
        except PeerError as error:
            said = error.title
        except Exception:
            log.exception("a studio's line failed")
            said = "Something here is broken; it was written down."
        self._over.set()
        self._on_end(said)

    def _speak(self) -> None:
        encoder = OpusEncoder(BITRATE, application="audio", complexity=5)
        first_s = self._clock.monotonic()
        number = 0
        for block in read_live(self.pipe, self._form):
            now_s = self._clock.monotonic()
            due_s = self.pace.due_s(now_s, more=self.pipe.waiting > 0)
            if due_s is None:
                continue
            packet = encoder.encode(block)
            if self._closed.wait(max(0.0, due_s - now_s)):
                return
            number += 1  # what was left out is a pause to the voice, not a loss
            timestamp = round((due_s - first_s) * SAMPLE_RATE)
            self._put(number & 0xFFFF, timestamp & 0xFFFF_FFFF, packet, self._clock.monotonic())
