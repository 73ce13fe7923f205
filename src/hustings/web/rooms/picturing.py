"""The room's picture, as its hosts choose, describe and remove it."""

import base64
from collections.abc import Mapping
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.base.ids import RoomId, room_id
from hustings.web.rooms.model import clean
from hustings.web.rooms.views import REFUSED, room_view
from hustings.web.services import Services
from hustings.web.shield import PHOTO_BYTES
from hustings.web.visit import Visitor
from hustings.wire.pictures import ALT_CHARS, PICTURE_BYTES

router = APIRouter(include_in_schema=False)
PHOTO: Final = "photo"  # the form's field
KEPT_CHARS: Final = PICTURE_BYTES * 4 // 3 + 4  # of a developed one in base64


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
                visit,
                name,
                status=REFUSED.get(error.code, 422),
                picture_error=error.code,
                alt=form.fields.get("alt", ""),
                kept=error.facts.get("kept", form.fields.get("kept", "")[:KEPT_CHARS]),
            )
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said=said)


async def take(
    services: Services, room: RoomId, fields: Mapping[str, str], photo: bytes | None
) -> str:
    """What the page says then. Raises UserError: `picture_...`, `alt_missing`, `room_changed`.

    fields: `seen`: the version of the picture that they change; `kept`: a photo that was developed
    already, in base64, from a form that met another change.
    """
    rooms, seen = services.rooms, fields.get("seen", "")
    if fields.get("remove"):
        await rooms.remove_picture(room, seen=seen)
        return "picture_removed"
    alt = clean(fields.get("alt", ""), ALT_CHARS)
    if not alt:
        raise UserError("alt_missing", "Say in a few words what the picture shows.", field="alt")
    if photo is None and fields.get("kept"):
        photo = _kept(fields["kept"])
    if photo is None:
        await rooms.describe_picture(room, alt, seen=seen)
        return "picture"
    if len(photo) > PHOTO_BYTES:
        raise UserError("picture_large", "Choose a smaller picture: at most 12 MB.")
    jpeg = await services.darkroom.develop(photo)
    try:
        await rooms.show_picture(room, jpeg, alt, seen=seen)
    except UserError as error:  # what they chose is not lost: browsers do not send a file twice
        error.facts["kept"] = base64.b64encode(jpeg).decode()
        raise
    return "picture"


def _kept(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise UserError("picture_broken", "This picture is damaged. Choose it again.") from None
