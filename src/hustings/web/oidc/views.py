"""The way to the provider and back: `/sign-in/oidc`, `/start/oidc`, `/account/oidc`.

Setting out is a POST of our own pages, so nobody else can send a browser on an errand. It answers
with a page that goes on by itself: a form may not be redirected to another site (form-action).
"""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, HustingsError, NotFound, PeerError, TryLater, UserError
from hustings.base.ids import new_secret
from hustings.web.house.views import code_from_form
from hustings.web.oidc.service import Oidc, Purpose
from hustings.web.visit import Visit, Visitor

router = APIRouter(include_in_schema=False)

ERRAND_S: Final = 300  # as `accounts.challenges`
_ERRAND: Final = "errand"  # the cookie of whoever is on the way
_BACK: Final = "/sign-in/oidc/back"


@router.post("/sign-in/oidc")
async def sign_in(visit: Visitor) -> Response:
    """To the provider, to sign in."""
    try:
        return await _set_out(visit, "sign_in")
    except (PeerError, TryLater) as trouble:
        return visit.go("/sign-in", said=_word(trouble))


@router.post("/start/oidc")
async def start(visit: Visitor) -> Response:
    """To the provider, to make an account of a one-time code."""
    fields = await visit.form()
    try:
        return await _set_out(
            visit,
            "code",
            code_from_form(fields),
            fields.get("name", ""),
            keep_address="keep_address" in fields,
        )
    except (Denied, PeerError, TryLater) as trouble:
        return visit.go("/start", said=_word(trouble))


@router.post("/account/oidc")
async def link(visit: Visitor) -> Response:
    """To the provider, to link one's account here with the one there."""
    who = await visit.fresh()
    try:
        return await _set_out(visit, "link", who.account)
    except (PeerError, TryLater) as trouble:
        return visit.go("/account", said=_word(trouble))


@router.get("/sign-in/oidc")
@router.get("/start/oidc")
@router.get("/account/oidc")
async def page_again(visit: Visitor) -> Response:
    """The forms' addresses without a form lead to the page that has it."""
    return visit.go(visit.request.url.path.removesuffix("/oidc"))


@router.post("/account/oidc/remove")
async def unlink(visit: Visitor) -> Response:
    """One's account is linked no more; never the last way in."""
    try:
        await _provider(visit).unlink(await visit.fresh())
    except UserError as refused:
        return visit.go("/account", said=refused.code)
    return visit.go("/account", said="oidc_unlinked")


@router.get("/sign-in/oidc/back")
async def back(visit: Visitor) -> Response:
    """What the provider sent back: a session, a new account, or a link."""
    linking = await visit.who()
    try:
        done = await _provider(visit).come_back(
            visit.request.query_params,
            browser=visit.cookie(_ERRAND),
            who=linking,
            before=visit.session,
            device=visit.browser,
        )
    except (Denied, UserError, TryLater) as refused:
        there = "/account" if linking else "/sign-in"
        return visit.drop_cookie(visit.go(there, said=_word(refused)), _ERRAND)
    if done.purpose == "link":
        return visit.drop_cookie(visit.go("/account", said="oidc_linked"), _ERRAND)
    if done.new:
        answer = visit.page("web_codes.html", codes=done.new.codes, new=done.new)
    else:
        answer = visit.go("/account" if linking else "/")
    return visit.drop_cookie(visit.enter(answer, done.session), _ERRAND)


async def _set_out(
    visit: Visit, purpose: Purpose, about: str = "", name: str = "", *, keep_address: bool = False
) -> Response:
    browser = new_secret()
    oidc = _provider(visit)
    url = await oidc.set_out(
        purpose,
        address=visit.address,
        browser=browser,
        redirect=visit.links.web + _BACK,
        about=about,
        name=name,
        keep_address=keep_address,
    )
    answer = visit.page("web_leaving.html", url=url, name=oidc.name)
    return visit.set_cookie(answer, _ERRAND, browser, ERRAND_S)


def _provider(visit: Visit) -> Oidc:
    oidc = visit.services.oidc
    if oidc is None:
        raise NotFound("page_unknown", "There is no page with this address.")
    return oidc


def _word(trouble: HustingsError) -> str:
    """Visitors learn that it failed; the log says why."""
    return "oidc_failed" if trouble.code == "oidc_bad" else trouble.code
