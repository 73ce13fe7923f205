"""`/remind/{room}`: how to be reminded, and what was sent; no account needed.

A link in a mail is opened by GET, which shows a button, and acts by its POST: mail programs open
links on their own. A mail's one-click unsubscription (RFC 8058) is that POST too.
"""

from functools import cache
from typing import Final

import msgspec
from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied, UserError
from hustings.base.ids import room_id
from hustings.pages.assets import asset
from hustings.web.problems import not_found
from hustings.web.push.subscription import read, read_endpoint
from hustings.web.reminders.events import event_of
from hustings.web.reminders.service import may_ask
from hustings.web.rooms.model import PlannedRoom
from hustings.web.visit import Visit, Visitor

router = APIRouter(prefix="/remind", include_in_schema=False)
_SAID: Final = frozenset({"asked", "confirmed", "stopped"})


@router.get("/worker.js")
async def worker(visit: Visitor) -> Response:
    """The service worker that shows pushes; its scope is everything below /remind/."""
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return Response(_worker(), media_type="text/javascript", headers=headers)


@router.get("/{room}")
async def remind(visit: Visitor, room: str) -> Response:
    """The ways to be reminded, and what was sent."""
    said = visit.request.query_params.get("said", "")
    return await _page(visit, room, said=said if said in _SAID else "")


@router.post("/{room}/mail")
async def ask_by_mail(visit: Visitor, room: str) -> Response:
    """Send the link; the answer is the same for every address that is one."""
    planned = await visit.services.rooms.room(room_id(room))
    if not visit.services.post.carries("mail"):
        raise not_found()
    fields = await visit.form()
    address = fields.get("address", "")
    try:
        await visit.services.reminders.ask_by_mail(
            planned,
            event_of(planned, visit.services.links, visit.language),
            address,
            visit.language,
            fields.get("zone", ""),
            visit.address,
        )
    except UserError as error:
        return await _page(visit, room, status=422, error=error.code, address=address[:254])
    return visit.go(f"/remind/{room}", said="asked")


@router.get("/{room}/mail")
async def mail_again(visit: Visitor, room: str) -> Response:
    """The form's address without the form."""
    return visit.go(f"/remind/{room_id(room)}")


@router.get("/{room}/yes")
async def confirm_page(visit: Visitor, room: str) -> Response:
    """The button behind the link of the first mail."""
    return await _act_page(visit, room, "yes")


@router.post("/{room}/yes")
async def confirm(visit: Visitor, room: str) -> Response:
    """From now on this mailbox is told."""
    planned = await visit.services.rooms.room(room_id(room))
    token = await _token(visit)
    try:
        found = await visit.services.reminders.confirm(planned, token)
    except (Denied, UserError) as refused:
        return await _page(visit, room, status=refused.problem()["status"], error=refused.code)
    if not found:
        return await _page(visit, room, status=410, error="remind_gone")
    return visit.go(f"/remind/{room}", said="confirmed")


@router.get("/{room}/stop")
async def stop_page(visit: Visitor, room: str) -> Response:
    """The button behind the last line of each mail."""
    return await _act_page(visit, room, "stop")


@router.post("/{room}/stop")
async def stop(visit: Visitor, room: str) -> Response:
    """No more mail; again is as once."""
    token = await _token(visit)
    try:
        await visit.services.reminders.end_by_link(token)
    except Denied as refused:
        return await _page(visit, room, status=403, error=refused.code)
    return await _page(visit, room, said="stopped")  # no redirect: mail programs follow none


@router.post("/{room}/push")
async def add_browser(visit: Visitor, room: str) -> Response:
    """A browser's subscription, as JSON; `?zone=` its clock's."""
    planned = await visit.services.rooms.room(room_id(room))
    if not visit.services.post.carries("push"):
        raise not_found()
    browser = read(await visit.body())
    zone = visit.request.query_params.get("zone", "")
    await visit.services.reminders.add_browser(
        planned, browser, visit.language, zone, visit.address
    )
    return Response(status_code=201)


@router.post("/{room}/push/state")
async def browser_state(visit: Visitor, room: str) -> Response:
    """Whether this browser, which says its endpoint, is told of the room."""
    endpoint = read_endpoint(await visit.body())
    on = await visit.services.reminders.has_browser(room_id(room), endpoint)
    return Response(msgspec.json.encode({"on": on}), media_type="application/json")


@router.post("/{room}/push/stop")
async def end_browser(visit: Visitor, room: str) -> Response:
    """No more pushes about this room."""
    endpoint = read_endpoint(await visit.body())
    await visit.services.reminders.end_browser(endpoint, room_id(room), visit.address)
    return Response(status_code=204)


async def _page(
    visit: Visit,
    room: str,
    *,
    status: int = 200,
    said: str = "",
    error: str = "",
    address: str = "",
) -> Response:
    name, services = room_id(room), visit.services
    planned = await services.rooms.room(name)
    return visit.page(
        "web_remind.html",
        status,
        planned=planned,
        open=may_ask(planned),
        mails=services.post.carries("mail"),
        push_key=services.vapid.public if services.post.carries("push") else "",
        sendings=await services.reminders.promotions(name),
        said=said,
        error=error,
        address=address,
    )


async def _act_page(visit: Visit, room: str, act: str) -> Response:
    planned: PlannedRoom = await visit.services.rooms.room(room_id(room))
    token = visit.request.query_params.get("t", "")[:200]
    return visit.page("web_remind_act.html", planned=planned, act=act, token=token)


async def _token(visit: Visit) -> str:
    """From the button's form, else (one click in a mail program) from the address."""
    return (await visit.form()).get("t") or visit.request.query_params.get("t", "")


@cache
def _worker() -> bytes:
    found = asset("/static/web/push_worker.js")
    if found is None:
        raise LookupError("push_worker.js")
    return found.body
