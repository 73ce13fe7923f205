"""`/sign-in/mail` asks for a link, `/sign-in/link` uses it by a button's POST; `/account/emails`.

A GET never uses a link up: previewers send GET and HEAD. The secret is in the fragment, which no
server and no log sees; a script puts it into the field.
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, UserError
from hustings.base.ids import new_secret
from hustings.web.accounts.sign_in import sign_in_page_for
from hustings.web.house.views import code_from_form
from hustings.web.mailbox.model import GOOD_S, Confirm, SignedIn
from hustings.web.post.addresses import address_from_form
from hustings.web.visit import Visit, Visitor

router = APIRouter(include_in_schema=False)

ASKED_CHARS: Final = 32
_ASKED: Final = "asked"  # the cookie of whoever asked


@router.get("/sign-in/mail")
async def ask_again(visit: Visitor) -> Response:
    """The form's address without the form leads to the page that has it."""
    return visit.go("/sign-in")


@router.post("/sign-in/mail")
async def ask(visit: Visitor) -> Response:
    """The same answer whether the address is somebody's or not."""
    try:
        address = address_from_form((await visit.form()).get("address", ""))
    except UserError as refused:
        return sign_in_page_for(visit, 400, failed=refused.code)
    asked = _asked(visit) or new_secret()
    visit.services.mailbox.ask(address, source=visit.address, language=visit.language, asked=asked)
    page = visit.page("web_link_sent.html", mails=visit.services.post.carries("mail"))
    return visit.set_cookie(page, _ASKED, asked, GOOD_S)


@router.get("/sign-in/link")
async def link(visit: Visitor) -> Response:
    """One button."""
    return _page(visit)


@router.post("/sign-in/link")
async def use(visit: Visitor) -> Response:
    """Sign in, or prove an address."""
    fields = await visit.form()
    code = code_from_form(fields)
    try:
        done = await visit.services.mailbox.use(
            code,
            who=await visit.who(),
            asked=_asked(visit),
            sure=fields.get("sure") == "yes",
            source=visit.address,
            browser=visit.browser,
            before=visit.session,
        )
    except (Denied, UserError) as refused:
        return _page(visit, 403, failed=refused.code)
    if isinstance(done, Confirm):
        return _page(visit, name=done.name, code=code)
    if isinstance(done, SignedIn):
        return visit.enter(visit.go("/"), done.session)
    return visit.go("/account", said="email_added")


@router.post("/account/emails")
async def add_email(visit: Visitor) -> Response:
    """A link goes to the address; whoever opens it here has proved that it is theirs."""
    who = await visit.fresh()
    try:
        address = address_from_form((await visit.form()).get("address", ""))
    except UserError as refused:
        return visit.go("/account", said=refused.code)
    visit.services.mailbox.ask(
        address, source=visit.address, language=visit.language, asked="", account=who.account
    )
    return visit.go("/account", said="email_asked")


@router.post("/account/emails/remove")
async def remove_email(visit: Visitor) -> Response:
    """Forget one."""
    who = await visit.fresh()
    await visit.services.mailbox.remove(who, (await visit.form()).get("address", ""))
    return visit.go("/account", said="email_removed")


def _asked(visit: Visit) -> str:
    """The secret that this browser was given when it asked; "" for none, or nonsense."""
    found = visit.cookie(_ASKED)
    return found if len(found) == ASKED_CHARS else ""


def _page(
    visit: Visit, status: int = 200, *, failed: str = "", name: str = "", code: str = ""
) -> Response:
    return visit.page("web_link.html", status, failed=failed, name=name, code=code)
