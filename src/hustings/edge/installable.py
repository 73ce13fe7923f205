"""The listener page as an app of the device: manifest, service worker, page without a connection.

All lie below `/r/`, the worker's scope, under names with a dot, which no room has. Pure, and made
once: the manifest of a room for each language and title, the rest for each language. Called by
`edge.routes` (docs/protocol.md 3).
"""

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, Final

from hustings.base.errors import NotFound
from hustings.base.ids import RoomId, room_id
from hustings.edge.http.protocol import Answer, Request
from hustings.pages.assets import asset
from hustings.pages.manifest import manifest
from hustings.pages.render import choose_language, page_headers, render

_MANIFEST: Final = ".webmanifest"
_WORKER_POLICY: Final = "default-src 'none'; connect-src 'self'"


def installable(
    request: Request, name: str, facts: Callable[[RoomId], Mapping[str, Any] | None]
) -> Answer | None:
    """The answer for `/r/{name}`; None if that is no name of ours. facts: what is known of a room.

    Raises NotFound `room_unknown`.
    """
    if name == "worker.js":
        return Answer(200, _worker_headers(), _worker())
    language = choose_language(request.headers.get("accept-language"), request.query.get("lang"))
    if name == "offline.html":
        headers = dict(page_headers()) | {"Cache-Control": "public, max-age=3600"}
        return Answer(200, headers | {"Vary": "Accept-Language"}, _offline(language))
    if not name.endswith(_MANIFEST):
        return None
    room = facts(room_id(name.removesuffix(_MANIFEST)))
    if room is None:
        raise NotFound("room_unknown", "There is no room of this name.")
    headers = {
        "Content-Type": "application/manifest+json",
        "Cache-Control": "public, max-age=600, stale-while-revalidate=3600",
        "Vary": "Accept-Language",
    }
    words = room.get("texts", {}).get(language, room)
    title = str(words.get("title", ""))
    return Answer(200, headers, _manifest(str(room["room"]), title, language))


@cache
def _worker() -> bytes:
    found = asset("/static/worker.js")
    if found is None:
        raise LookupError("worker.js")
    return found.body


def _worker_headers() -> dict[str, str]:
    return {
        "Content-Type": "text/javascript; charset=utf-8",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": _WORKER_POLICY,
        "X-Content-Type-Options": "nosniff",
    }


@cache
def _offline(language: str) -> bytes:
    return render("offline.html", language)


@lru_cache(maxsize=512)
def _manifest(room: str, title: str, language: str) -> bytes:
    return manifest(room, title, language)
