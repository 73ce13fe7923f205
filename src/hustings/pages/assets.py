"""Everything under /static/: read once, compressed once, named by content, kept in memory.

A name carries a hash of its bytes (`listener/page.3f9a1c0b.js`), so it may be cached for ever. A
script loses its comments and has its imports rewritten to hashed names before its own hash is
taken: a change anywhere below changes every name above it. A name with a foreign hash (a page of another version, during
an upgrade) gets today's file, not to be cached. Services call `asset(path)`; templates call
`asset_url(name)` and `modules(name)`.
"""

import gzip
import hashlib
import mimetypes
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final

import msgspec

from hustings.pages import locales

ROOT: Final = "/static/"
_FOLDER: Final = Path(__file__).parent / "static"
_IMPORT: Final = re.compile(r'((?:from|import)\s*\(?\s*")(\.{1,2}/[^"]+\.js)(")')
_STATIC_IMPORT: Final = re.compile(r'(?:from|import)\s*"(\.{1,2}/[^"]+\.js)"')
# Comments that fill whole lines: half of a script's compressed size. Code lines stay as they are.
_COMMENT: Final = re.compile(r"^[ \t]*(?:/\*\*?.*?\*/[ \t]*|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_HASHED: Final = re.compile(r"(.+)\.([0-9a-f]{8})(\.[a-z0-9]+)")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".json": "application/json",
}


class Asset(msgspec.Struct, frozen=True):
    """One file as it is sent."""

    name: str  # without hash: listener/page.js
    url: str  # with hash: /static/listener/page.3f9a1c0b.js
    body: bytes
    gzip: bytes | None  # None where it would save nothing
    content_type: str
    immutable: bool  # may be cached for ever; otherwise not at all

    @property
    def cache_control(self) -> str:
        """The header that says so."""
        return "public, max-age=31536000, immutable" if self.immutable else "no-cache"


def asset(path: str) -> Asset | None:
    """The file for a request's path (`/static/...`, with or without hash), or None."""
    name = path.removeprefix(ROOT)
    shelf = _shelf()
    if found := shelf.get(name):
        return msgspec.structs.replace(found, immutable=False)
    match = _HASHED.fullmatch(name)
    found = shelf.get(match[1] + match[3]) if match else None
    if found is None or found.url == ROOT + name:
        return found
    return msgspec.structs.replace(found, immutable=False)


def read_all() -> None:
    """Read, compress and name all files now (0.2 s), not while somebody waits for a page."""
    _shelf()


def asset_url(name: str) -> str:
    """The hashed URL of `name` (below static/); KeyError if there is no such file."""
    return _shelf()[name].url


def modules(name: str) -> list[str]:
    """URLs of a script and all that it imports at once, itself first: for `rel=modulepreload`."""
    shelf = _shelf()
    order: dict[str, None] = {name: None}
    for each in (queue := [name]):
        for match in _STATIC_IMPORT.finditer((_FOLDER / each).read_text()):
            below = _resolve(each, match[1])
            if below not in order:
                order[below] = None
                queue.append(below)
    return [shelf[each].url for each in order]


def strings_url(area: str, language: str) -> str:
    """URL of the JSON with the scripts' strings; empty for English, which needs none."""
    return "" if language == "en" else asset_url(f"strings/{area}.{language}.json")


@cache
def _shelf() -> dict[str, Asset]:
    shelf: dict[str, Asset] = {}
    names = [p.relative_to(_FOLDER).as_posix() for p in sorted(_FOLDER.rglob("*")) if p.is_file()]
    for name in names:
        _place(name, shelf, ())
    areas = {name.split("/")[0] for name in names if "/" in name and name.endswith(".js")}
    for area in sorted(areas):
        for language in locales.LANGUAGES:
            if language != "en":
                name = f"strings/{area}.{language}.json"
                shelf[name] = _made(name, locales.script_strings(area, language))
    return shelf


def _place(name: str, shelf: dict[str, Asset], above: tuple[str, ...]) -> Asset:
    if name in shelf:
        return shelf[name]
    if name in above:
        raise ValueError(f"scripts import each other in a circle: {' -> '.join((*above, name))}")
    body = (_FOLDER / name).read_bytes()
    if name.endswith(".js"):

        def hashed(match: re.Match[str]) -> str:
            below = _place(_resolve(name, match[2]), shelf, (*above, name))
            return match[1] + below.url + match[3]

        body = _COMMENT.sub("", _IMPORT.sub(hashed, body.decode())).encode()
    shelf[name] = _made(name, body)
    return shelf[name]


def _made(name: str, body: bytes) -> Asset:
    path = PurePosixPath(name)
    digest = hashlib.sha256(body).hexdigest()[:8]
    small = gzip.compress(body, 9, mtime=0)
    return Asset(
        name=name,
        url=f"{ROOT}{path.with_suffix('')}.{digest}{path.suffix}",
        body=body,
        gzip=small if len(small) < len(body) * 0.9 else None,
        content_type=_TYPES.get(path.suffix)
        or mimetypes.guess_type(name)[0]
        or "application/octet-stream",
        immutable=True,
    )


def _resolve(importer: str, target: str) -> str:
    parts: list[str] = list(PurePosixPath(importer).parent.parts)
    for part in PurePosixPath(target).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)
