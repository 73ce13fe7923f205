"""The files of a replay, below the room's own address: `/r/{room}/...`; and the podcast of all.

Format: docs/protocol.md 3.9.

Keeps true: only names that a replay has are looked for, so no path leads out of its folder. Small
files and blocks of large ones come from the shelf, read once for all; a player's open-ended range
gets one block at a time (RFC 9110 15.3.7), so that thousands who listen hold no connection; whole
downloads are few, written as fast as their reader takes them. Asked by `edge.routes`.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec

from hustings.archive.index import INDEX, TYPES, Replay, agreed, outdated, read_index
from hustings.archive.podcast import PODCAST
from hustings.base.errors import HustingsError, NotFound
from hustings.base.ids import RoomId
from hustings.base.tasks import Tasks
from hustings.edge.announce.live_items import put_in
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.past.places import DownloadPlaces
from hustings.edge.past.shelf import Refuse, Shelf
from hustings.edge.past.sources import ASKS_HEADER, Folder, Source
from hustings.edge.rooms import Rooms

BLOCK: Final = 1 << 20  # bytes: two minutes of m4a
DOWNLOADS: Final = 64  # whole files on their way at once
PATIENCE_S: Final = 30.0  # for one block to be taken
KNOWN: Final = 256  # indexes that are kept decoded

_NAME: Final = re.compile(
    r"(?:index\.json|chapters\.json|timeline\.svg|index\.m3u8|audio\.(?:m4a|opus|mp3|wav)"
    r"|(?:aac|opus)/(?:index\.m3u8|init\.mp4|\d{1,15}\.m4s)|tracks/[0-9a-f]{16}\.flac)"
)
_TYPES: Final = {
    "json": "application/json",
    "svg": "image/svg+xml",
    "m3u8": "application/vnd.apple.mpegurl",
    "mp4": "audio/mp4",
    "m4s": "audio/mp4",
    "flac": "audio/flac",
    **TYPES,
}
_OPEN: Final = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_NOT_YET: Final = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=1"}
_FEED: Final = {
    "Content-Type": "application/rss+xml; charset=utf-8",
    "Cache-Control": "public, max-age=60",
    "Vary": "Accept-Encoding",
    **_OPEN,
}
_RANGE: Final = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


class _File(NamedTuple):
    """One of those that are given in blocks."""

    size: int
    saved_as: str  # parameters of Content-Disposition


class Files:
    """Replays' files at one edge."""

    def __init__(
        self, rooms: Rooms, shelf: Shelf, source: Source | None, live_items: Callable[[], bytes]
    ) -> None:
        """live_items: of the podcast feed, for what is on or comes."""
        self._rooms = rooms
        self._shelf = shelf
        self._source = source
        self._tasks = Tasks()
        self._places = DownloadPlaces(DOWNLOADS)
        self._indexes: dict[RoomId, tuple[bytes, Replay | None]] = {}
        self._live_items = live_items
        self._podcasts: dict[bool, tuple[bytes, str]] = {}  # plain or not: bytes, their tag

    async def close(self) -> None:
        """Break off downloads."""
        await self._tasks.close()

    def forget(self, room: RoomId) -> None:
        """There is no replay of it any more."""
        self._indexes.pop(room, None)
        self._podcasts.clear()  # it named who spoke there

    def index(self, room: RoomId, then: Callable[[Replay | None], None]) -> None:
        """Tell of a room's replay, now or soon; None: none yet, or it must be made anew.

        Without the tracks, and without the names as guests, of who does not agree to that any more.
        """

        def found(data: bytes) -> None:
            known = self._indexes.get(room)
            if known is None or known[0] is not data:
                if len(self._indexes) >= KNOWN:
                    self._indexes.clear()
                known = self._indexes[room] = (data, read_index(data))
            replay = known[1]
            facts = self._rooms.facts(room) or {}
            if replay is not None and outdated(replay, facts.get("erased", ())):
                self._shelf.forget((room, INDEX, ""))
                replay = None
            then(replay and agreed(replay, facts))

        try:
            self._whole(room, INDEX, "", found, lambda _: then(None))
        except HustingsError:
            then(None)

    def serve(self, connection: Connection, request: Request, room: RoomId, name: str) -> None:
        """Answer for one file. Raises NotFound `not_found`, `past_none`, TryLater."""
        if not _NAME.fullmatch(name):
            raise NotFound("not_found", "There is nothing at this address.")
        self._here(own=ASKS_HEADER.lower() in request.headers)
        media = name.endswith((".m4s", ".mp4"))
        headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Cache-Control": "public, max-age=60" if media else "public, max-age=30",
            **_OPEN,
        }

        def found(replay: Replay | None) -> None:
            files = _large_files(room, replay) if replay else {}
            try:
                if replay is None or (name.startswith(("audio.", "tracks/")) and name not in files):
                    none = NotFound("past_none", "There is no such file of this room just now.")
                    connection.refuse(none, _NOT_YET)  # an audience looks for it after the end
                elif name in files:
                    self._large(connection, request, room, name, files[name], replay.sound)
                elif name == INDEX:
                    send(msgspec.json.encode(replay))
                else:
                    self._whole(room, name, replay.sound, send, connection.refuse)
            except HustingsError as error:
                connection.refuse(error)

        def send(data: bytes) -> None:
            connection.answer(Answer(200, headers, data))

        self.index(room, found)

    def podcast(self, connection: Connection, request: Request) -> None:
        """Answer with the feed of all replays, and of what is on or comes.

        Another edge gets the replays alone: it adds the rest itself. Raises NotFound `past_none`,
        TryLater.
        """
        own, small = ASKS_HEADER.lower() in request.headers, request.gzip
        source, items = self._here(own=own), b"" if own else self._live_items()

        async def load() -> bytes:
            data = put_in(await source.podcast(), items)
            return await source.run(lambda: gzip.compress(data, 6, mtime=0)) if small else data

        def send(data: bytes) -> None:
            known = self._podcasts.get(small)
            if known is None or known[0] is not data:
                tag = f'"{hashlib.sha256(data).hexdigest()[:16]}"'
                known = self._podcasts[small] = (data, tag)
            headers = {**_FEED, "ETag": known[1]}
            if request.holds(known[1]):
                connection.answer(Answer(304, headers))
                return
            headers |= {"Content-Encoding": "gzip"} if small else {}
            connection.answer(Answer(200, headers, data))

        self._shelf.ask((PODCAST, small, items), load, send, connection.refuse)

    def _whole(
        self,
        room: RoomId,
        name: str,
        sound: str,
        then: Callable[[bytes], None],
        refuse: Refuse,
    ) -> None:
        source = self._here()
        self._shelf.ask((room, name, sound), lambda: source.file(room, name), then, refuse)

    def _here(self, *, own: bool = False) -> Source:
        """Where replays are read; own: of this machine only, as another edge asks."""
        if self._source is None or (own and not isinstance(self._source, Folder)):
            raise NotFound("past_none", "Replays are not kept here.")
        return self._source

    # ------------------------------------------------------------ large files

    def _large(
        self,
        connection: Connection,
        request: Request,
        room: RoomId,
        name: str,
        file: "_File",
        sound: str,
    ) -> None:
        size = file.size
        headers = {
            "Content-Type": _TYPES[name.rpartition(".")[2]],
            "Cache-Control": "public, max-age=60",
            "Accept-Ranges": "bytes",
            "ETag": f'"{sound}-{size}"',
            **_OPEN,
        }
        wished = _RANGE.fullmatch(request.headers.get("range", ""))
        fits = request.headers.get("if-range", headers["ETag"]) == headers["ETag"]
        if wished is not None and fits and request.method == "GET":
            first = int(wished[1])
            if first >= size:
                gone = {**headers, "Content-Range": f"bytes */{size}"}
                connection.answer(Answer(416, gone))
                return
            last = min(size - 1, int(wished[2] or size), (first // BLOCK + 1) * BLOCK - 1)

            def send(data: bytes) -> None:
                body = data[first % BLOCK : last % BLOCK + 1]
                told = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
                connection.answer(Answer(206, told, body))

            self._block(room, name, sound, first // BLOCK, send, connection.refuse)
            return
        if request.method == "HEAD":
            connection.begin(self._head(headers, size), lambda: None)
            connection.done()
            return
        who = connection.who
        self._places.take(who)
        headers["Content-Disposition"] = f"attachment; {file.saved_as}"
        work = self._download(connection, self._head(headers, size), room, name, sound, size)
        task = self._tasks.start(work, name=f"download of {room}")
        task.add_done_callback(lambda _: self._places.leave(who))

    @staticmethod
    def _head(headers: dict[str, str], size: int) -> bytes:
        return protocol.head(200, {**headers, "Content-Length": str(size)}, close=True)

    def _block(
        self,
        room: RoomId,
        name: str,
        sound: str,
        number: int,
        then: Callable[[bytes], None],
        refuse: Refuse,
    ) -> None:
        source = self._here()
        self._shelf.ask(
            (room, name, sound, number),
            lambda: source.file(room, name, number * BLOCK, BLOCK),
            then,
            refuse,
        )

    async def _download(
        self, connection: Connection, head: bytes, room: RoomId, name: str, sound: str, size: int
    ) -> None:
        """The whole file, no faster than it is taken."""
        drained = asyncio.Event()
        connection.begin(head, drained.set)
        try:
            async with asyncio.timeout(None) as patience:
                for number in range(-(-size // BLOCK)):
                    patience.reschedule(asyncio.get_running_loop().time() + PATIENCE_S)
                    block = asyncio.get_running_loop().create_future()
                    self._block(room, name, sound, number, block.set_result, block.set_exception)
                    data = await block
                    drained.clear()
                    if connection.closed:
                        return
                    if not connection.more(data):
                        await drained.wait()
        except (TimeoutError, HustingsError):
            connection.transport.abort()  # a short answer must not look whole
        finally:
            connection.done()


def _large_files(room: RoomId, replay: Replay) -> dict[str, _File]:
    """Downloads and tracks by their names."""
    found = {
        each.name: _File(each.bytes, f'filename="{room}.{each.name.partition(".")[2]}"')
        for each in replay.downloads
    }
    for number, track in enumerate(replay.tracks, 1):
        name = quote(f"{room} {track.name}.flac", safe="")  # RFC 6266, for names in any script
        saved_as = f"filename=\"{room}-track-{number}.flac\"; filename*=UTF-8''{name}"
        found[track.file] = _File(track.bytes, saved_as)
    return found
