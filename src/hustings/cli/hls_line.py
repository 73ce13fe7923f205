"""LL-HLS as a listener's line: playlists read, and their parts asked for; for `cli.lines`."""

import re
from collections.abc import AsyncGenerator
from typing import NamedTuple

import httpx

from hustings.base.errors import PeerError, TryLater
from hustings.cli.line import Line, Piece
from hustings.media.cmaf import BoxReader, fragments
from hustings.media.decoders import FRAME_SAMPLES
from hustings.wire.names import AAC, PART_SAMPLES, SAMPLE_RATE


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
