"""HTTP for rooms' pictures: web hands them in, edges fetch them (docs/protocol.md 2.10)."""

from fastapi import APIRouter, Request, Response

from hustings.base.errors import HustingsError
from hustings.base.ids import room_id
from hustings.stage.http.door import Door


def router(door: Door) -> APIRouter:
    """One path, for other services only."""
    routes = APIRouter()

    @routes.put("/rooms/{room}/pictures/{name}")
    async def keep(room: str, name: str, request: Request) -> Response:
        door.service(request)
        of = room_id(room)
        await door.engine.do(lambda studio: studio.deletions.expect_kept(of))
        await door.pictures.keep(of, name, await request.body())
        try:  # it may have been deleted meanwhile
            await door.engine.do(lambda studio: studio.deletions.expect_kept(of))
        except HustingsError:
            await door.pictures.tidy(of, ())
            raise
        return Response(status_code=204)

    @routes.get("/rooms/{room}/pictures/{name}")
    async def picture(room: str, name: str, request: Request) -> Response:
        door.service(request, "edge")
        data = await door.pictures.read(room_id(room), name)
        return Response(data, media_type="image/jpeg")

    return routes
