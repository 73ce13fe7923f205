"""`/api/v1/rooms/{room}/picture`: the room's picture, sent as the page's form sends it."""

from typing import Any, Final

from fastapi import APIRouter, Request, Response

from hustings.base.errors import PeerError
from hustings.base.ids import RoomId
from hustings.web.api.caller import RoomsWriter
from hustings.web.api.fields import RoomPlan
from hustings.web.api.invitations import RoomName
from hustings.web.api.rooms import plan_sent
from hustings.web.api.told import TO_THE_STAGE, told
from hustings.web.rooms.picturing import PHOTO, take
from hustings.web.uploads import is_upload
from hustings.web.visit import Visit
from hustings.wire.pictures import ALT_CHARS

router = APIRouter(prefix="/api/v1/rooms/{room}", tags=["rooms"])

_ALT: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": ALT_CHARS,
    "description": "What the picture shows, for who does not see it.",
    "examples": ["The harbour at dusk."],
}
_PHOTO: Final = {
    "type": "string",
    "contentMediaType": "application/octet-stream",
    "description": "JPEG, PNG or WebP, 12 MB at most; left out: new words for the one that is there.",
}
_BODY: Final = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["alt"],
                "properties": {"alt": _ALT, PHOTO: _PHOTO},
            }
        }
    },
}
_REFUSED: Final = ("alt_missing", "form_bad", "picture_animated", "picture_broken", "picture_busy")
_PHOTOS: Final = ("picture_format", "picture_large", "picture_missing", "picture_small")


def _told_of_upload() -> dict[str, Any]:
    said = told(
        *("showPicture", *_REFUSED, *_PHOTOS, *TO_THE_STAGE), scope="rooms:write", writes=True
    )
    said["openapi_extra"]["requestBody"] = _BODY
    return said


@router.put("/picture", **_told_of_upload())
async def show_picture(
    caller: RoomsWriter, room: RoomName, request: Request, answer: Response
) -> RoomPlan:
    """Show a picture with its words, as cards, players and the room's page do; or new words alone."""
    name = RoomId(room)
    await caller.services.rooms.room(name)
    if not is_upload(request.headers.get("content-type", "")):
        raise PeerError("form_bad", "Send multipart/form-data.")
    async with caller.services.darkroom.place():
        form = await Visit(request).upload()
        alt = form.fields.get("alt", "")
        if len(alt) > ALT_CHARS:
            raise PeerError("request_bad", f"alt: at most {ALT_CHARS} letters.", status=422)
        await take(caller.services, name, {"alt": alt}, form.files.get(PHOTO))
    return await plan_sent(caller, name, answer)


@router.delete("/picture", **told("removePicture", *TO_THE_STAGE, scope="rooms:write", writes=True))
async def remove_picture(caller: RoomsWriter, room: RoomName, answer: Response) -> RoomPlan:
    """It goes, everywhere."""
    name = RoomId(room)
    await caller.services.rooms.room(name)
    await caller.services.rooms.remove_picture(name)
    return await plan_sent(caller, name, answer)
