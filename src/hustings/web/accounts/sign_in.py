"""Signing in, and making an account of a session; what passkeys are asked goes out as JSON."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, UserError
from hustings.web.accounts.model import name_from_form
from hustings.web.accounts.passkeys import Party
from hustings.web.house.views import code_from_form
from hustings.web.visit import Visit, Visitor

router = APIRouter(include_in_schema=False)


@router.post("/passkeys/options")
async def options(visit: Visitor) -> Response:
    """What the browser asks the authenticator. `ask`: sign_in, account or passkey."""
    party = needed_party(visit)
    fields = await visit.form()
    accounts = visit.services.accounts
    ask = fields.get("ask", "")
    if ask == "sign_in":
        said = accounts.ask_sign_in(party, visit.address)
    elif ask == "passkey":
        said = await accounts.ask_passkey(party, await visit.fresh())
    else:
        name = name_from_form(fields.get("name", ""))
        code = code_from_form(fields)
        if code:
            said = await accounts.ask_account(party, visit.address, code=code, name=name)
        else:
            said = accounts.ask_upgrade(party, await visit.signed_in(), name)
    return Response(said, media_type="application/json", headers={"Cache-Control": "no-store"})


@router.get("/sign-in")
async def sign_in_page(visit: Visitor) -> Response:
    """One button; no name is asked for. Who is in already is asked again only where that is needed."""
    said = visit.request.query_params.get("said", "")
    if await visit.who() is not None and said != "sign_in_again":
        return visit.go("/account")
    return sign_in_page_for(visit, failed=said)


@router.post("/sign-in")
async def sign_in(visit: Visitor) -> Response:
    """By passkey; then home, or to the account's page if they came from there."""
    fields = await visit.form()
    credential = fields.get("credential", "")
    try:
        session = await visit.services.accounts.sign_in(
            needed_party(visit),
            credential,
            address=visit.address,
            browser=visit.browser,
            before=visit.session,
        )
    except Denied as refused:
        return sign_in_page_for(visit, 403, refused.code)
    return visit.enter(visit.go("/account" if "again" in fields else "/"), session)


@router.post("/sign-in/code")
async def recover(visit: Visitor) -> Response:
    """By recovery code."""
    code = (await visit.form()).get("recovery", "")
    try:
        session = await visit.services.accounts.recover(
            code, address=visit.address, browser=visit.browser, before=visit.session
        )
    except Denied as refused:
        return sign_in_page_for(visit, 403, refused.code)
    return visit.enter(visit.go("/account", said="recovered"), session)


@router.post("/account")
async def upgrade(visit: Visitor) -> Response:
    """A browser that is in without an account makes one."""
    who = await visit.signed_in()
    fields = await visit.form()
    if who.account:
        return visit.go("/account")
    try:
        welcome = await visit.services.accounts.upgrade(
            needed_party(visit),
            fields.get("credential", ""),
            who=who,
            name=name_from_form(fields.get("name", "")),
            browser=visit.browser,
        )
    except (Denied, UserError) as refused:
        return visit.go("/account", said=refused.code)
    page = visit.page("web_codes.html", codes=welcome.codes, new=True)
    return visit.enter(page, welcome.session)


def needed_party(visit: Visit) -> Party:
    """The house for passkeys. Raises UserError("passkey_origin") where browsers have none."""
    party = visit.party
    if party is None:
        raise UserError("passkey_origin", "Passkeys need https and a name, or localhost.")
    return party


def sign_in_page_for(visit: Visit, status: int = 200, failed: str = "") -> Response:
    """The ways in, with what went wrong."""
    return visit.page(
        "web_sign_in.html",
        status,
        failed=failed,
        party=visit.party,
        provider=visit.provider,
    )
