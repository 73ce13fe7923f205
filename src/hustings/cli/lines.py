"""The lines by which a listener is reached, chosen by address: endless CMAF, endless MP3, LL-HLS."""

import math
import re
from collections.abc import AsyncGenerator, Iterator
from typing import Final

import httpx
import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import PeerError, TryLater
from hustings.cli.hls_line import HlsLine
from hustings.cli.line import FAULTS, Line, Piece, chance
from hustings.media.cmaf import Box, BoxReader, event_of, fragments
from hustings.media.decoders import FRAME_SAMPLES, Mp3Splitter
from hustings.wire.names import MP3, PART_SAMPLES
from hustings.wire.patience import retry_delay_s

_MEDIA: Final = (b"moof", b"mdat")
KNOWN: Final = "give the address of a page, http://.../r/ROOM, or of a stream as that page names it"


class _Words(msgspec.Struct):
    """What an edge says of itself."""

    spread_s: float = 1.0
    reconnect_s: float = 1.0


class _Told(msgspec.Struct):
    """An event, as far as a line must know it."""

    kind: str
    body: _Words


class CmafLine(Line):
    """`opus.mp4` and its sisters."""

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(url, client, clock)
        self.rendition = re.sub(r".*/|\.mp4.*", "", url)
        if self.rendition not in FRAME_SAMPLES:
            raise PeerError("stream_unknown", f"{url} is no stream that listen knows: {KNOWN}.")
        self._reader = BoxReader()
        self._held: list[Box] = []
        self._move_s = math.inf  # when to be on another connection

    async def _once(self) -> AsyncGenerator[Piece]:
        """One connection; one that is to end is left for another while it still sends."""
        chunks = self._resumed()
        self._reader = BoxReader()
        try:
            chunk: bytes | None = await anext(chunks, None)
            while chunk is not None:
                for piece in self._pieces(chunk):
                    yield piece
                if self._clock.monotonic() >= self._move_s and (moved := await self._successor()):
                    await chunks.aclose()
                    chunks, chunk = moved
                    self._reader = BoxReader()
                else:
                    chunk = await anext(chunks, None)
        finally:
            self._move_s = math.inf
            await chunks.aclose()

    def _resumed(self) -> AsyncGenerator[bytes]:
        query = [f"from={self._next // PART_SAMPLES}"] if self._next >= 0 else []
        query += [f"ticket={self.ticket}"] if self.ticket else []
        join = ("&" if "?" in self.url else "?") if query else ""
        return self._stream(self.url + join + "&".join(query))

    async def _successor(self) -> tuple[AsyncGenerator[bytes], bytes] | None:
        """Another connection and its first bytes; None: it was refused, so a little later."""
        asked_s, chunks, first = 0.0, self._resumed(), b""
        try:
            first = await anext(chunks, b"")
        except TryLater as error:
            asked_s = error.delay_s
            self.refusals += 1
        except FAULTS as error:
            self.fault = str(error) or type(error).__name__
        finally:
            if not first:
                await chunks.aclose()
        if first:
            self._move_s = math.inf
            return chunks, first
        wait_s = retry_delay_s(0, asked_s, chance(), self.spread_s)
        self._move_s = self._clock.monotonic() + wait_s
        return None

    def _pieces(self, chunk: bytes) -> Iterator[Piece]:
        for box in self._reader.feed(chunk):
            if (event := event_of(box)) is not None:
                self._heard(event.data)
            self._held = [*self._held, box] if box.kind in _MEDIA else []
            for found in fragments(self._held) if box.kind == b"mdat" else ():
                yield Piece(found.media_time, found.frames, self._clock.monotonic())
                self._held = []

    def _heard(self, data: bytes) -> None:
        """An event; those between the edge and us say when to leave and how to come back."""
        self.events += 1
        try:
            event = msgspec.json.decode(data, type=_Told)
        except msgspec.MsgspecError:
            return
        if event.kind == "drain":
            self._move_s = self._clock.monotonic() + chance() * event.body.spread_s
        elif event.kind == "reconnect":
            self.spread_s = event.body.spread_s
        elif event.kind == "state":
            self.spread_s = event.body.reconnect_s


class RadioLine(Line):
    """`radio.mp3`: no media times, so it counts from its first frame, and cannot know a loss."""

    rendition = MP3

    async def _once(self) -> AsyncGenerator[Piece]:
        splitter, at = Mp3Splitter(), max(0, self._next)
        async for chunk in self._stream(self.url):
            frames = splitter.feed(chunk)
            if frames:
                yield Piece(at, frames, self._clock.monotonic())
                at += len(frames) * FRAME_SAMPLES[MP3]


def line_for(url: str, client: httpx.AsyncClient, clock: Clock) -> Line:
    """The line for an address: a stream, a playlist, the radio, or a listener page's room."""
    if match := re.fullmatch(r"(https?://[^/]+)/r/([a-z0-9-]+)/?(?:[?#].*)?", url):
        url = f"{match[1]}/live/{match[2]}/opus.mp4"
    path = httpx.URL(url).path
    if path.endswith(".m3u8"):
        return HlsLine(url, client, clock)
    if path.endswith(".mp3"):
        return RadioLine(url, client, clock)
    return CmafLine(url, client, clock)
