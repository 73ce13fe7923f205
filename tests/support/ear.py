"""A listener without a page: reads an endless stream and notes every part, hold or live, with its time."""

import asyncio
import contextlib
import json
import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from hustings.media.cmaf import BoxReader, event_of, fragments
from hustings.media.hold import hold_frames
from hustings.wire.names import OPUS, PART_SAMPLES, PART_TICKS


class Part:
    """One part (or several joined) as it came."""

    def __init__(self, first: int, frames: list[bytes]) -> None:
        self.first = first
        self.count = len(frames) // PART_TICKS
        self.frames = frames
        self.hold = frames[:PART_TICKS] == hold_frames(OPUS, first)
        self.at_s = time.monotonic()


class Ear:
    """`async with Ear(house.edge, "room") as ear:`; `parts` grows until the server hangs up."""

    def __init__(self, edge: str, room: str, *, start: int | None = None) -> None:
        self._url = urlsplit(f"{edge}/live/{room}/opus.mp4")
        self._query = f"?from={start}" if start is not None else ""
        self.parts: list[Part] = []
        self.events: list[dict[str, Any]] = []
        self.ended = False

    async def __aenter__(self) -> Self:
        reading, self._writing = await asyncio.open_connection(self._url.hostname, self._url.port)
        path = f"{self._url.path}{self._query}"
        self._writing.write(f"GET {path} HTTP/1.1\r\nHost: {self._url.netloc}\r\n\r\n".encode())
        head = await reading.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        self._chunked = b"chunked" in head.lower()
        self._task = asyncio.get_running_loop().create_task(self._read(reading))
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writing.close()
        with contextlib.suppress(OSError):
            await self._writing.wait_closed()

    async def _read(self, reading: asyncio.StreamReader) -> None:
        boxes, moof = BoxReader(), []
        try:
            while data := await self._some(reading):
                for box in boxes.feed(data):
                    if event := event_of(box):
                        self.events.append(json.loads(event.data))
                    moof.append(box)
                    for fragment in fragments(moof):
                        assert fragment.media_time % PART_SAMPLES == 0
                        self.parts.append(
                            Part(fragment.media_time // PART_SAMPLES, fragment.frames)
                        )
                        moof.clear()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.ended = True

    async def _some(self, reading: asyncio.StreamReader) -> bytes:
        if not self._chunked:
            return await reading.read(65_536)
        size = int(await reading.readline(), 16)
        data = await reading.readexactly(size)
        await reading.readexactly(2)
        return data

    @property
    def next_part(self) -> int:
        """The part after the last one that came."""
        return self.parts[-1].first + self.parts[-1].count

    async def until(self, condition: Any, *, within_s: float = 30.0) -> None:
        """Wait until `condition(self)`; the bound only ends a test that hangs."""
        async with asyncio.timeout(within_s):
            while not condition(self):
                await asyncio.sleep(0.05)

    def whole(self) -> bool:
        """No part missing, none twice."""
        here = self.parts[0].first
        for part in self.parts:
            if part.first != here:
                return False
            here += part.count
        return True
