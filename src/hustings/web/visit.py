"""One visitor's request: language, session, addresses; and the pages that answer it."""

from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from hustings.base.errors import Denied, PeerError
from hustings.base.ids import RoomId
from hustings.pages.locales import LANGUAGES
from hustings.pages.render import choose_language, page_headers, render
from hustings.web.accounts.browsers import browser_of
from hustings.web.accounts.model import Who
from hustings.web.accounts.passkeys import Party, party_for
from hustings.web.accounts.rules import Permission, may_in_room
from hustings.web.house.service import SESSION_S
from hustings.web.services import Services
from hustings.web.shield import BODY_BYTES, UPLOAD_BYTES
from hustings.web.uploads import Form, is_upload, read_upload
from hustings.wire.links import Links, elsewhere, lasting_links

SESSION: Final = "session"
Act = Literal["person", "browsers", "passkey", "key", "hook", "seat", "guest", "guest_link"]
"""What is asked about before it goes."""
_FIELDS: Final = 50
_PROXIED: Final = frozenset({"x-forwarded-for", "forwarded", "via"})


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
        self._asked = False
        self._who: Who | None = None
        self._form: dict[str, str] | None = None
        self._roles: dict[RoomId, str] = {}  # theirs, in rooms that were asked about

    @property
    def session(self) -> str:
        """The session cookie's secret, unchecked; "" if there is none."""
        return self.cookie(SESSION)

    @property
    def address(self) -> str:
        """Whence the request came, for limits only: it is never written down."""
        return self.request.client.host if self.request.client else ""

    @property
    def browser(self) -> str:
        """Family and system of the visitor's browser, as `Your devices` names it."""
        return browser_of(self.request.headers.get("user-agent", ""))

    @property
    def party(self) -> Party | None:
        """The house for passkeys; None where the visitor's browser can have none."""
        return party_for(self.links.web, self.request.headers.get("host", ""))

    @property
    def _edge(self) -> str:
        """The edges' origin: rooms' pictures come from there."""
        url = urlsplit(self.links.edge)
        return f"{url.scheme}://{url.netloc}"

    @property
    def lasting_links(self) -> Links:
        """`links`, by the name under which accounts are."""
        return lasting_links(self.services.settings, self.request.headers.get("host", ""))

    @property
    def right(self) -> str:
        """The page at the house's own address, for whoever came by another name; else ""."""
        headers, url = self.request.headers, self.request.url
        if not _PROXIED.isdisjoint(
            headers
        ):  # it may ask by any name, whatever stands in the browser
            return ""
        there = elsewhere(self.services.settings, headers.get("host", ""))
        if not there or self.request.method != "GET":
            return there and f"{there}/{self.lang_query}"
        return f"{there}{url.path}{f'?{url.query}' if url.query else ''}"

    @property
    def provider(self) -> str:
        """What people call the provider by which they may sign in; "" if there is none."""
        return self.services.oidc.name if self.services.oidc else ""

    async def who(self) -> Who | None:
        """The visitor, if they are signed in (looked up once)."""
        if not self._asked:
            self._asked = True
            self._who = await self.services.house.who(self.session) if self.session else None
        return self._who

    async def may(self, permission: Permission) -> bool:
        """Whether this visitor may do that."""
        who = await self.who()
        return who is not None and who.may(permission)

    async def signed_in(self) -> Who:
        """The visitor. Raises Denied("host_only", 401) if nobody is signed in."""
        who = await self.who()
        if who is None:
            raise Denied("host_only", "Sign in to do this.", status=401)
        return who

    async def needs(self, permission: Permission) -> Who:
        """The visitor. Raises Denied: host_only (401), permission (403)."""
        who = await self.signed_in()
        if not who.may(permission):
            raise Denied("permission", "Your role in this house does not allow this.")
        return who

    async def may_in(self, room: RoomId, permission: Permission) -> bool:
        """Whether this visitor may do that in this room: by their role in the house, or there."""
        who = await self.who()
        if who is None or who.may(permission):
            return who is not None
        if room not in self._roles:
            self._roles[room] = await self.services.crew.role_in(room, who.account)
        return may_in_room(self._roles[room], permission)

    async def needs_in(self, room: RoomId, permission: Permission) -> Who:
        """The visitor, who may do that in this room. Raises Denied as `needs`."""
        who = await self.signed_in()
        if not await self.may_in(room, permission):
            raise Denied("permission", "Your role in this house does not allow this.")
        return who

    async def person(self) -> Who:
        """The visitor, who has an account. Raises Denied: host_only (401), account_needed (403)."""
        who = await self.signed_in()
        if not who.account:
            raise Denied("account_needed", "This browser is signed in without an account.")
        return who

    async def fresh(self) -> Who:
        """The visitor, who has an account and signed in just now. Raises as `person`; sign_in_again (401)."""
        who = await self.person()
        if not who.is_fresh(self.services.clock.wall_ms()):
            raise Denied("sign_in_again", "Sign in again to do this.", status=401)
        return who

    async def form(self) -> dict[str, str]:
        """The posted fields (urlencoded, at most 64 KiB and 50 fields), read once."""
        if self._form is None:
            body = await self.body()
            try:
                read = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS)
            except ValueError:
                raise PeerError("form_bad", "This is not a form.") from None
            self._form = dict(read)
        return self._form

    async def unsure(self, act: Act, about: str, *, back: str) -> Response | None:
        """Before what cannot be taken back: the page that asks; None if this form says it was asked.

        about: the name of what goes; "": none. back: the page it is on. A script asks on that page itself.
        """
        if (await self.form()).get("sure"):
            return None
        path = self.request.url.path
        return self.page("web_sure.html", act=act, about=about, back=back, path=path)

    async def upload(self) -> Form:
        """The posted fields and files, 12 MB at most; hold a place of the darkroom meanwhile."""
        content_type = self.request.headers.get("content-type", "")
        if not is_upload(content_type):
            return Form(await self.form(), {})
        return read_upload(await self.body(UPLOAD_BYTES), content_type)

    async def body(self, most: int = BODY_BYTES) -> bytes:
        """What was posted. Raises PeerError `body_large`."""
        body = bytearray()
        async for chunk in self.request.stream():
            body += chunk
            if len(body) > most:
                raise PeerError("body_large", "This form is too large.", status=413)
        return bytes(body)

    def page(self, template: str, status: int = 200, **context: Any) -> Response:
        """Render a page in the visitor's language; pages of web are never cached by others."""
        body = render(
            template,
            self.language,
            area="web",
            home="/" + self.lang_query,
            lang_query=self.lang_query,
            links=self.links,
            right=self.right,
            house_title=self.services.settings.house.title,
            stage_reachable=self.services.outbox.reachable,
            **context,
        )
        headers = dict(page_headers(images=[self._edge])) | {
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

    def enter(self, answer: Response, session: str) -> Response:
        """The same answer, with the cookie of a new session."""
        return self.set_cookie(answer, SESSION, session, SESSION_S)

    def exit(self, answer: Response) -> Response:
        """The same answer, without the session's cookie."""
        return self.drop_cookie(answer, SESSION)

    def cookie(self, name: str) -> str:
        """The secret of a cookie of ours, unchecked; "" if there is none."""
        return self.request.cookies.get(self._cookie_name(name), "")

    def set_cookie(self, answer: Response, name: str, secret: str, seconds: int) -> Response:
        """The same answer, with a cookie that this browser shows us alone."""
        answer.set_cookie(
            self._cookie_name(name),
            secret,
            max_age=seconds,
            path="/",
            secure=self.links.secure,
            httponly=True,
            samesite="lax",
        )
        return answer

    def drop_cookie(self, answer: Response, name: str) -> Response:
        """The same answer, which takes the cookie away."""
        answer.delete_cookie(
            self._cookie_name(name), path="/", secure=self.links.secure, httponly=True
        )
        return answer

    def _cookie_name(self, name: str) -> str:
        """`__Host-` binds the cookie to this host and to TLS; plain http cannot have it."""
        return f"__Host-hustings_{name}" if self.links.secure else f"hustings_{name}"


Visitor = Annotated[Visit, Depends(Visit)]
