"""`/people`, for owners: who is here in which role, who was invited."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.pages.render import render_text
from hustings.web.accounts.model import name_from_form
from hustings.web.accounts.rules import ROLES, role_from_form
from hustings.web.post.addresses import address_from_form
from hustings.web.post.message import SECRET, Note
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
        if fields.get("address", "").strip() and visit.services.post.carries("mail"):
            address = address_from_form(fields["address"])
            note = _invitation(visit, who.name)
            await visit.services.people.invite_by_mail(who, name, role, address, note)
            visit.services.post.wake()
            return visit.go("/people", said="mailed")
        code, _ = await visit.services.people.invite(who, name, role)
    except UserError as refused:
        return visit.go("/people", said=refused.code)
    return await _page(visit, link=visit.lasting_links.start(code), invited=name)


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
    visit.services.outbox.wake()
    return visit.go("/people", said="changed")


@router.post("/{account}/remove")
async def remove(visit: Visitor, account: str) -> Response:
    """Somebody's account ends."""
    await visit.needs("people")
    person = await visit.services.people.person(account)
    if question := await visit.unsure("person", person.name, back="/people"):
        return question
    links = (await visit.form()).get("links") == "yes"
    try:
        await visit.services.people.remove(account, links=links)
    except UserError as refused:
        return visit.go("/people", said=refused.code)
    visit.services.outbox.wake()
    return visit.go("/people", said="removed")


@router.post("/browsers/end")
async def end_plain_sessions(visit: Visitor) -> Response:
    """Sign out all browsers that are in without an account."""
    who = await visit.needs("people")
    if question := await visit.unsure("browsers", "", back="/people"):
        return question
    await visit.services.people.end_plain_sessions()
    answer = visit.go("/people", said="browsers_out")
    return answer if who.account else visit.exit(answer)


def _invitation(visit: Visit, by: str) -> Note:
    """In the language of whoever invites: theirs is not known yet."""
    subject, text = render_text(
        "mail_invite.txt",
        visit.language,
        title=visit.services.settings.house.title,
        by=by,
        link=visit.services.links.start(SECRET, mailed=True),
    )
    return Note(subject, text, visit.language)


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
        mails=visit.services.post.carries("mail"),
        shown=visit.services.mailbox.shown(),
    )
