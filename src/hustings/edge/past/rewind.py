"""Sound of a room that is no longer in memory: segments of any hour, and playlists over them all.

`edge.routes` asks first; what the live program still keeps is answered by `edge.hls`. A segment
may be kept by caches for a minute only: sound can be taken back, and then is hold audio at once.
"""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from hustings.archive import playlists
from hustings.archive.playlists import Evening, evening
from hustings.archive.sound import without
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.live_room import LiveRoom
from hustings.edge.past.shelf import Refuse, Shelf
from hustings.edge.past.sources import ASKS_HEADER, Folder, Source
from hustings.edge.rooms import Rooms, is_rendition
from hustings.media.cmaf import init_segment
from hustings.wire.names import CMAF_RENDITIONS, SEGMENT_PARTS

NAME: Final = "dvr.m3u8"
_PLAYLIST: Final = "application/vnd.apple.mpegurl"
_MP4: Final = "audio/mp4"
_OPEN: Final = {"Access-Control-Allow-Origin": "*"}
_BRIEF: Final = {**_OPEN, "Cache-Control": "public, max-age=1"}
_MEDIA: Final = "public, max-age=60"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
TIRED_X: Final = 0.8  # from this pressure on the past waits


class Rewind:
    """The past of an edge's rooms; without a source there is none."""

    def __init__(
        self,
        rooms: Rooms,
        shelf: Shelf,
        source: Source | None,
        *,
        pressure: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._rooms = rooms
        self._shelf = shelf
        self._source = source
        self._pressure = pressure

    def serves(self, room: RoomId, name: str) -> bool:
        """Whether a path below `/live/{room}/` is ours: playlists over all, an ended room's media."""
        if name == NAME or name.endswith(f"/{NAME}"):
            return True
        rendition, _, media = name.partition("/")
        facts = self._rooms.facts(room)
        return (
            facts is not None
            and facts.get("state") == "ended"
            and is_rendition(rendition)
            and media.endswith((".m4s", "init.mp4"))
            and not ((live := self._rooms.live.get(room)) and live.program.begun)
        )

    def serve(self, connection: Connection, request: Request, room: RoomId, name: str) -> None:
        """Answer such a path, now or later."""
        facts = self._rooms.facts(room)
        if facts is not None and facts.get("state") == "ended":
            self._serve(connection, request, room, name, evening(facts, 0))
            return
        live = self._rooms.find(room)
        live.when_begun(
            lambda: self._serve(connection, request, room, name, _so_far(live)),
            lambda error: connection.refuse(error, _BRIEF),
        )

    def _serve(
        self,
        connection: Connection,
        request: Request,
        room: RoomId,
        name: str,
        past: Evening | None,
    ) -> None:
        if past is None or self._source is None or self._is_over(room):
            raise NotFound("past_none", "Nothing of this room can be heard again here.")
        if name == NAME:
            body = playlists.multivariant(CMAF_RENDITIONS, NAME)
            connection.answer(_answer(_PLAYLIST, body, "public, max-age=60"))
            return
        rendition, _, media = name.partition("/")
        if not is_rendition(rendition):
            raise NotFound("not_found", "There is nothing at this address.")
        if media == NAME:
            self._playlist(connection, request, room, past)
        elif media == "init.mp4":
            connection.answer(_answer(_MP4, init_segment(rendition), _FOR_EVER))
        else:
            first, end = parts_of(media)
            self.sound(connection, request, room, rendition, first, min(end, past.end))

    def _playlist(
        self, connection: Connection, request: Request, room: RoomId, past: Evening
    ) -> None:
        """The same for all renditions; made once for each segment, off the loop."""
        small = "gzip" in request.headers.get("accept-encoding", "")
        source = self._source
        assert source is not None

        def make() -> bytes:
            body = playlists.media(past)
            return gzip.compress(body, 6, mtime=0) if small else body

        def send(body: bytes) -> None:
            cache = "public, max-age=60" if past.over else "public, max-age=2"
            extra = {"Content-Encoding": "gzip"} if small else {}
            headers = {"Vary": "Accept-Encoding", **extra}
            connection.answer(_answer(_PLAYLIST, body, cache, headers))

        key = (room, NAME, past.segments, past.over, small)
        self._shelf.ask(
            key,
            lambda: source.run(make),
            send,
            lambda error: connection.refuse(error, _BRIEF),
        )

    def sound(
        self,
        connection: Connection,
        request: Request,
        room: RoomId,
        rendition: str,
        first: int,
        end: int,
    ) -> None:
        """Answer with the parts first … end - 1; raises NotFound `part_gone`, TryLater."""
        source = self._source
        asked_by_edge = ASKS_HEADER.lower() in request.headers
        not_kept = self._is_over(room)
        if (
            source is None
            or not_kept
            or end <= first
            or (asked_by_edge and not isinstance(source, Folder))
        ):
            raise NotFound("part_gone", "This part is no longer here.")
        if self._pressure() > TIRED_X:
            raise TryLater("past_busy", "Live sound comes first here just now.", delay_s=5)
        refuse: Refuse = lambda error: connection.refuse(error, _BRIEF)  # noqa: E731
        facts = self._rooms.facts(room) or {}
        gone = frozenset(taken_back(facts.get("erased", ()), first, end))

        async def load() -> bytes:
            data = await source.sound(room, rendition, first, end)
            return without(data, rendition, gone) if gone else data

        self._shelf.ask(
            (room, rendition, first, end, gone),
            load,
            lambda body: connection.answer(_answer(_MP4, body, _MEDIA)),
            refuse,
        )

    def _is_over(self, room: RoomId) -> bool:
        """Whether its past is nobody's any more, though its deletion may be some seconds away."""
        facts = self._rooms.facts(room) or {}
        return facts.get("state") == "ended" and facts.get("keep_days") == 0


def parts_of(name: str) -> tuple[int, int]:
    """The parts of `{S}.m4s` or `part/{N}.m4s`: first, end. Raises NotFound."""
    number, dot, kind = name.removeprefix("part/").partition(".")
    fits = number.isascii() and number.isdigit() and len(number) < 16 and str(int(number)) == number
    if not fits or dot != "." or kind != "m4s":
        raise NotFound("not_found", "There is nothing at this address.")
    if name.startswith("part/"):
        return int(number), int(number) + 1
    return int(number) * SEGMENT_PARTS, (int(number) + 1) * SEGMENT_PARTS


def taken_back(erased: Iterable[Mapping[str, Any]], first: int, end: int) -> Iterator[int]:
    """The parts first … end - 1 that lie in one of a room's `erased` stretches."""
    for stretch in erased:
        yield from range(max(first, int(stretch["first"])), min(end, int(stretch["last"]) + 1))


def _so_far(live: LiveRoom) -> Evening | None:
    return evening(live.program.facts.room, live.program.next)


def _answer(kind: str, body: bytes, cache: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(
        200, {"Content-Type": kind, "Cache-Control": cache, **_OPEN, **(headers or {})}, body
    )
