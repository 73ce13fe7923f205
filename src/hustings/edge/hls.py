"""The HLS side of a room: which answer, when, and how long a cache may keep it.

Every answer's bytes are made once and shared by all who wait for the same part. Cache times:
a reply to `_HLS_msn` never changes (six target durations), a bare playlist is of this second,
parts and segments stay for a minute, since sound can be taken back, refusals for a moment, so that a cache in front absorbs repeats.
Called by `edge.routes`.
"""

from collections.abc import Callable
from typing import Final

from hustings.archive.playlists import TARGET_S
from hustings.base.errors import HustingsError, NotFound, TryLater, UserError
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.live_room import LiveRoom
from hustings.edge.past.rewind import Rewind, parts_of
from hustings.edge.rooms import is_rendition
from hustings.edge.sound import playlists
from hustings.media.cmaf import init_segment
from hustings.wire.names import SEGMENT_PARTS

_PLAYLIST: Final = "application/vnd.apple.mpegurl"
_MP4: Final = "audio/mp4"
_VTT: Final = "text/vtt; charset=utf-8"
_SHORT: Final = "public, max-age=1"
_REPLY: Final = f"public, max-age={6 * TARGET_S}"
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_SOUND: Final = "public, max-age=60"  # longer than the live window; it can be taken back
NO_PARTS: Final = 4  # parts of one send from which on playlists list segments only: costs a pause


def _answer(kind: str, cache: str, body: bytes) -> Answer:
    headers = {"Content-Type": kind, "Cache-Control": cache, "Access-Control-Allow-Origin": "*"}
    return Answer(200, headers, body)


class Hls:
    """The answers of one edge."""

    def __init__(self, rewind: Rewind) -> None:
        """rewind: has the sound that is no longer in memory."""
        self._rewind = rewind
        self._shared: dict[tuple[str, str, int, bool], bytes] = {}  # playlists of the newest part

    def serve(self, connection: Connection, request: Request, room: LiveRoom, path: str) -> None:
        """Answer a path below `/live/{room}/`, now or when its part has come."""

        def refuse(error: HustingsError) -> None:
            connection.refuse(error, _BRIEF)

        def begun() -> None:
            if not room.program.begun:
                raise TryLater("room_closed", "This room is not open yet.", delay_s=10)
            self._begun(connection, request, room, path, refuse)

        try:
            room.when_begun(begun, refuse)
        except HustingsError as error:  # known at once; the same answer as after a wait
            refuse(error)

    def _begun(
        self,
        connection: Connection,
        request: Request,
        room: LiveRoom,
        path: str,
        refuse: Callable[[HustingsError], None],
    ) -> None:
        if path == "index.m3u8":
            language = str(room.program.facts.room.get("language", "en"))
            body = playlists.multivariant(language=language, low=room.low)
            connection.answer(_answer(_PLAYLIST, _SHORT, body))
            return
        rendition, _, name = path.partition("/")
        if not (is_rendition(rendition) or rendition == "captions"):
            raise NotFound("not_found", "There is nothing at this address.")
        if name == "index.m3u8":
            window = room.window()
            awaited = playlists.awaited(request.query, window)
            cache = _SHORT if awaited is None else _REPLY

            def playlist() -> None:
                body = self._playlist(room, rendition)
                connection.answer(_answer(_PLAYLIST, cache, body))

            if awaited is None:
                playlist()
            else:
                room.when_sent(awaited, playlist, refuse, network=_network(connection))
        elif name == "init.mp4" and rendition != "captions":
            connection.answer(_answer(_MP4, _FOR_EVER, init_segment(rendition)))
        else:
            self._media(connection, request, room, rendition, name, refuse)

    def _media(
        self,
        connection: Connection,
        request: Request,
        room: LiveRoom,
        rendition: str,
        name: str,
        refuse: Callable[[HustingsError], None],
    ) -> None:
        first, end = _parts_of(name, "vtt" if rendition == "captions" else "m4s")
        program = room.program
        if first < program.oldest and rendition != "captions":
            self._rewind.sound(connection, request, room.id, rendition, first, end)
            return
        if first < program.oldest:
            raise NotFound("part_gone", "This part is no longer here.")
        if end > program.next + 2 * SEGMENT_PARTS:
            raise UserError("hls_query", "This part is too far in the future to wait for.")

        def send() -> None:
            last = min(end, program.next) if program.finished else end
            if last <= first:
                raise NotFound("part_gone", "The room ended before this part.")
            if rendition == "captions":
                body = playlists.vtt(first // SEGMENT_PARTS)
                connection.answer(_answer(_VTT, _FOR_EVER, body))
            else:
                body = b"".join(program.plain(rendition, n) for n in range(first, last))
                connection.answer(_answer(_MP4, _SOUND, body))

        room.when_sent(end - 1, send, refuse, network=_network(connection))

    def _playlist(self, room: LiveRoom, rendition: str) -> bytes:
        window = room.window()
        key = (room.id, rendition, window.next + window.ended, room.joined >= NO_PARTS)
        if (body := self._shared.get(key)) is None:
            if rendition == "captions":
                body = playlists.captions(window)
            else:
                body = playlists.media(rendition, window, parts=room.joined < NO_PARTS)
            if len(self._shared) >= 256:
                self._shared.clear()
            self._shared[key] = body
        return body


_BRIEF: Final = {"Cache-Control": _SHORT, "Access-Control-Allow-Origin": "*"}


def _network(connection: Connection) -> str:
    """Whom a held request counts for; this machine is nobody."""
    return "" if connection.who.near else connection.who.network


def _parts_of(name: str, suffix: str) -> tuple[int, int]:
    """The parts of `{S}.m4s`, `{S}.vtt` or `part/{N}.m4s`: first, end."""
    if not name.endswith(f".{suffix}") or (suffix == "vtt" and name.startswith("part/")):
        raise NotFound("not_found", "There is nothing at this address.")
    return parts_of(f"{name.removesuffix(suffix)}m4s")
