"""The room's picture, as its hosts choose, describe and remove it."""

from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.base.ids import RoomId, room_id
from hustings.web.rooms.model import clean
from hustings.web.rooms.views import room_view
from hustings.web.services import Services
from hustings.web.shield import PHOTO_BYTES
from hustings.web.visit import Visitor
from hustings.wire.pictures import ALT_CHARS

router = APIRouter(include_in_schema=False)
PHOTO: Final = "photo"  # the form's field


@router.post("/rooms/{room}/picture")
async def change_picture(visit: Visitor, room: str) -> Response:
    """Take a photo with its words, or new words alone, or remove what is there."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    await visit.services.rooms.room(name)
    async with visit.services.darkroom.place():
        form = await visit.upload()
        try:
            said = await take(visit.services, name, form.fields, form.files.get(PHOTO))
        except UserError as error:
            return await room_view(
                visit, name, status=422, picture_error=error.code, alt=form.fields.get("alt", "")
            )
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said=said)


async def take(
    services: Services, room: RoomId, fields: Mapping[str, str], photo: bytes | None
) -> str:
    """What the page says then. Raises UserError: `picture_...`, `alt_missing`."""
    rooms = services.rooms
    if fields.get("remove"):
        await rooms.remove_picture(room)
        return "picture_removed"
    alt = clean(fields.get("alt", ""), ALT_CHARS)
    if not alt:
        raise UserError("alt_missing", "Say in a few words what the picture shows.", field="alt")
    if photo is None:
        await rooms.describe_picture(room, alt)
    else:
        if len(photo) > PHOTO_BYTES:
            raise UserError("picture_large", "Choose a smaller picture: at most 12 MB.")
        await rooms.show_picture(room, await services.darkroom.develop(photo), alt)
    return "picture"
