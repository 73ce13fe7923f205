"""Pages and files as ready answers: rendered and compressed once, shared by all who ask.

A listener page depends on the room's public facts and the language, nothing else; it is made anew
when the facts change and kept for some hundred (room, language, own address) triples. Called by `edge.routes`.
"""

import gzip
import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from hustings.archive.podcast import House, house_of
from hustings.base.errors import NotFound, TryLater
from hustings.base.ids import RoomId
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.status import RoomStatus, Stage, Status, joined_s, status
from hustings.pages import assets
from hustings.pages.locales import LANGUAGES
from hustings.pages.render import choose_language, page_headers, render
from hustings.settings import Settings
from hustings.wire import kinds
from hustings.wire.batch import Rung
from hustings.wire.links import Links
from hustings.wire.wording import told_in, worded

_PAGES: Final = 512
_RENDERS: Final = 40  # status pages made in a second: some 20 ms of work
_CALM: Final = "public, max-age=5, stale-while-revalidate=30"
_SOON_ELSE: Final = "public, max-age=5"  # of a room that has ended: its replay takes this place
_TEMPLATES: Final = {
    "replay": "replay.html",
    "proved": "deleted.html",
}  # by what is known of a room
_EMBED: Final = dict(page_headers(framed_by_all=True))
_HOSTS: Final = 64  # names under which one edge is reached


@lru_cache(maxsize=_HOSTS)
def _listener_headers(stage: str) -> dict[str, str]:
    """stage: base URL; the page of somebody who is called up stands in a frame of theirs."""
    return dict(page_headers(frames=[stage] if stage else []))


Key = tuple[str, str, Links, bool]  # room, language, own address, in a frame


class Page(msgspec.Struct, frozen=True):
    """A rendered page; `source` is what it was made from."""

    source: object
    etag: str
    body: bytes
    small: bytes


