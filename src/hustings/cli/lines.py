"""The lines by which a listener is reached: endless CMAF, endless MP3, LL-HLS; for `listen`.

Keeps true: a line comes back by itself as the page's does, from the part it needs next, and
waits as the server asks. Each gives `Piece`s: frames, and the media time they begin at.
"""

import asyncio
import contextlib
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator
from typing import ClassVar, Final, NamedTuple

import httpx

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, PeerError, TryLater
from hustings.cli.client import problem_of
from hustings.media.cmaf import Box, BoxReader, event_of, fragments
from hustings.media.decoders import FRAME_SAMPLES, Mp3Splitter
from hustings.wire.names import AAC, MP3, OPUS, PART_SAMPLES, SAMPLE_RATE
from hustings.wire.patience import retry_delay_s

_FAULTS: Final = (OSError, TimeoutError, httpx.TransportError, httpx.StreamError)
_MEDIA: Final = (b"moof", b"mdat")
KNOWN: Final = "give the address of a page, http://.../r/ROOM, or of a stream as that page names it"


class Piece(NamedTuple):
    """Frames in a row, and when the last byte of them came."""

    start: int  # media time in samples; of radio: since the first byte
    frames: list[bytes]
    at_s: float


class Line:
    """One line; `pieces()` is endless but for a room that ends. The counters are public."""

    rendition: str = OPUS
    target_s: float | None = None  # that the player shall keep; None: as it likes
    accept: ClassVar[dict[str, str]] = {}

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        self.url = url
        self.first_byte_s: float | None = None
        self.bytes = 0
        self.events = 0
        self.faults = 0  # connections that broke
        self.fault = ""  # why the last one did
        self.refusals = 0  # "try later"
        self.ended = False
        self._client = client
        self._clock = clock
        self._next = -1  # media time that is needed next

    async def pieces(self) -> AsyncGenerator[Piece]:
        """Connect, and connect again. Raises NotFound, Denied or PeerError if that is no use."""
        failures = 0
        while not self.ended:
            asked_s = 0.0
            try:
                async with contextlib.aclosing(self._once()) as once:
                    async for piece in once:
                        failures = 0
                        length = len(piece.frames) * FRAME_SAMPLES[self.rendition]
                        self._next = piece.start + length
                        yield piece
                self.faults += not self.ended
            except TryLater as error:
                asked_s = error.delay_s
                self.refusals += 1
            except NotFound as error:
                if error.code != "room_ended" or self._next < 0:
                    raise
                self.ended = True
            except _FAULTS as error:
                self.faults += 1
                self.fault = str(error) or type(error).__name__
            if not self.ended:
                chance = secrets.randbelow(1_000) / 1_000
                await asyncio.sleep(retry_delay_s(failures, asked_s, chance))
                failures += 1

    def _once(self) -> AsyncGenerator[Piece]:
        """One connection's pieces."""
        raise NotImplementedError

    async def _stream(self, url: str) -> AsyncIterator[bytes]:
        async with self._client.stream("GET", url, headers=self.accept) as answer:
            if not answer.is_success:
                await answer.aread()
                raise problem_of(answer)
            async for chunk in answer.aiter_raw():
                self._count(len(chunk))
                yield chunk

    async def _get(self, url: str) -> bytes:
        answer = await self._client.get(url)
        if not answer.is_success:
            raise problem_of(answer)
        self._count(len(answer.content))
        return answer.content

    def _count(self, size: int) -> None:
        if self.first_byte_s is None:
            self.first_byte_s = self._clock.monotonic()
        self.bytes += size


class CmafLine(Line):
    """`opus.mp4` and its sisters."""

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(url, client, clock)
        self.rendition = re.sub(r".*/|\.mp4.*", "", url)
        if self.rendition not in FRAME_SAMPLES:
            raise PeerError("stream_unknown", f"{url} is no stream that listen knows: {KNOWN}.")

    async def _once(self) -> AsyncGenerator[Piece]:
        join = "&" if "?" in self.url else "?"
        resume = f"{join}from={self._next // PART_SAMPLES}" if self._next >= 0 else ""
        reader = BoxReader()
        held: list[Box] = []
        async for chunk in self._stream(self.url + resume):
            for box in reader.feed(chunk):
                self.events += event_of(box) is not None
                held = [*held, box] if box.kind in _MEDIA else []
                for found in fragments(held) if box.kind == b"mdat" else ():
                    yield Piece(found.media_time, found.frames, self._clock.monotonic())
                    held = []


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


