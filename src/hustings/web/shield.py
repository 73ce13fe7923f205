"""The ASGI layer around every request: forms from elsewhere are refused, bodies bounded, counted.

CSRF: the session cookie is SameSite=Lax, and a request that changes something must come from
our own pages (Sec-Fetch-Site, else Origin against Host). Clients that send neither header are
no browsers, carry no cookie worth stealing, and are let through to where they need one.
"""

import re
from collections import Counter
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hustings.base.errors import Denied, PeerError
from hustings.web.problems import problem_response
from hustings.web.uploads import is_upload

BODY_BYTES: Final = 64 * 1024
PHOTO_BYTES: Final = 12_000_000  # what telephones make
UPLOAD_BYTES: Final = PHOTO_BYTES + BODY_BYTES  # a form with one
UPLOADS: Final = re.compile(  # the requests that may have one; they check rights, then read it
    r"(?:(?:POST |PUT /api/v1)/rooms|POST /guest)/[a-z0-9-]{1,64}/picture"
)
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
)


class Shield:
    """Wraps the application."""

    def __init__(
        self, app: ASGIApp, *, public_host: str, secure: bool, counts: Counter[str]
    ) -> None:
        self._app = app
        self._public_host = public_host
        self._headers = list(_HEADERS)
        self._counts = counts
        if secure:
            self._headers.append((b"strict-transport-security", b"max-age=31536000"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._counts[f"{message['status'] // 100}xx"] += 1
                present = {name.lower() for name, _ in message["headers"]}
                extra = [pair for pair in self._headers if pair[0] not in present]
                message["headers"] = [*message["headers"], *extra]
            await send(message)

        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not self._own(headers):
            error = Denied("origin", "This form was sent from another site.")
            await problem_response(scope, error)(scope, receive, send_with_headers)
        elif int(headers.get("content-length") or 0) > _most_bytes(scope, headers):
            refusal = PeerError("body_large", "This form is too large.", status=413)
            await problem_response(scope, refusal)(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive, send_with_headers)

    def _own(self, headers: Headers) -> bool:
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in {"same-origin", "none"}
        origin = headers.get("origin")
        if origin is None:
            return True
        return urlsplit(origin).netloc in {headers.get("host", ""), self._public_host} - {""}


def _most_bytes(scope: Scope, headers: Headers) -> int:
    """Of a body: anybody may send a small one, and a file only where one is awaited."""
    awaited = UPLOADS.fullmatch(f"{scope['method']} {scope['path']}")
    with_file = awaited and is_upload(headers.get("content-type", ""))
    return UPLOAD_BYTES if with_file else BODY_BYTES
