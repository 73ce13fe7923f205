"""Photos that hosts choose, developed into small JPEGs by a process of their own, one at a time.

Keeps true: at most `WAITING` photos are in memory; each has `PATIENCE_S`; whatever a photo does to
the process that decodes it (`media.pictures`), web goes on and the host reads what to do.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from hustings.base.errors import TryLater, UserError
from hustings.media.picture_head import expect_photo
from hustings.media.pictures import REFUSED
from hustings.wire.pictures import PICTURE_BYTES

WAITING: Final = 4  # photos that come, wait or are developed: 48 MB
PATIENCE_S: Final = 30.0
CARD_PX: Final = (1_200, 630)  # what sites show of a link
FACE_PX: Final = (512, 512)  # what notices and podcast players show of a person


class Darkroom:
    """That of one web service."""

    def __init__(self) -> None:
        self._photos = 0
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one while a photo is read and developed. Raises TryLater `picture_busy`."""
        if self._photos >= WAITING:
            raise TryLater("picture_busy", "Other pictures are being prepared.", delay_s=5)
        self._photos += 1
        try:
            yield
        finally:
            self._photos -= 1

    async def develop(self, photo: bytes, within: tuple[int, int] = CARD_PX) -> bytes:
        """The small JPEG. within: px. Raises UserError as `media.pictures.small_jpeg`."""
        expect_photo(photo)  # what its head gives away costs no process
        async with self._turn:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await _developed(photo, within)
            except TimeoutError:
                raise _broken() from None


async def _developed(photo: bytes, within: tuple[int, int]) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hustings.media.pictures"),
        *(str(each) for each in (*within, PICTURE_BYTES)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        said, _ = await process.communicate(photo)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    if process.returncode == REFUSED:
        why = msgspec.json.decode(said)
        raise UserError(why["code"], why["title"])
    if process.returncode != 0:
        raise _broken()
    return said


def _broken() -> UserError:
    return UserError("picture_broken", "This picture is damaged. Save it anew, or choose another.")
