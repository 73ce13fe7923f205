"""Our own listener: follows a sound check at an edge as any listener does, and says what it hears.

Keeps true: it asks only the address that this house gives its audience (`public_url.edge`, or the
edges of this machine), for rooms that the stage itself made; one stream a sound check; it ends when
the sound check does. Lives on the door's loop, so that no tick waits for it.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final

import httpx
import numpy as np

from hustings.base.errors import PeerError
from hustings.base.listening import neighbour_tls
from hustings.base.tasks import Tasks
from hustings.media.cmaf import Box, BoxReader, fragments
from hustings.media.decoders import FrameDecoder
from hustings.media.hold import hold_frames
from hustings.media.pcm import dbfs
from hustings.settings import Settings
from hustings.stage.engine import Engine
from hustings.wire.links import near_url
from hustings.wire.names import OPUS, PART_SAMPLES, PART_TICKS

CONNECT_S: Final = 3.0
SILENT_S: Final = 5.0  # an edge that sends nothing for so long does not carry us
AGAIN_S: Final = 0.5
PATIENCE: Final = 6  # tries before a refusal is told: the edge may not know of the room yet


class Ear:
    """Bytes of an endless stream to the loudness of its parts; pure."""

    def __init__(self) -> None:
        self._reader = BoxReader()
        self._decoder = FrameDecoder(OPUS)
        self._moof: list[Box] = []
        self._next = -1

    def feed(self, data: bytes) -> Iterator[tuple[int, float]]:
        """(part, dBFS) of each part that is whole now, hold audio left out. Raises PeerError."""
        for box in self._reader.feed(data):
            self._moof = [*self._moof, box] if box.kind in {b"moof", b"mdat"} else []
            for found in fragments(self._moof) if box.kind == b"mdat" else ():
                self._moof = []
                first = found.media_time // PART_SAMPLES
                for at in range(0, len(found.frames), PART_TICKS):
                    n, frames = first + at // PART_TICKS, found.frames[at : at + PART_TICKS]
                    if frames != hold_frames(OPUS, n):
                        yield n, self._loudness(n, frames)

    def _loudness(self, n: int, frames: list[bytes]) -> float:
        if n != self._next:
            self._decoder.reset()
        self._next = n + 1
        return dbfs(np.concatenate([self._decoder.decode(frame) for frame in frames]))


class Probes:
    """All listeners of our own."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        public = settings.public_url.edge.rstrip("/")
        self.edge = public or near_url(settings, settings.edge.port)
        self._tls = True if public else neighbour_tls(settings.tls.cert)
        self._engine = engine
        self._tasks = Tasks()
        self._refusals: dict[str, tuple[str, int]] = {}  # private room -> code, tries in a row

    def listen(self, room: str) -> None:
        """Follow private room `room` until its sound check is over; once is enough."""
        if room not in self._refusals:
            self._refusals[room] = ("", 0)
            self._tasks.start(self._listen(room), name="probe")

    def problem(self, room: str) -> str:
        """Code of what keeps the probe of that room from hearing; empty: nothing, or not yet."""
        code, tries = self._refusals.get(room, ("", 0))
        return code if tries >= PATIENCE else ""

    async def close(self) -> None:
        """Hang up all."""
        await self._tasks.close()

    async def _listen(self, room: str) -> None:
        url = f"{self.edge}/live/{room}/{OPUS}.mp4?probe"
        timeout = httpx.Timeout(SILENT_S, connect=CONNECT_S)
        try:
            async with httpx.AsyncClient(
                timeout=timeout, trust_env=False, verify=self._tls
            ) as client:
                while await self._engine.do(lambda studio: studio.sound_checks.stands(room)):
                    code = await self._follow(client, url, room)
                    self._refusals[room] = (code, self._refusals[room][1] + 1 if code else 0)
                    await asyncio.sleep(AGAIN_S)
        finally:
            del self._refusals[room]

    async def _follow(self, client: httpx.AsyncClient, url: str, room: str) -> str:
        """One connection; code of its refusal, or empty."""
        ear = Ear()
        try:
            async with client.stream("GET", url) as answer:
                if not answer.is_success:
                    await answer.aread()
                    return _code(answer)
                async for chunk in answer.aiter_raw():
                    for n, level in ear.feed(chunk):
                        self._refusals[room] = ("", 0)
                        if not await self._tell(room, n, level):
                            return ""
        except httpx.HTTPError as error:
            return type(error).__name__
        except PeerError as error:
            return error.code
        return ""

    async def _tell(self, room: str, n: int, level: float) -> bool:
        return await self._engine.do(
            lambda studio: studio.sound_checks.heard(room, n, level, studio.now_s)
        )


def _code(answer: httpx.Response) -> str:
    """The refusal's code, or its status."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        return str(answer.json()["code"])[:40]
    return f"HTTP {answer.status_code}"
