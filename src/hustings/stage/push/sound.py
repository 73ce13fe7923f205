"""The room's AAC from an edge, as any listener gets it: hold audio where nobody speaks, resumed by part.

Kept are the last 30 s; when nobody takes them the oldest go. Called by `stage.push.child`.
"""

import asyncio
import contextlib
from collections import deque
from typing import Final

import httpx

from hustings.base.errors import PeerError
from hustings.base.listening import neighbour_tls
from hustings.media.cmaf import Box, BoxReader, Fragment, fragments
from hustings.wire.names import AAC, PART_SAMPLES

KEPT: Final = 94  # parts, or joined ones
SILENT_S: Final = 8.0  # an edge that sends nothing for so long does not carry us
CONNECT_S: Final = 3.0
AGAIN_S: Final = 1.0
TICKET: Final = "Hustings-Ticket"  # of our seat: whoever lost the line is let in again with it


class Sound:
    """Follows one room at one edge until cancelled."""

    def __init__(self, edge: str, room: str, cert: str) -> None:
        """cert: the house's own certificate, if the edge shows that one; else the world's are trusted."""
        self._url = f"{edge.rstrip('/')}/live/{room}/{AAC}.mp4"
        self._verify = neighbour_tls(cert) if cert else True
        self._parts: deque[Fragment] = deque(maxlen=KEPT)
        self._came = asyncio.Event()
        self._next = -1
        self._ticket = ""

    async def next(self) -> Fragment:
        """The next part."""
        while not self._parts:
            self._came.clear()
            await self._came.wait()
        return self._parts.popleft()

    def skip_to_now(self) -> None:
        """What has waited is not live any more."""
        while len(self._parts) > 1:
            self._parts.popleft()

    async def follow(self) -> None:
        """Listen for ever; lines that break are taken up again where they broke."""
        timeout = httpx.Timeout(SILENT_S, connect=CONNECT_S)
        async with httpx.AsyncClient(
            timeout=timeout, trust_env=False, verify=self._verify
        ) as client:
            while True:
                with contextlib.suppress(httpx.HTTPError, PeerError):
                    await self._listen(client)
                await asyncio.sleep(AGAIN_S)

    async def _listen(self, client: httpx.AsyncClient) -> None:
        query = "?probe"  # no listener: those of the platform are not ours to count
        if self._next >= 0:
            query += f"&from={self._next}"
        if self._ticket:
            query += f"&ticket={self._ticket}"
        reader, waiting = BoxReader(), list[Box]()
        async with client.stream("GET", self._url + query) as answer:
            if not answer.is_success:
                self._ticket = ""
                return
            self._ticket = answer.headers.get(TICKET, self._ticket)
            async for data in answer.aiter_raw():
                for box in reader.feed(data):
                    waiting = [*waiting, box] if box.kind in {b"moof", b"mdat"} else []
                    if box.kind == b"mdat":
                        self._take(fragments(waiting))
                        waiting = []

    def _take(self, found: list[Fragment]) -> None:
        for part in found:
            number = part.media_time // PART_SAMPLES
            if number < self._next:  # came twice
                continue
            self._next = number + max(1, len(part.frames) // 15)
            self._parts.append(part)
            self._came.set()
