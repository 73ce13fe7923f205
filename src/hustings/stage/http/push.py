"""HTTP for the picture that platforms show (docs/protocol.md 4.12); all else is said by the control socket."""

from fastapi import APIRouter, Request, Response

from hustings.base.errors import Denied, UserError
from hustings.base.ids import RoomId
from hustings.stage.http.door import Door, bearer
from hustings.stage.push.card import CARD_BYTES
from hustings.stage.room import HOSTS


def router(door: Door) -> APIRouter:
    """`PUT /rooms/{room}/push/card`."""
    routes = APIRouter()

    @routes.put("/rooms/{room}/push/card")
    async def card(room: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        who = await door.engine.do(
            lambda studio: studio.meeting(room).seats.known(seated.participant)
        )
        if who.role not in HOSTS:
            raise Denied("role_denied", "Only hosts may do that.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > CARD_BYTES:
                raise UserError("push_card", "A picture has 60 KiB at most.", status=413)
        door.pushes.set_card(RoomId(room), bytes(body))
        return Response(status_code=204)

    return routes
