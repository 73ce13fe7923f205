"""HTTP for people and their encoders: join, renew, the page's WebRTC offer, and WHIP (RFC 9725)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from hustings.base.errors import NotFound, UserError
from hustings.stage.door import Door, bearer, welcome_view
from hustings.wire.tokens import TOKEN_SECONDS

SDP_TYPE = "application/sdp"
SDP_BYTES = 16 * 1024


class Join(BaseModel):
    """An invitation and the name to appear under."""

    invitation: str = Field(max_length=2_048)
    name: str = Field(default="", max_length=200)


def router(door: Door) -> APIRouter:
    """The routes of docs/protocol.md 4 that people use."""
    routes = APIRouter(prefix="/rooms/{room}")

    @routes.post("/join")
    async def join(room: str, wanted: Join, request: Request, response: Response) -> dict[str, Any]:
        claims = door.invitation(wanted.invitation, room)
        who = await door.engine.do(
            lambda studio: studio.hall(room).join(
                claims.sub, name=wanted.name or claims.name, role=claims.role
            )
        )
        token = door.token(room, who.id, door.device(request, response))
        return {"token": token, "expires_s": TOKEN_SECONDS, **welcome_view(who)}

    @routes.post("/renew")
    async def renew(room: str, request: Request) -> dict[str, Any]:
        seated = door.seated(bearer(request), room, request)
        await door.engine.do(lambda studio: studio.hall(room).known(seated.participant))
        device = request.cookies[door.cookie]
        return {
            "token": door.token(room, seated.participant, device),
            "expires_s": TOKEN_SECONDS,
        }

    @routes.post("/rtc")
    async def rtc(room: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        offer = await sdp_of(request)
        return await answer(room, seated.participant, offer, encoder=False)

    @routes.post("/whip")
    async def whip(room: str, request: Request) -> Response:
        claims = door.encoder(bearer(request), room)
        offer = await sdp_of(request)
        await door.engine.do(
            lambda studio: studio.hall(room).join(
                claims.sub, name=claims.name or "encoder", role=claims.role or "speaker"
            )
        )
        return await answer(room, claims.sub, offer, encoder=True)

    @routes.delete("/rtc/{peer}")
    async def hang_up(room: str, peer: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        return await hung_up(room, seated.participant, peer)

    @routes.delete("/whip/{peer}")
    async def whip_delete(room: str, peer: str, request: Request) -> Response:
        claims = door.encoder(bearer(request), room)
        return await hung_up(room, claims.sub, peer)

    @routes.patch("/whip/{peer}")
    async def whip_patch(room: str, peer: str, request: Request) -> Response:
        """Trickle ICE is not offered (RFC 9725 4.3.1): peers come by peer-reflexive candidates."""
        door.encoder(bearer(request), room)
        return Response(status_code=405, headers={"Allow": "DELETE"})

    async def answer(room: str, who: str, offer: str, *, encoder: bool) -> Response:
        peer = await door.engine.wait(
            lambda studio: studio.hall(room).connect(who, offer, encoder=encoder)
        )
        kind = "whip" if encoder else "rtc"
        location = f"/rooms/{room}/{kind}/{peer.id}"
        headers = {"Location": location, "Cache-Control": "no-store"}
        return Response(peer.answer_sdp, 201, headers, media_type=SDP_TYPE)

    async def hung_up(room: str, who: str, peer: str) -> Response:
        if not await door.engine.wait(lambda studio: studio.hall(room).sound.disconnect(who, peer)):
            raise NotFound("line_unknown", "That connection is closed already.")
        return Response(status_code=200)

    return routes


async def sdp_of(request: Request) -> str:
    """The offer in the body: at most 16 KiB of `application/sdp`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != SDP_TYPE:
        raise UserError("sdp_type", f"Send the offer as {SDP_TYPE}.", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > SDP_BYTES:
            raise UserError("sdp_size", f"An offer is at most {SDP_BYTES} bytes.", status=413)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UserError("sdp_bad", "The offer is not text.") from None
