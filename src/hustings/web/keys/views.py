"""`/account/keys`: keys of programs, made and revoked by the person whose they are."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.web.keys.model import wish_from_form
from hustings.web.visit import Visitor

router = APIRouter(prefix="/account/keys", include_in_schema=False)


@router.get("")
async def form_again(visit: Visitor) -> Response:
    """Where the form's address leads without the form."""
    return visit.go("/account")


@router.post("")
async def make(visit: Visitor) -> Response:
    """A new key, shown this once."""
    who = await visit.fresh()
    try:
        wish = wish_from_form(await visit.form(), who.role)
        key = await visit.services.keys.make(who, wish)
    except UserError as refused:
        return visit.go("/account", said=refused.code)
    return visit.page("web_key.html", key=key, wish=wish)


@router.post("/{key}/revoke")
async def revoke(visit: Visitor, key: str) -> Response:
    """One of the visitor's keys is good no more."""
    who = await visit.person()
    known = {each.key: each.name for each in await visit.services.keys.of(who)}
    if question := await visit.unsure("key", known.get(key, ""), back="/account"):
        return question
    await visit.services.keys.revoke(who, key)
    return visit.go("/account", said="key_revoked")
