"""Who calls the interface: a key's person, or nobody. Cookies are never looked at.

So no page of another site can make a browser act here: a browser adds no `Authorization` by itself.
"""

from typing import Annotated, Final

from fastapi import Depends, Header, Request

from hustings.base.errors import Denied
from hustings.web.accounts.model import Who
from hustings.web.keys.model import NEEDS, Scope
from hustings.web.keys.service import Holder
from hustings.web.once import Once, once_for
from hustings.web.services import Services
from hustings.wire.links import Links, lasting_links

_SAFE: Final = frozenset({"GET", "HEAD"})
_BEARER: Final = "bearer "
NOBODY: Final = Who("", "", "", "")
ONCE_CHARS: Final = 64
OnceName = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=ONCE_CHARS,
        pattern=r"^[!-~]+$",
        description="A name for this call, of your choice. The same call under the same name is "
        "carried out once within a day, and answered each time.",
        examples=["season-2027-opening"],
    ),
]


class Caller:
    """Who it is, what they may, and the house's services."""

    def __init__(self, request: Request, holder: Holder | None) -> None:
        self.services: Services = request.app.state.services
        host = request.headers.get("host", "")
        self.links: Links = self.services.links_for(host)
        self.lasting_links: Links = lasting_links(self.services.settings, host)
        self.holder = holder
        self.who = holder.who if holder else NOBODY
        self._call = f"{request.method} {request.url.path}"

    def may(self, scope: Scope) -> bool:
        """Whether the key has this scope and its person's role allows it."""
        return self.holder is not None and scope in self.holder.scopes

    def once(self, name: str | None, body: object) -> Once | None:
        """The call by the name that its caller gave it; None: they gave none."""
        return once_for(self.who.account, name, self._call, body) if name else None


async def anybody(request: Request) -> Caller:
    """With or without a key; one that is shown must be good. Raises as `allowed`."""
    services: Services = request.app.state.services
    now_s, address = services.clock.monotonic(), request.client.host if request.client else ""
    said = request.headers.get("authorization", "")
    if not said:
        services.pace.stranger(address, now_s)
        return Caller(request, None)
    services.pace.expect_patience(address, now_s)
    try:
        key = said[len(_BEARER) :].strip() if said.lower().startswith(_BEARER) else ""
        holder = await services.keys.holder(key)
    except Denied:
        services.pace.bad_key(address, now_s)
        raise
    charge = services.pace.read if request.method in _SAFE else services.pace.write
    charge(holder.who.account, now_s)
    return Caller(request, holder)


class Allowed:
    """A dependency: whoever calls has a key with this scope ("": any key)."""

    def __init__(self, scope: Scope | None = None) -> None:
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller. Raises Denied: key_missing, key_bad, key_expired (401), key_scope, permission."""
        caller = await anybody(request)
        holder, scope = caller.holder, self._scope
        if holder is None:
            raise Denied("key_missing", "This call needs `Authorization: Bearer`.", status=401)
        if scope is not None and scope not in holder.key.scopes:
            raise Denied("key_scope", f"This key does not have the scope {scope}.", scope=scope)
        if scope is not None and not holder.who.may(NEEDS[scope]):
            raise Denied("permission", "Your role in this house does not allow this.")
        return caller


Anybody = Annotated[Caller, Depends(anybody)]
Known = Annotated[Caller, Depends(Allowed())]
RoomsReader = Annotated[Caller, Depends(Allowed("rooms:read"))]
RoomsWriter = Annotated[Caller, Depends(Allowed("rooms:write"))]
RoomsInviter = Annotated[Caller, Depends(Allowed("rooms:invite"))]
RoomsCrew = Annotated[Caller, Depends(Allowed("rooms:crew"))]
RoomsEraser = Annotated[Caller, Depends(Allowed("rooms:erase"))]
PeopleReader = Annotated[Caller, Depends(Allowed("people:read"))]
PeopleWriter = Annotated[Caller, Depends(Allowed("people:write"))]
HooksReader = Annotated[Caller, Depends(Allowed("hooks:read"))]
HooksWriter = Annotated[Caller, Depends(Allowed("hooks:write"))]
