"""`/start`: a one-time link becomes an account, or a session without one; `/leave` ends it.

By a button's POST only: previewers send GET.
"""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, UserError
from hustings.web.accounts.model import name_from_form
from hustings.web.visit import Visit, Visitor

router = APIRouter(include_in_schema=False)


@router.get("/start")
async def start(visit: Visitor) -> Response:
    """The buttons; the code is in the fragment, which a script puts into the field."""
    return await _page(visit)


@router.post("/start")
async def come_in(visit: Visitor) -> Response:
    """Use the code up: with a passkey for an account, without one for this browser alone."""
    fields = await visit.form()
    code = code_from_form(fields)
    credential = fields.get("credential", "")
    try:
        if credential and visit.party:
            welcome = await visit.services.accounts.make_account(
                visit.party,
                credential,
                code=code,
                name=name_from_form(fields.get("name", "")),
                browser=visit.browser,
                keep_address="keep_address" in fields,
            )
            page = visit.page("web_codes.html", codes=welcome.codes, new=welcome)
            return await _entered(visit, page, welcome.session)
        session = await visit.services.house.redeem(code, visit.browser)
    except (Denied, UserError) as refused:
        return await _page(visit, 403, failed=refused.code, mailed="mailed" in fields)
    who = await visit.services.house.who(session)
    go_on = "/rooms/new" if who and who.may("rooms") else "/account"
    return await _entered(visit, visit.go(go_on), session)


@router.get("/leave")
async def leave_again(visit: Visitor) -> Response:
    """The form's address without the form leads home and does nothing."""
    return visit.go("/")


@router.post("/leave")
async def leave(visit: Visitor) -> Response:
    """End the session."""
    if visit.session:
        await visit.services.house.leave(visit.session)
    return visit.exit(visit.go("/"))


def code_from_form(fields: dict[str, str]) -> str:
    """The code itself; the whole link may have been pasted."""
    return fields.get("code", "").strip().rpartition("#")[2]


async def _entered(visit: Visit, answer: Response, session: str) -> Response:
    if visit.session:  # never go on with an id that was there before
        await visit.services.house.leave(visit.session)
    return visit.enter(answer, session)


async def _page(visit: Visit, status: int = 200, **context: Any) -> Response:
    query = visit.request.query_params
    return visit.page(
        "web_start.html",
        status,
        who=await visit.who(),
        party=visit.party,
        provider=visit.provider,
        **{"failed": query.get("said", ""), "mailed": query.get("by") == "mail", **context},
    )
