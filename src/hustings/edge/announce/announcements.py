"""What an edge tells calendars, podcast players and other sites of its rooms, from the index it follows anyway.

Here and not at web, since a crowd that was told of an evening takes it into its calendars at once,
and those come back every hour, whether web is up or not. Made once for all who ask. Called by
`edge.routes`.
"""

import gzip
import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hustings.archive.podcast import House
from hustings.base.clock import Clock
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId, is_private
from hustings.edge.announce.calendar import calendar, listed
from hustings.edge.announce.live_items import BEHIND_MS, live_items
from hustings.edge.announce.oembed import oembed, room_asked
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.past import gone
from hustings.edge.rooms import Rooms
from hustings.pages.locales import LANGUAGES
from hustings.wire import kinds
from hustings.wire.links import Links

LOOK_S: Final = 5.0  # between looks at all rooms: some milliseconds for ten thousand
ITEMS_S: Final = 30.0  # caches keep the feed for twice as long
_OPEN: Final = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}


class Made(msgspec.Struct, frozen=True):
    """One house's calendar in one language, and what it was made from."""

    rooms: list[kinds.Room]
    plain: bytes
    small: bytes


class Announcements:
    """Of one edge."""

    def __init__(
        self,
        rooms: Rooms,
        links: Callable[[Request], Links],
        house: Callable[[Links | None], House],
        clock: Clock,
    ) -> None:
        """links: of whoever asks, a bounded number of different ones; house: with those, or its own."""
        self._rooms = rooms
        self._links = links
        self._house = house
        self._clock = clock
        self._looked_s = float("-inf")
        self._listed: list[kinds.Room] = []
        self._made: dict[tuple[Links, str], Made] = {}
        self._told_s = float("-inf")
        self._items = b""

    def calendar(self, request: Request) -> Answer:
        """The house's, at `?lang=` in the words for readers of one of the pages' languages.

        Raises TryLater: a calendar without rooms would empty everybody's.
        """
        if not self._rooms.indexed:
            raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
        now_s, links = self._clock.monotonic(), self._links(request)
        if now_s - self._looked_s >= LOOK_S:
            dated = self._named(lambda facts: bool(facts.get("start_ms")))
            self._looked_s, self._listed = now_s, listed(dated, self._clock.wall_ms())
        asked = request.query.get("lang", "")
        language = asked if asked in LANGUAGES else ""  # so many are kept, and no more
        made = self._made.get((links, language))
        if made is None or made.rooms != self._listed:
            body = calendar(self._house(links), self._listed, whole=True, language=language)
            made = Made(self._listed, body, gzip.compress(body, 6, mtime=0))
            self._made[links, language] = made
        return _tagged(request, made.plain, made.small, name="calendar")

    def live_items(self) -> bytes:
        """Of the podcast feed, with the house's own addresses as there; at most `ITEMS_S` old."""
        now_s = self._clock.monotonic()
        if self._rooms.indexed and now_s - self._told_s >= ITEMS_S:
            self._told_s = now_s
            ago_ms = self._clock.wall_ms() - BEHIND_MS
            rooms = self._named(lambda facts: not 0 < facts.get("ended_ms", 0) < ago_ms)
            self._items = live_items(self._house(None), rooms, self._clock.wall_ms())
        return self._items

    def event(self, request: Request, name: RoomId) -> Answer:
        """One room's, in the words for readers of `?lang=`. Raises NotFound `room_unknown`, `start_none`."""
        room, language = self._room(name), request.query.get("lang", "")
        if not room.start_ms:
            raise NotFound("start_none", "When this room begins is not said yet.")
        body = calendar(self._house(self._links(request)), [room], whole=False, language=language)
        return _tagged(request, body, None, name=name)

    def oembed(self, request: Request) -> dict[str, Any]:
        """What another site's editor is told of a link to a room. Raises as `room_asked`, `_room`."""
        links = self._links(request)
        room = self._room(room_asked(request.query, links.edge))
        return oembed(self._house(links), room, request.query)

    def _room(self, name: RoomId) -> kinds.Room:
        facts = self._rooms.facts(name)
        if facts is None:
            if not self._rooms.indexed:
                raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
            raise NotFound("room_unknown", "There is no room of this name.")
        gone.expect_kept(facts)
        return msgspec.convert({"room": name, **facts}, kinds.Room)

    def _named(self, wanted: Callable[[dict[str, Any]], bool]) -> list[kinds.Room]:
        """The public rooms whose facts are wanted, of all that are known."""
        found = []
        for name in self._rooms.known():
            facts = self._rooms.facts(name)
            if facts is not None and not is_private(name) and wanted(facts):
                found.append(msgspec.convert({"room": name, **facts}, kinds.Room))
        return found


def _tagged(request: Request, body: bytes, small: bytes | None, *, name: str) -> Answer:
    packed = small is not None and request.gzip
    etag = f'"{hashlib.sha256(body).hexdigest()[:16]}{"-g" if packed else ""}"'
    headers = {
        "Content-Type": "text/calendar; charset=utf-8",
        "Content-Disposition": f'inline; filename="{name}.ics"',
        "Cache-Control": "public, max-age=60",
        "Vary": "Accept-Encoding",
        "ETag": etag,
        **_OPEN,
    }
    if request.holds(etag):
        return Answer(304, headers)
    if packed and small is not None:
        return Answer(200, headers | {"Content-Encoding": "gzip"}, small)
    return Answer(200, headers, body)
