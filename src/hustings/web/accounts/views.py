"""`/account`: one's passkeys, recovery codes, and the devices on which one is signed in."""

import json

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, UserError
from hustings.web.accounts.model import Who
from hustings.web.accounts.sign_in import needed_party
from hustings.web.keys.model import DAYS, on_offer
from hustings.web.oidc.queries import Identity
from hustings.web.visit import Visit, Visitor

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
async def account(visit: Visitor) -> Response:
    """The page; the way in for everybody else."""
    who = await visit.who()
    if who is None:
        return visit.go("/sign-in")
    accounts = visit.services.accounts
    return visit.page(
        "web_account.html",
        who=who,
        party=visit.party,
        passkeys=await accounts.passkeys(who),
        provider=visit.provider,
        linked=await _linked(visit, who),
        mails=visit.services.post.carries("mail"),
        emails=await visit.services.mailbox.emails(who) if who.account else [],
        codes_left=await accounts.codes_left(who),
        devices=await accounts.devices(who) if who.account else [],
        keys=await visit.services.keys.of(who) if who.account else [],
        scopes=on_offer(who.role),
        key_days=DAYS,
        fresh=who.is_fresh(visit.services.clock.wall_ms()),
        now_ms=visit.services.clock.wall_ms(),
        said=visit.request.query_params.get("said", ""),
    )


@router.post("/passkeys")
async def add_passkey(visit: Visitor) -> Response:
    """One more way in."""
    who = await visit.fresh()
    credential = (await visit.form()).get("credential", "")
    try:
        await visit.services.accounts.add_passkey(
            needed_party(visit), who, credential, visit.browser
        )
    except (Denied, UserError) as refused:
        return visit.go("/account", said=refused.code)
    return visit.go("/account", said="passkey_added")


@router.post("/passkeys/{passkey}/remove")
async def remove_passkey(visit: Visitor, passkey: str) -> Response:
    """Forget one; never the last."""
    who = await visit.fresh()
    known = {each.passkey: each.browser for each in await visit.services.accounts.passkeys(who)}
    if question := await visit.unsure("passkey", known.get(passkey, ""), back="/account"):
        return question
    try:
        await visit.services.accounts.remove_passkey(who, passkey)
    except UserError as refused:
        return visit.go("/account", said=refused.code)
    return visit.go("/account", said="passkey_removed")


@router.post("/codes")
async def renew_codes(visit: Visitor) -> Response:
    """Ten new recovery codes, shown this once."""
    codes = await visit.services.accounts.renew_codes(await visit.fresh())
    return visit.page("web_codes.html", codes=codes, new=False)


@router.get("/data.json")
async def data(visit: Visitor) -> Response:
    """A file of all that is kept about the visitor."""
    said = await visit.services.accounts.everything(await visit.person())
    return Response(
        json.dumps(said, ensure_ascii=False, indent=2),
        media_type="application/json",
        headers={
            "Cache-Control": "no-store",
            "Content-Disposition": 'attachment; filename="hustings-account.json"',
        },
    )


@router.post("/delete")
async def delete(visit: Visitor) -> Response:
    """Forget the visitor's account, if they ticked that they mean it; never the last owner's."""
    who = await visit.fresh()
    if (await visit.form()).get("sure") != "yes":
        return visit.go("/account")
    try:
        await visit.services.people.remove(who.account)
    except UserError as refused:
        return visit.go("/account", said=refused.code)
    visit.services.outbox.wake()
    return visit.exit(visit.go("/"))


@router.post("/devices/{session}/end")
async def sign_out(visit: Visitor, session: str) -> Response:
    """Sign out one device."""
    who = await visit.person()
    await visit.services.accounts.sign_out(who, session)
    if session == who.session:
        return visit.exit(visit.go("/"))
    return visit.go("/account", said="signed_out")


@router.post("/devices/end")
async def sign_out_everywhere(visit: Visitor) -> Response:
    """Sign out all devices, this one too."""
    await visit.services.accounts.sign_out_everywhere(await visit.person())
    return visit.exit(visit.go("/sign-in"))


async def _linked(visit: Visit, who: Who) -> list[Identity]:
    oidc = visit.services.oidc
    return await oidc.identities(who) if oidc and who.account else []