class Playlist(NamedTuple):
    """What a player needs of an LL-HLS media playlist."""

    hold_back_s: float
    segments: list[tuple[int, str]]  # number, address
    parts: list[tuple[int, int, str]]  # segment's number, index in it, address
    awaited: tuple[int, int]  # the next part: its segment and index
    ended: bool


def read_playlist(text: str) -> Playlist:
    """A media playlist; PeerError `playlist_bad` if it is none."""
    if not text.startswith("#EXTM3U") or "#EXT-X-MEDIA-SEQUENCE:" not in text:
        raise PeerError("playlist_bad", "This is no HLS media playlist.")
    control = re.search(r"PART-HOLD-BACK=([0-9.]+)", text)
    number = int(text.partition("#EXT-X-MEDIA-SEQUENCE:")[2].split()[0])
    segments, parts, index = [], [], 0
    for line in text.splitlines():
        if line.startswith("#EXT-X-PART:"):
            address = re.search(r'URI="([^"]+)"', line)
            if address:
                parts.append((number, index, address[1]))
                index += 1
        elif line and not line.startswith("#"):
            segments.append((number, line))
            number, index = number + 1, 0
    ended = "#EXT-X-ENDLIST" in text
    back_s = float(control[1]) if control else 0.0
    return Playlist(back_s, segments, parts, (number, index), ended)


def _wanted(playlist: Playlist, done: tuple[int, int]) -> list[tuple[tuple[int, int], str]]:
    """What comes at or after `done`: (what is needed then, address); segments where no parts are."""
    with_parts = {number for number, _, _ in playlist.parts}
    whole = [
        ((number + 1, 0), address)
        for number, address in playlist.segments
        if number >= done[0] and number not in with_parts
    ]
    single = [
        ((number, index + 1), address)
        for number, index, address in playlist.parts
        if (number, index) >= done
    ]
    return whole + single


class HlsLine(Line):
    """`index.m3u8`: blocking reload of one rendition's playlist, then the parts it names."""

    rendition = AAC
    _done: tuple[int, int] | None = None  # the part that is needed next: segment, index

    async def _once(self) -> AsyncGenerator[Piece]:
        url = await self._variant()
        playlist = read_playlist((await self._get(url)).decode())
        self.target_s = playlist.hold_back_s
        done = self._done or self._newest(playlist)
        while True:
            for part, address in _wanted(playlist, done):
                yield await self._piece(url, address)
                self._done = done = part
            if playlist.ended:
                self.ended = True
                return
            number, index = playlist.awaited
            join = "&" if "?" in url else "?"
            asked = f"{url}{join}_HLS_msn={number}&_HLS_part={index}"
            playlist = read_playlist((await self._get(asked)).decode())

    async def _variant(self) -> str:
        text = (await self._get(self.url)).decode(errors="replace")
        if "#EXT-X-STREAM-INF" not in text:
            self.rendition = re.sub(r"/[^/]*$", "", self.url).rsplit("/", 1)[-1]
            found = self.url
        else:
            names = [line for line in text.splitlines() if line and not line.startswith("#")]
            self.rendition = names[0].split("/")[0]
            found = str(httpx.URL(self.url).join(names[0]))
        if self.rendition not in FRAME_SAMPLES:
            raise PeerError("playlist_bad", "This playlist names no rendition that listen knows.")
        return found

    def _newest(self, playlist: Playlist) -> tuple[int, int]:
        """Where to begin: so many parts before the end as the playlist wants held back."""
        needed = max(1, round(playlist.hold_back_s * SAMPLE_RATE / PART_SAMPLES))
        if not playlist.parts:
            raise TryLater("playlist_empty", "The playlist has no parts yet.", delay_s=1.0)
        number, index, _ = playlist.parts[-min(needed, len(playlist.parts))]
        return number, index

    async def _piece(self, url: str, address: str) -> Piece:
        data = await self._get(str(httpx.URL(url).join(address)))
        found = fragments(BoxReader().feed(data))
        if not found:
            raise PeerError("cmaf_broken", "A part without sound.")
        frames = [frame for each in found for frame in each.frames]
        return Piece(found[0].media_time, frames, self._clock.monotonic())


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
