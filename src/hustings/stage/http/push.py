"""HTTP for other platforms (docs/protocol.md 4.12): the picture they show, and a try whether one takes us.

All else is said by the control socket, where a try would keep a host's next command waiting.
"""

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from hustings.base.errors import Denied, UserError
from hustings.base.ids import RoomId
from hustings.stage.http.door import Door, bearer
from hustings.stage.push.card import CARD_BYTES
from hustings.stage.push.order import KEY_CHARS, URL_CHARS
from hustings.stage.room import HOSTS


class Trial(BaseModel):
    """What a host has typed; publish: also the key, which a platform may show its audience."""

    url: str = Field(max_length=URL_CHARS)
    key: str = Field(default="", max_length=KEY_CHARS)
    publish: bool = False


def router(door: Door) -> APIRouter:
    """`PUT /rooms/{room}/push/card` and `POST /rooms/{room}/push/try`."""
    routes = APIRouter()

    async def expect_host(room: str, request: Request) -> None:
        seated = door.seated(bearer(request), room, request)
        who = await door.engine.do(
            lambda studio: studio.meeting(room).seats.known(seated.participant)
        )
        if who.role not in HOSTS:
            raise Denied("role_denied", "Only hosts may do that.")

    @routes.put("/rooms/{room}/push/card")
    async def card(room: str, request: Request) -> Response:
        await expect_host(room, request)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > CARD_BYTES:
                raise UserError("push_card", "A picture has 60 KiB at most.", status=413)
        door.pushes.set_card(RoomId(room), bytes(body))
        return Response(status_code=204)

    @routes.post("/rooms/{room}/push/try")
    async def try_out(room: str, trial: Trial, request: Request) -> dict[str, str]:
        await expect_host(room, request)
        found = await door.pushes.try_out(RoomId(room), trial.url, trial.key, publish=trial.publish)
        return {"step": found.state, "code": found.code}

    return routes
