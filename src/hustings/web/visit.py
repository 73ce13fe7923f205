"""One visitor's request: language, host session, addresses; and the pages that answer it."""

from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from hustings.base.errors import Denied, PeerError
from hustings.pages.locales import LANGUAGES
from hustings.pages.render import choose_language, page_headers, render
from hustings.web.services import Services
from hustings.web.shield import BODY_BYTES
from hustings.wire.links import Links

_FIELDS: Final = 50


class Visit:
    """What the views ask about a request."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.services: Services = request.app.state.services
        query = request.url.query
        self.language = choose_language(request.headers.get("accept-language"), query)
        asked = request.query_params.get("lang", "")
        self.lang_query = f"?lang={asked}" if asked in LANGUAGES else ""
        self.links: Links = self.services.links_for(request.headers.get("host", ""))

    @property
    def cookie_name(self) -> str:
        """`__Host-` binds the cookie to this host and to TLS; plain http cannot have it."""
        return "__Host-hustings_session" if self.links.secure else "hustings_session"

    @property
    def session(self) -> str:
        """The session cookie's secret, unchecked; "" if there is none."""
        return self.request.cookies.get(self.cookie_name, "")

    async def is_host(self) -> bool:
        """Whether this visitor may plan rooms here."""
        return bool(self.session) and await self.services.house.knows(self.session)

    async def needs_host(self) -> None:
        """Raise Denied("host_only") unless this visitor may plan rooms here."""
        if not await self.is_host():
            raise Denied("host_only", "Only the hosts of this house can do this.", status=401)

    async def form(self) -> dict[str, str]:
        """The posted fields (urlencoded, at most 64 KiB and 50 fields)."""
        body = b""
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > BODY_BYTES:
                raise PeerError("body_large", "At most 64 KiB are read.", status=413)
        try:
            text = body.decode()
            return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_FIELDS))
        except ValueError:
            raise PeerError("form_bad", "This is not a form.") from None

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """Render a page in the visitor's language; pages of web are never cached by others."""
        body = render(
            template,
            self.language,
            area="web",
            home="/" + self.lang_query,
            lang_query=self.lang_query,
            links=self.links,
            stage_reachable=self.services.outbox.reachable,
            **context,
        )
        headers = dict(page_headers()) | {
            "Cache-Control": "no-store",
            "Vary": "Accept-Language, Cookie",
            "Referrer-Policy": "same-origin",
        }
        return Response(body, status, headers=headers)

    def go(self, path: str, *, said: str = "") -> RedirectResponse:
        """After a POST: see the page `path`, in the same language; `said` is what was done."""
        asked = [self.lang_query.removeprefix("?")] if self.lang_query else []
        asked += [f"said={quote(said)}"] if said else []
        query = "?" + "&".join(asked) if asked else ""
        return RedirectResponse(path + query, 303)


Visitor = Annotated[Visit, Depends(Visit)]
