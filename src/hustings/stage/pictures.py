"""Rooms' pictures on the stage's disk: `pictures/{room}/{hash}.jpg` in the data folder.

Keeps true: a file is what its name says, whole or not there; what the room's facts no longer show
goes at once. The facts, in the journal, name a picture by its hash; edges fetch it once. Used by
the door's HTTP, never on the thread that ticks.
"""

import asyncio
import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from hustings.base.errors import NotFound, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.journal.deletion import PICTURES, write_whole
from hustings.wire.kinds import Picture
from hustings.wire.pictures import DIGEST, digest, expect_small_jpeg

FILES: Final = 64  # of one room: what is shown, and what is on its way
_SUFFIX: Final = ".jpg"


class Pictures:
    """Those of one stage; used in one event loop."""

    def __init__(self, data: Path) -> None:
        self._folder = data / PICTURES
        self.changing = (
            asyncio.Lock()
        )  # hold it from `found` to `tidy`: facts and files go together

    async def keep(self, room: RoomId, name: str, jpeg: bytes) -> None:
        """Write a picture down. Raises UserError `picture_bad`, TryLater `pictures_full`, `journal_disk`."""
        expect_small_jpeg(jpeg)
        if digest(jpeg) != name:
            raise UserError("picture_bad", "This picture is not the one that its address names.")
        async with self.changing:
            await asyncio.to_thread(self._keep, self._folder / room, name, jpeg)

    async def found(self, room: RoomId, name: str, alt: str) -> Picture:
        """What the facts say of a picture that was handed in. Raises NotFound `picture_unknown`."""
        width, height = expect_small_jpeg(await self.read(room, name))
        return Picture(name, alt, width, height)

    async def read(self, room: RoomId, name: str) -> bytes:
        """Its bytes. Raises NotFound `picture_unknown`."""
        try:
            if not DIGEST.fullmatch(name):
                raise FileNotFoundError
            return await asyncio.to_thread((self._folder / room / f"{name}{_SUFFIX}").read_bytes)
        except OSError:
            raise NotFound("picture_unknown", "There is no such picture of this room.") from None

    async def tidy(self, room: RoomId, shown: Collection[str]) -> None:
        """The facts show these: everything else of the room goes."""
        await asyncio.to_thread(self._tidy, self._folder / room, shown)

    @staticmethod
    def _keep(folder: Path, name: str, jpeg: bytes) -> None:
        path = folder / f"{name}{_SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists() and len(list(folder.iterdir())) >= FILES:
                raise TryLater("pictures_full", "This room has very many pictures.", delay_s=60)
            write_whole(path, jpeg)
        except OSError as error:
            raise TryLater("journal_disk", "The disk does not take it. Try again.") from error

    @staticmethod
    def _tidy(folder: Path, shown: Collection[str]) -> None:
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                if path.stem not in shown:
                    path.unlink(missing_ok=True)
            folder.rmdir()  # only if it is empty
