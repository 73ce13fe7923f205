"""The past as one edge has it: where it is read, what is kept of it, who answers. Owned by `edge.app`."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from hustings.archive.podcast import PODCAST
from hustings.base.clock import Clock
from hustings.base.ids import RoomId
from hustings.edge.past.files import Files
from hustings.edge.past.rewind import Rewind
from hustings.edge.past.shelf import REST, Shelf
from hustings.edge.past.sources import Elsewhere, Folder, Source
from hustings.edge.rooms import Rooms
from hustings.settings import Settings

_FETCHES: Final = 4  # pieces asked of another edge at once


class Past:
    """Puts the parts of `edge.past` together."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        rooms: Rooms,
        *,
        pressure: Callable[[], float],
        live_items: Callable[[], bytes],
    ) -> None:
        self._source = _source(settings)
        near = isinstance(self._source, Folder)
        self._shelf = Shelf(
            clock,
            most_bytes=settings.edge.archive_bytes,
            readers=1 if near else _FETCHES,
            rest=REST if near else 0.0,
        )
        self.rewind = Rewind(rooms, self._shelf, self._source, pressure=pressure)
        self.files = Files(rooms, self._shelf, self._source, live_items)

    def forget(self, room: RoomId) -> None:
        """A room's recording was deleted: nothing of it stays in memory."""
        self._shelf.forget_room(room)
        self._shelf.forget_room(PODCAST)
        self.files.forget(room)

    async def close(self) -> None:
        """Stop reading."""
        await self.files.close()
        await self._shelf.close()
        if self._source is not None:
            await self._source.close()


def _source(settings: Settings) -> Source | None:
    """As set; else the folder of the stage on this machine; None: an edge elsewhere with no archive."""
    place = settings.edge.archive
    if place.startswith(("http://", "https://")):
        return Elsewhere(place)
    if not place and settings.edge.origin:
        return None
    return Folder(Path(place or settings.data))
