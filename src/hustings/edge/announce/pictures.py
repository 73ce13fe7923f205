"""Pictures of rooms and guests at an edge: fetched once from where it feeds, kept in memory, the same for all.

Keeps true: only a picture that the room's facts show now is fetched or given, so made-up addresses
cost nothing, and a picture that was taken away is gone here as soon as the facts are; its bytes are
what its name says. Works for rooms that nobody listens to. Called by `edge.routes`, and by
`edge.feed.tree` for edges below (docs/protocol.md 2.10).
"""

from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.past import gone
from hustings.edge.past.shelf import Shelf
from hustings.edge.rooms import Rooms
from hustings.wire import kinds
from hustings.wire.pictures import digest, shown

KEPT_S: Final = 3_600.0
KEPT_BYTES: Final = 16 << 20  # 320 pictures at least
_FETCHES: Final = 4  # at once
AGE_S: Final = 86_400  # in caches that nobody can call back: a day, not for ever
_HEADERS: Final = {
    "Content-Type": "image/jpeg",
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": f"public, max-age={AGE_S}, immutable",
}

Fetch = Callable[[RoomId, str], Awaitable[bytes]]


class Pictures:
    """Those of one edge."""

    def __init__(self, rooms: Rooms, fetch: Fetch, clock: Clock) -> None:
        """fetch: asks whom this edge feeds on; raises NotFound, TryLater."""
        self._rooms = rooms
        self._fetch = fetch
        self._shelf = Shelf(clock, most_bytes=KEPT_BYTES, readers=_FETCHES, rest=0.0, kept_s=KEPT_S)

    def serve(
        self,
        connection: Connection,
        request: Request,
        room: RoomId,
        name: str,
        *,
        of_guest: bool = False,
    ) -> None:
        """Answer with a picture; with the way to the room's newer one, where it was replaced.

        of_guest: asked for as a guest's, which leads nowhere once they took it back.

        Raises NotFound `room_unknown`, `picture_unknown`, UserError `room_deleted`, TryLater.
        """
        facts = self._facts(room)
        if name not in shown(facts):
            self._shelf.forget((room, name))
            if facts.picture is None or of_guest:
                raise _unknown()
            headers = {
                "Location": f"/r/{room}/{facts.picture.file}",
                "Cache-Control": "public, max-age=60",
            }
            connection.answer(Answer(307, headers))
            return
        headers = {**_HEADERS, "ETag": f'"{name}"'}
        if request.holds(headers["ETag"]):
            connection.answer(Answer(304, headers))
            return
        self.ask(connection, room, name, headers)

    def below(self, connection: Connection, room: RoomId, name: str) -> None:
        """Answer an edge that feeds on this one. Raises as `serve`."""
        if name not in shown(self._facts(room)):
            raise _unknown()
        self.ask(connection, room, name, {"Content-Type": "image/jpeg"})

    def ask(self, connection: Connection, room: RoomId, name: str, headers: dict[str, str]) -> None:
        """Answer with these headers, now or once it has come."""

        async def load() -> bytes:
            data = await self._fetch(room, name)
            if digest(data) != name:
                raise TryLater("past_away", "This picture did not come whole.", delay_s=5)
            return data

        def send(data: bytes) -> None:
            connection.answer(Answer(200, headers, data))

        self._shelf.ask((room, name), load, send, connection.refuse)

    def forget(self, room: RoomId) -> None:
        """The room's recording was deleted, and this with it."""
        self._shelf.forget_room(room)

    async def close(self) -> None:
        """Fetch no more."""
        await self._shelf.close()

    def _facts(self, room: RoomId) -> kinds.Room:
        facts = self._rooms.facts(room)
        if facts is None:
            if not self._rooms.indexed:
                raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
            raise NotFound("room_unknown", "There is no room of this name.")
        gone.expect_kept(facts)
        return msgspec.convert({"room": room, **facts}, kinds.Room)


def _unknown() -> NotFound:
    return NotFound("picture_unknown", "There is no such picture of this room.")
