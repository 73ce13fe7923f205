"""HTTP for sound: the page's WebRTC offer, and WHIP for outside encoders (RFC 9725).

Both end in `Hall.connect`; they differ in the credential and in whether sound goes back.
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from hustings.base.errors import NotFound, UserError
from hustings.stage.http.door import Door, bearer
from hustings.stage.rtc.sdp import read_offer

SDP_TYPE: Final = "application/sdp"
SDP_BYTES: Final = 16 * 1024


def router(door: Door) -> APIRouter:
    """`/rooms/{room}/rtc` and `/rooms/{room}/whip`."""
    routes = APIRouter()

    @routes.post("/rooms/{room}/rtc")
    async def rtc(room: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        return await _answer(door, room, seated.participant, await sdp_of(request), encoder=False)

    @routes.delete("/rooms/{room}/rtc/{peer}")
    async def hang_up(room: str, peer: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        return await _hang_up(door, room, seated.participant, peer)

    @routes.post("/rooms/{room}/whip")
    async def whip(room: str, request: Request) -> Response:
        claims = door.encoder(bearer(request), room)
        offer = await sdp_of(request)
        read_offer(offer)  # refuses before a name stands backstage that nobody answers to
        await door.engine.do(
            lambda studio: studio.meeting(room).join(
                claims.sub, name=claims.name or "encoder", role=claims.role or "speaker"
            )
        )
        return await _answer(door, room, claims.sub, offer, encoder=True)

    @routes.delete("/rooms/{room}/whip/{peer}")
    async def whip_delete(room: str, peer: str, request: Request) -> Response:
        claims = door.encoder(bearer(request), room)
        return await _hang_up(door, room, claims.sub, peer)

    @routes.patch("/rooms/{room}/whip/{peer}")
    async def whip_patch(room: str, peer: str, request: Request) -> Response:
        """Trickle ICE is not offered (RFC 9725 4.3.1): peers come by peer-reflexive candidates."""
        del peer
        door.encoder(bearer(request), room)
        return Response(status_code=405, headers={"Allow": "DELETE"})

    return routes


async def _answer(door: Door, room: str, who: str, offer: str, *, encoder: bool) -> Response:
    peer = await door.engine.wait(
        lambda studio: studio.meeting(room).connect(who, offer, encoder=encoder)
    )
    kind = "whip" if encoder else "rtc"
    headers = {"Location": f"/rooms/{room}/{kind}/{peer.id}", "Cache-Control": "no-store"}
    return Response(peer.answer_sdp, 201, headers, media_type=SDP_TYPE)


async def _hang_up(door: Door, room: str, who: str, peer: str) -> Response:
    if not await door.engine.wait(lambda studio: studio.meeting(room).sound.disconnect(who, peer)):
        raise NotFound("line_unknown", "That connection is closed already.")
    return Response(status_code=200)


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
