"""Guests as those see them who plan the room: name, correct, order, link, remove."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.base.ids import RoomId, room_id
from hustings.web.guests.model import Back, Guest, TypedGuest, card_from_form
from hustings.web.rooms.views import room_view
from hustings.web.visit import Visit, Visitor

router = APIRouter(prefix="/rooms/{room}/guests", include_in_schema=False)
_SAID: Final = frozenset({"name_missing", "guest_url", "guest_stale", "guests_many", "room_state"})
_WAYS: Final = {"earlier": -1, "later": 1}


@router.post("")
async def add(visit: Visitor, room: str) -> Response:
    """One more guest; their link is shown this once."""
    name = await _theirs(visit, room)
    fields = await visit.form()
    try:
        made = await visit.services.guests.add(name, card_from_form(fields))
    except UserError as error:
        return await _refused(visit, name, error, fields)
    visit.services.outbox.wake()
    return await _shown(visit, made, "guest")


@router.post("/{guest}")
async def change(visit: Visitor, room: str, guest: str) -> Response:
    """Correct name, line and address, or move the guest in the order."""
    name = await _theirs(visit, room)
    fields = await visit.form()
    try:
        if way := _WAYS.get(fields.get("move", "")):
            await visit.services.guests.move(name, guest, way)
            return _done(visit, name, "guest_moved")
        seen = fields.get("seen", "")
        await visit.services.guests.change(name, guest, fields, seen=seen)
    except UserError as error:
        return await _refused(visit, name, error, fields, guest)
    return _done(visit, name, "guest_changed")


@router.post("/{guest}/link")
async def renew(visit: Visitor, room: str, guest: str) -> Response:
    """Another link, shown this once; the one before is good no more."""
    name = await _theirs(visit, room)
    about = (await visit.services.guests.guest(name, guest)).name
    if question := await visit.unsure("guest_link", about, back=f"/rooms/{name}"):
        return question
    try:
        made = await visit.services.guests.renew(name, guest)
    except UserError as error:
        return await _refused(visit, name, error)
    return await _shown(visit, made, "guest_link")


@router.post("/{guest}/remove")
async def remove(visit: Visitor, room: str, guest: str) -> Response:
    """No guest any more, and nothing is kept of them."""
    name = await _theirs(visit, room)
    about = (await visit.services.guests.guest(name, guest)).name
    if question := await visit.unsure("guest", about, back=f"/rooms/{name}"):
        return question
    try:
        await visit.services.guests.remove(name, guest)
    except UserError as error:
        return await _refused(visit, name, error)
    return _done(visit, name, "guest_out")


@router.get("/{guest}")
@router.get("/{guest}/link")
@router.get("/{guest}/remove")
async def again(visit: Visitor, room: str, guest: str) -> Response:
    """A form's address without the form."""
    return visit.go(f"/rooms/{room_id(room)}")


async def _theirs(visit: Visit, room: str) -> RoomId:
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    await visit.services.rooms.room(name)
    return name


async def _shown(visit: Visit, guest: Guest, said: str) -> Response:
    link = visit.services.guests.link(guest, visit.links.web)
    return await room_view(visit, guest.room, said=said, of_guests=Back((guest.guest, link)))


def _done(visit: Visit, room: RoomId, said: str) -> Response:
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{room}", said=said)


async def _refused(
    visit: Visit,
    room: RoomId,
    error: UserError,
    fields: Mapping[str, str] | None = None,
    guest: str = "new",
) -> Response:
    """The room's page again; what was typed stands in its form."""
    code = "guest_stale" if error.code == "room_changed" else error.code
    if code not in _SAID:
        raise error
    if fields is None or "move" in fields:
        return visit.go(f"/rooms/{room}", said=code)
    name, line, url = (fields.get(each, "") for each in ("name", "line", "url"))
    typed = TypedGuest(guest, name, line, url, code)
    status, said = 409 if code == "guest_stale" else 422, "" if typed.wrong else code
    return await room_view(visit, room, status=status, said=said, of_guests=Back(typed=typed))
