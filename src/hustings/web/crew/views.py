"""A room's crew, as those see it who may plan all rooms of the house."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import NotFound, UserError
from hustings.base.ids import room_id
from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)


@router.post("/rooms/{room}/crew")
async def add(visit: Visitor, room: str) -> Response:
    """Somebody of the house may edit this room from now on."""
    await visit.needs("rooms")
    name = room_id(room)
    await visit.services.rooms.room(name)
    account = (await visit.form()).get("account", "")
    try:
        await visit.services.crew.add(name, account, "cohost")
    except (NotFound, UserError) as refused:
        return visit.go(f"/rooms/{name}", said=refused.code)
    return visit.go(f"/rooms/{name}", said="crew")


@router.post("/rooms/{room}/crew/{account}/remove")
async def remove(visit: Visitor, room: str, account: str) -> Response:
    """They may no more."""
    await visit.needs("rooms")
    name = room_id(room)
    await visit.services.crew.remove(name, account)
    return visit.go(f"/rooms/{name}", said="crew_out")
