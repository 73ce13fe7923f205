"""WHIP for outside encoders (RFC 9725): OBS, GStreamer, ffmpeg and whatever else speaks it.

A token is one seat, and its newest line replaces the one before: who lost a line and comes again
is never told that they are still there. Pages of other sites may call (CORS): what counts is the
bearer token, no cookie. Trickled candidates are taken; ICE cannot be restarted: post again.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.datastructures import MutableHeaders

from hustings.base.errors import NotFound, PeerError, UserError
from hustings.stage.http.door import Door, bearer
from hustings.stage.http.lines import SDP_TYPE, hang_up, sdp_of, text_of
from hustings.stage.rtc.fragment import FRAGMENT_BYTES, Fragment, read_fragment
from hustings.stage.rtc.relays import ice_links
from hustings.stage.rtc.sdp import read_offer
from hustings.stage.studio import Studio

FRAGMENT_TYPE: Final = "application/trickle-ice-sdpfrag"
CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Location, Link, ETag, Retry-After, Accept-Post, Accept-Patch",
}
_ASKED: Final = {
    "Access-Control-Allow-Methods": "POST, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
    "Access-Control-Max-Age": "86400",
}


def router(door: Door) -> APIRouter:
    """`/rooms/{room}/whip` and what it makes, `/rooms/{room}/whip/{peer}`."""
    routes = APIRouter()

    _options(routes, door)

    @routes.post("/rooms/{room}/whip")
    async def publish(room: str, request: Request) -> Response:
        claims = door.encoder(bearer(request), room)
        offer = await sdp_of(request)
        read_offer(offer)  # refuses before a name stands backstage that nobody answers to
        await door.engine.do(
            lambda studio: studio.meeting(room).seats.join(
                claims.sub, name=claims.name or "encoder", role=claims.role or "speaker"
            )
        )
        peer = await door.engine.wait(
            lambda studio: studio.meeting(room).seats.connect(claims.sub, offer, encoder=True)
        )
        headers = {
            "Location": f"/rooms/{room}/whip/{peer.id}",
            "ETag": _etag(peer.id),
            "Accept-Patch": FRAGMENT_TYPE,
            "Cache-Control": "no-store",
        }
        answer = Response(peer.answer_sdp, 201, headers, media_type=SDP_TYPE)
        _add_links(answer, door)
        return answer

    @routes.delete("/rooms/{room}/whip/{peer}")
    async def end(room: str, peer: str, request: Request) -> Response:
        return await hang_up(door, room, door.encoder(bearer(request), room).sub, peer)

    @routes.patch("/rooms/{room}/whip/{peer}")
    async def trickle(room: str, peer: str, request: Request) -> Response:
        """Candidates that were found after the offer (RFC 9725 4.3)."""
        who = door.encoder(bearer(request), room).sub
        text = await text_of(request, FRAGMENT_TYPE, limit=FRAGMENT_BYTES)
        match = request.headers.get("if-match", "")
        if match not in {_etag(peer), "*", ""}:
            raise PeerError("ice_session", "This is another ICE session.", status=412)
        fragment = read_fragment(text)
        await door.engine.wait(lambda studio: _trickle(studio, room, who, peer, fragment))
        return Response(status_code=204, headers={"ETag": _etag(peer)})

    return routes


def _options(routes: APIRouter, door: Door) -> None:
    @routes.options("/rooms/{room}/whip")
    async def asked(room: str, request: Request) -> Response:
        """Also a browser's preflight, which shows no token; the relays are told to tokens only."""
        headers = {"Allow": "POST, OPTIONS", "Accept-Post": SDP_TYPE, **_ASKED}
        answer = Response(status_code=204, headers=headers)
        if bearer(request):
            door.encoder(bearer(request), room)
            _add_links(answer, door)
        return answer

    @routes.options("/rooms/{room}/whip/{peer}")
    async def asked_line(room: str, peer: str) -> Response:
        del room, peer
        headers = {"Allow": "PATCH, DELETE, OPTIONS", "Accept-Patch": FRAGMENT_TYPE, **_ASKED}
        return Response(status_code=204, headers=headers)


async def _trickle(studio: Studio, room: str, who: str, peer_id: str, found: Fragment) -> None:
    peer = studio.meeting(room).sound.peer(who, peer_id)
    if peer is None:
        raise NotFound("line_unknown", "That connection is closed already.")
    if found.ufrag not in {"", peer.remote_ufrag}:
        raise UserError(
            "ice_restart", "ICE cannot be restarted here: post a new offer.", status=422
        )
    await peer.trickle(found.candidates)


def _etag(peer: str) -> str:
    """Of an ICE session; a connection has one and only one."""
    return f'"{peer}"'


def _add_links(answer: Response, door: Door) -> None:
    for link in ice_links(door.settings.stage.rtc, int(door.now_s)):
        answer.headers.append("Link", link)


class OpenToPages:
    """ASGI: answers below `/rooms/{room}/whip`, refusals among them, may be read by any page."""

    def __init__(self, app: Callable[[Any, Any, Any], Awaitable[None]]) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Add the headers to the answer's first message."""
        words = scope["path"].split("/") if scope["type"] == "http" else []

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(CORS)
            await send(message)

        is_whip = len(words) in {4, 5} and words[1] == "rooms" and words[3] == "whip"
        await self._app(scope, receive, told if is_whip else send)
