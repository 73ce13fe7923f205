"""`/guest/{room}?t=…`: what a guest sees, corrects and agrees to by their own link; no account, no script.

Keeps true: a GET changes nothing, since mail programs open links on their own; every link that is
not good meets the same page; a photo is read only from whoever shows a good link.
"""

import base64
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from hustings.base.errors import NotFound, TryLater, UserError
from hustings.base.ids import RoomId, room_id
from hustings.pages.problems import with_patience
from hustings.web.guests.model import PURPOSES, agreed_in, kept_words, said_in
from hustings.web.rooms.darkroom import FACE_PX
from hustings.web.rooms.picturing import PHOTO
from hustings.web.shield import PHOTO_BYTES
from hustings.web.visit import Visit, Visitor
from hustings.wire.tokens import MAX_BYTES

router = APIRouter(prefix="/guest/{room}", include_in_schema=False)
_SAID: Final = frozenset({"saved", "picture", "picture_removed", "withdrawn"})


@router.get("")
async def own(visit: Visitor, room: str) -> Response:
    """The evening, what is told of the guest, and what they agreed to."""
    said = visit.request.query_params.get("said", "")
    return await _page(visit, room_id(room), said=said if said in _SAID else "")


@router.post("")
async def say(visit: Visitor, room: str) -> Response:
    """Correct, and decide about each thing by itself: what is ticked now is agreed to."""
    name, fields = room_id(room), await visit.form()
    token = _token(visit)
    try:
        await visit.services.guests.say(name, token, visit.address, said_in(fields))
    except NotFound:
        return _no_link(visit)
    except UserError as error:
        return await _page(visit, name, status=422, error=error.code, fields=fields)
    return _done(visit, name, token, "saved")


@router.post("/picture")
async def picture(visit: Visitor, room: str) -> Response:
    """A photo, or none any more; whether it is shown is another question."""
    name, token, guests = room_id(room), _token(visit), visit.services.guests
    try:
        # before anything large is read: whose link it is, and whether they may
        async with (
            guests.photo(name, token, visit.address),
            visit.services.darkroom.place(),
        ):
            form = await visit.upload()
            if form.fields.get("remove"):
                await guests.show(name, token, visit.address, b"")
                return _done(visit, name, token, "picture_removed")
            photo = form.files.get(PHOTO, b"")
            if not photo:
                raise UserError("picture_missing", "Choose a picture.")
            if len(photo) > PHOTO_BYTES:
                raise UserError("picture_large", "Choose a smaller picture: at most 12 MB.")
            jpeg = await visit.services.darkroom.develop(photo, FACE_PX)
            await guests.show(name, token, visit.address, jpeg)
    except NotFound:
        return _no_link(visit)
    except UserError as error:
        return await _page(visit, name, status=422, error=error.code)
    except TryLater as error:
        if error.code != "picture_busy":
            raise
        return with_patience(await _page(visit, name, status=503, error=error.code), error)
    return _done(visit, name, token, "picture")


@router.post("/withdraw")
async def withdraw(visit: Visitor, room: str) -> Response:
    """All of it at once, and the picture."""
    name, token = room_id(room), _token(visit)
    try:
        await visit.services.guests.withdraw(name, token, visit.address)
    except NotFound:
        return _no_link(visit)
    return _done(visit, name, token, "withdrawn")


@router.get("/picture")
@router.get("/withdraw")
async def again(visit: Visitor, room: str) -> Response:
    """A form's address without the form."""
    return _go(visit, room_id(room), _token(visit), "")


async def _page(
    visit: Visit,
    room: RoomId,
    *,
    status: int = 200,
    said: str = "",
    error: str = "",
    fields: dict[str, str] | None = None,
) -> Response:
    """fields: of the form, as they were sent; None: as it is kept."""
    token = _token(visit)
    try:
        guest, jpeg = await visit.services.guests.by_link(room, token, visit.address)
    except NotFound:
        return _no_link(visit)
    plan = await visit.services.rooms.plan(room)
    typed = fields or {"name": guest.name, "line": guest.line, "url": guest.url}
    ticked = agreed_in(fields) if fields else {each for each in PURPOSES if guest.agrees(each)}
    if error == "guest_kept":  # they agreed to something else
        ticked -= {"record"}
    return visit.page(
        "web_guest.html",
        status,
        planned=plan.planned,
        keep_days=plan.wish.keep_days,
        kept=kept_words(plan.wish.keep_days),
        guest=guest,
        picture=_inline(jpeg) if jpeg else "",
        fields={each: typed.get(each, "")[:300] for each in ("name", "line", "url")},
        ticked=ticked,
        keep_query=f"t={quote(token)}&",
        query=f"?t={quote(token)}" + visit.lang_query.replace("?", "&"),
        said=said,
        error=error,
    )


def _inline(jpeg: bytes) -> str:
    """The picture inside of the page: what is not public has no address."""
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"


def _no_link(visit: Visit) -> Response:
    return visit.page("web_guest_link.html", 404)


def _token(visit: Visit) -> str:
    return visit.request.query_params.get("t", "")[: MAX_BYTES + 1]


def _done(visit: Visit, room: RoomId, token: str, said: str) -> Response:
    visit.services.outbox.wake()
    return _go(visit, room, token, said)


def _go(visit: Visit, room: RoomId, token: str, said: str) -> Response:
    more = f"&said={said}" if said else ""
    lang = visit.lang_query.replace("?", "&")
    return RedirectResponse(f"/guest/{room}?t={quote(token)}{lang}{more}", 303)
