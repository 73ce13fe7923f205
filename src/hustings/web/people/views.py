"""`/people`, for owners: who is here in which role, who was invited."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.web.accounts.model import name_from_form
from hustings.web.accounts.rules import ROLES, role_from_form
from hustings.web.visit import Visit, Visitor

router = APIRouter(prefix="/people", include_in_schema=False)


@router.get("")
async def people(visit: Visitor) -> Response:
    """The page; the way in for everybody else."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    await visit.needs("people")
    return await _page(visit, said=visit.request.query_params.get("said", ""))


@router.post("/invitations")
async def invite(visit: Visitor) -> Response:
    """A one-time link, shown this once: nobody knows it afterwards."""
    who = await visit.needs("people")
    fields = await visit.form()
    try:
        name = name_from_form(fields.get("name", ""))
        role = role_from_form(fields.get("role", ""))
        code, _ = await visit.services.people.invite(who, name, role)
    except UserError as refused:
        return visit.go("/people", said=refused.code)
    base = visit.party.origin if visit.party else visit.links.web  # where passkeys can be made
    return await _page(visit, link=f"{base}/start#{code}", invited=name)


@router.post("/invitations/{code}/withdraw")
async def withdraw(visit: Visitor, code: str) -> Response:
    """The link is good no more."""
    await visit.needs("people")
    await visit.services.people.withdraw(code)
    return visit.go("/people", said="withdrawn")


@router.post("/{account}/role")
async def change_role(visit: Visitor, account: str) -> Response:
    """Another role for somebody."""
    await visit.needs("people")
    try:
        role = role_from_form((await visit.form()).get("role", ""))
        await visit.services.people.set_role(account, role)
    except UserError as refused:
        return visit.go("/people", said=refused.code)
    return visit.go("/people", said="changed")


@router.post("/{account}/remove")
async def remove(visit: Visitor, account: str) -> Response:
    """Somebody's account ends."""
    await visit.needs("people")
    try:
        await visit.services.people.remove(account)
    except UserError as refused:
        return visit.go("/people", said=refused.code)
    return visit.go("/people", said="removed")


@router.post("/browsers/end")
async def end_plain_sessions(visit: Visitor) -> Response:
    """Sign out all browsers that are in without an account."""
    who = await visit.needs("people")
    await visit.services.people.end_plain_sessions()
    answer = visit.go("/people", said="browsers_out")
    return answer if who.account else visit.exit(answer)


async def _page(visit: Visit, *, said: str = "", link: str = "", invited: str = "") -> Response:
    who = await visit.signed_in()
    return visit.page(
        "web_people.html",
        who=who,
        everybody=await visit.services.people.everybody(),
        invitations=await visit.services.people.invitations(),
        plain=await visit.services.people.plain_sessions(),
        roles=ROLES,
        said=said,
        link=link,
        invited=invited,
    )
