"""Where an edge reads the past: the journals' folder of its own machine, or another edge.

Keeps true: nobody asks the stage process; an edge that is asked by another edge answers from its
own folder only, so that two which name each other never ask in a circle. `edge.past.shelf` bounds
how much is read.
"""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, Protocol, TypeVar

import httpx

from hustings.archive.podcast import PODCAST
from hustings.archive.sound import read_parts
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId
from hustings.wire.names import SEGMENT_PARTS

T = TypeVar("T")

ROOMS: Final = "rooms"  # in the data folder: journals, not public as files
REPLAYS: Final = "replays"  # ... and what `archive.replay` made of them, public
ASKS_HEADER: Final = "Hustings-Archive"  # on what an edge asks of another
_NICE: Final = 10
_LARGEST: Final = 8 << 20  # bytes of one piece of the past


class Source(Protocol):
    """Reads pieces of rooms' pasts."""

    async def sound(self, room: RoomId, rendition: str, first: int, end: int) -> bytes:
        """CMAF of the parts first … end - 1. Raises NotFound, TryLater, OperatorError."""

    async def file(self, room: RoomId, name: str, first: int = 0, most: int = 0) -> bytes:
        """A file of a room's replay, or `most` bytes of it from `first` on. Raises as `sound`.

        name: one that a replay has; whoever asks has made sure of that.
        """

    async def podcast(self) -> bytes:
        """The feed of all replays. Raises as `sound`."""

    async def run(self, work: Callable[[], T]) -> T:
        """Do a piece of work off the loop."""

    async def close(self) -> None:
        """Let go."""


class Folder:
    """The data folder of this machine's stage, read by one thread that steps back for live sound."""

    def __init__(self, data: Path) -> None:
        self.replays = data / REPLAYS
        self._rooms = data / ROOMS
        self._thread = ThreadPoolExecutor(1, "past", initializer=_step_back)

    async def sound(self, room: RoomId, rendition: str, first: int, end: int) -> bytes:
        """From the journal, so that an erasure counts at once; else from the replay's files."""
        return await self.run(lambda: self._sound(room, rendition, first, end))

    async def file(self, room: RoomId, name: str, first: int = 0, most: int = 0) -> bytes:
        """From the replays' folder."""
        return await self.run(lambda: self._file(self.replays / room / name, first, most))

    async def podcast(self) -> bytes:
        """From the replays' folder."""
        return await self.run(lambda: self._file(self.replays / PODCAST, 0, 0))

    @staticmethod
    def _file(path: Path, first: int, most: int) -> bytes:
        try:
            with path.open("rb") as file:
                file.seek(first)
                return file.read(most or _LARGEST)
        except OSError:
            raise NotFound("past_none", "There is no replay of this room yet.") from None

    async def run(self, work: Callable[[], T]) -> T:
        """Do it in the thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """End the thread after what it is doing."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _sound(self, room: RoomId, rendition: str, first: int, end: int) -> bytes:
        try:
            return read_parts(self._rooms / room, rendition, first, end)
        except NotFound:
            path = self.replays / room / rendition / f"{first // SEGMENT_PARTS}.m4s"
            try:
                return path.read_bytes()
            except OSError:
                raise NotFound("part_gone", "This part is not kept here.") from None


class Elsewhere:
    """Another edge, or any server that holds replays, by its address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(5.0), headers={ASKS_HEADER: "1"}, trust_env=False
        )

    async def sound(self, room: RoomId, rendition: str, first: int, end: int) -> bytes:
        """By the address that listeners use; a single part is cut by whoever answers."""
        name = (
            f"{first // SEGMENT_PARTS}.m4s"
            if end - first == SEGMENT_PARTS or first % SEGMENT_PARTS == 0
            else f"part/{first}.m4s"
        )
        return await self._get(f"live/{room}/{rendition}/{name}")

    async def file(self, room: RoomId, name: str, first: int = 0, most: int = 0) -> bytes:
        """By the room's own address; a block of a large file as a range."""
        return await self._get(f"r/{room}/{name}", range(first, first + most))

    async def podcast(self) -> bytes:
        """By the address that podcast players use."""
        return await self._get(PODCAST)

    async def _get(self, path: str, wished: range = range(0)) -> bytes:
        told = {"Range": f"bytes={wished.start}-{wished.stop - 1}"} if wished else {}
        try:
            answer = await self._client.get(f"{self._url}/{path}", headers=told)
        except httpx.HTTPError:
            raise TryLater("past_away", "The archive does not answer.", delay_s=5) from None
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise NotFound("past_none", "The archive has nothing of this.")
        good = answer.status_code == (httpx.codes.PARTIAL_CONTENT if wished else httpx.codes.OK)
        if not good or len(answer.content) > _LARGEST:
            raise TryLater("past_away", "The archive does not answer.", delay_s=5)
        return answer.content

    async def run(self, work: Callable[[], T]) -> T:
        """Do it in some thread."""
        return await asyncio.to_thread(work)

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()


def _step_back() -> None:
    """Let the loop's thread go first: on Linux each has a niceness of its own."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
