"""HTTP for the sound of people: their page's WebRTC offer. Encoders come by `stage.http.whip`.

Both end in `Seats.connect`; they differ in the credential and in whether sound goes back.
"""

from typing import Final

from fastapi import APIRouter, Request, Response

from hustings.base.errors import NotFound, UserError
from hustings.stage.http.door import Door, bearer

SDP_TYPE: Final = "application/sdp"
SDP_BYTES: Final = 16 * 1024


def router(door: Door) -> APIRouter:
    """`/rooms/{room}/rtc`."""
    routes = APIRouter()

    @routes.post("/rooms/{room}/rtc")
    async def rtc(room: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        offer = await sdp_of(request)
        peer = await door.engine.wait(
            lambda studio: studio.meeting(room).seats.connect(seated.participant, offer)
        )
        headers = {"Location": f"/rooms/{room}/rtc/{peer.id}", "Cache-Control": "no-store"}
        return Response(peer.answer_sdp, 201, headers, media_type=SDP_TYPE)

    @routes.delete("/rooms/{room}/rtc/{peer}")
    async def end(room: str, peer: str, request: Request) -> Response:
        seated = door.seated(bearer(request), room, request)
        return await hang_up(door, room, seated.participant, peer)

    return routes


async def hang_up(door: Door, room: str, who: str, peer: str) -> Response:
    """End that connection of theirs, or NotFound `line_unknown`."""
    if not await door.engine.wait(lambda studio: studio.meeting(room).sound.disconnect(who, peer)):
        raise NotFound("line_unknown", "That connection is closed already.")
    return Response(status_code=200)


async def sdp_of(request: Request) -> str:
    """The offer in the body: at most 16 KiB of `application/sdp`."""
    return await text_of(request, SDP_TYPE, limit=SDP_BYTES)


async def text_of(request: Request, wanted: str, *, limit: int) -> str:
    """The body; UserError `sdp_type` (415) if not of that type, `sdp_size` (413), `sdp_bad`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != wanted:
        raise UserError("sdp_type", f"Send this as {wanted}.", status=415)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise UserError("sdp_size", f"This is at most {limit} bytes.", status=413)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise UserError("sdp_bad", "This is not text.") from None