class Paper:
    """The pages of one edge."""

    def __init__(
        self, links: Callable[[str], Links], house: Callable[[Links], House] | None = None
    ) -> None:
        """links: where the other services are, for somebody who reached us by that `Host`."""
        self._links = links
        self._house = house or (lambda each: house_of(Settings(), each))
        self._pages: dict[Key, Page] = {}
        self._problems: dict[tuple[str, str, Links, int], bytes] = {}
        self._seen: dict[Links, None] = {}
        self._statuses: dict[tuple[str, str, Links], Page] = {}
        self._second: Status | None = None  # what status pages are made of in this second
        self._rendered = 0  # ... and how many were made
        self._headers = dict(page_headers())

    def warm(self) -> None:
        """Compile templates and read all files now (0.3 s; 2 s on a busy machine), not under way."""
        room = RoomId("warm")
        calm = status([], stage=Stage(near=True), rung=Rung(), listeners=0, now_ms=0)
        facts = msgspec.to_builtins(kinds.Room(room, "", epoch_ms=1, start_ms=1))
        gone = msgspec.to_builtins(kinds.Room(room, "", "ended", deleted=kinds.Deleted(1)))
        for language in LANGUAGES:
            for framed in (False, True):
                key = (room, language, self._links("localhost"), framed)
                self._make(key, room, (None, {}))
                self._make(key, room, (facts, {"roster": [], "source": "hold"}))
            self._make(key, room, (gone, {"proved": True}))
            render("problem.html", language, kind="starting", retry_s=2, home=key[2].web)
            self.status(Request("GET", "/status", {"lang": language}, {}), calm, None, "")
        assets.read_all()
        self._pages.clear()
        self._seen.clear()
        self._statuses.clear()

    def listener(
        self,
        request: Request,
        room: RoomId,
        facts: Mapping[str, Any] | None,
        live: Mapping[str, Any],
        *,
        framed: bool = False,
    ) -> Answer:
        """The page of a room; for an unknown one a page that says so, with 404.

        framed: the small player, for frames of other sites.

        live: `roster` (plain), `speaking` and `source`, as far as they are known; or `replay`;
        or, of a deleted room, `proved`: whether there is a tombstone to link to.
        """
        language = choose_language(
            request.headers.get("accept-language"), request.query.get("lang")
        )
        source = (facts, live)
        key = (room, language, self.links_of(request), framed)
        over = facts is not None and facts.get("state") == "ended"
        page = self._pages.get(key)
        if page is None or page.source != source:
            page = self._make(key, room, source)
            if facts is not None:  # there are more names of no room than could be kept
                self._keep(key, page)
        headers = {
            **(_EMBED if framed else _listener_headers(key[2].stage)),
            "Vary": "Accept-Language, Accept-Encoding",
            "Cache-Control": _SOON_ELSE if over else _CALM,
        }
        return _tagged(request, headers, page, status=200 if facts is not None else 404)

    def forget(self, room: RoomId) -> None:
        """Pages of a deleted room hold names."""
        for key in [key for key in self._pages if key[0] == room]:
            del self._pages[key]

    def status(self, request: Request, whole: Status, room: RoomStatus | None, name: str) -> Answer:
        """How things go, for people: one room (name: of a known one, or `?`), or the installation."""
        language = choose_language(
            request.headers.get("accept-language"), request.query.get("lang")
        )
        links = self.links_of(request)
        source = (room, name) if name else whole
        page = self._statuses.get((name, language, links))
        if whole is not self._second:
            self._second, self._rendered = whole, 0
        stale = page is None or page.source != source
        if stale and self._rendered < _RENDERS:  # beyond it what is a little old has to do
            self._rendered += 1
            body = render(
                "status.html",
                language,
                status=whole,
                room=room,
                room_id=name,
                joined_s=joined_s(whole.rung),
                home=links.web,
            )
            page = _page(source, body)
            if len(self._statuses) >= _PAGES:
                del self._statuses[next(iter(self._statuses))]
            self._statuses[name, language, links] = page
        if page is None:
            raise TryLater("busy", "Very many ask how things go. Try again in a moment.")
        headers = {
            **self._headers,
            "Vary": "Accept-Language, Accept-Encoding",
            "Cache-Control": "public, max-age=2",
        }
        return _tagged(request, headers, page, status=404 if name and room is None else 200)

    def problem(self, request: Request, kind: str, *, retry_s: int) -> Answer:
        """A page for people where programs would get a problem document; it reloads itself."""
        language = choose_language(
            request.headers.get("accept-language"), request.query.get("lang")
        )
        key = (kind, language, self.links_of(request), retry_s)
        if (body := self._problems.get(key)) is None:
            body = render("problem.html", language, kind=kind, retry_s=retry_s, home=key[2].web)
            if len(self._problems) >= _PAGES:
                self._problems.clear()
            self._problems[key] = body
        headers = {**self._headers, "Retry-After": str(retry_s), "Cache-Control": "no-store"}
        return Answer(503, headers, body)

    def rooms(self, request: Request) -> Answer:
        """Whoever typed an edge's own address looks for the rooms: those are web's."""
        address = self.links_of(request).rooms(request.headers.get("host", ""))
        return Answer(307, {"Location": address, "Cache-Control": "no-store"})

    def links_of(self, request: Request) -> Links:
        """The links for whoever reached us by that Host; of the first ones seen only so many.

        Anybody can write any Host: made-up ones must not push out pages that are asked for.
        """
        links = self._links(request.headers.get("host", ""))
        if links not in self._seen:
            if len(self._seen) >= _HOSTS:
                return next(iter(self._seen))
            self._seen[links] = None
        return links

    def _keep(self, key: Key, page: Page) -> None:
        if len(self._pages) >= _PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[key] = page

    def _make(self, key: Key, room: RoomId, source: tuple[Any, Any]) -> Page:
        _, language, links, framed = key
        facts, live = source
        context = dict(live)
        if "roster" in context:
            context["roster"] = msgspec.convert(context["roster"], list[kinds.Participant])
        template = _TEMPLATES.get(next(iter(context), ""), "listener.html")
        known = msgspec.convert(facts, kinds.Room) if facts is not None else None
        body = render(
            "embed.html" if framed else template,
            language,
            room=known and told_in(known, language),
            worded=known is not None and worded(known, language),
            room_id=room,
            home=links.web,
            stage=links.stage,
            edge=links.edge,
            house=self._house(links),
            **context,
        )
        return _page(source, body)

    def file(self, request: Request) -> Answer:
        """A file below /static/."""
        found = assets.asset(request.path)
        if found is None:
            raise NotFound("not_found", "There is no such file.")
        headers = {
            "Content-Type": found.content_type,
            "Cache-Control": found.cache_control,
            "X-Content-Type-Options": "nosniff",
            "Vary": "Accept-Encoding",
        }
        if found.gzip is not None and request.gzip:
            return Answer(200, {**headers, "Content-Encoding": "gzip"}, found.gzip)
        return Answer(200, headers, found.body)


def _page(source: object, body: bytes) -> Page:
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Page(source, digest, body, gzip.compress(body, 6, mtime=0))


def _tagged(request: Request, headers: dict[str, str], page: Page, *, status: int) -> Answer:
    small = request.gzip
    etag = f'"{page.etag}{"-g" if small else ""}"'
    headers["ETag"] = etag
    if status == 200 and request.holds(etag):
        return Answer(304, headers)
    if small:
        headers["Content-Encoding"] = "gzip"
    return Answer(status, headers, page.small if small else page.body)
