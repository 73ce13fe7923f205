"""HTTP for people: an invitation becomes a token, a token renews itself (docs/protocol.md 4)."""

from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from hustings.base.errors import HustingsError
from hustings.base.ids import RoomId
from hustings.pages import problems
from hustings.stage.http.door import Door, bearer, device_of, welcome_view
from hustings.stage.studio import Studio
from hustings.wire.kinds import Participant
from hustings.wire.rules import expect_read
from hustings.wire.tokens import TOKEN_SECONDS, Claims, fingerprint


class Join(BaseModel):
    """An invitation and the name to appear under."""

    invitation: str = Field(max_length=2_048)
    name: str = Field(default="", max_length=200)
    rules: str = Field(default="", max_length=64)  # id of those that they agreed to


class Whose(BaseModel):
    """Whose track, by the invitation to their seat."""

    invitation: str = Field(max_length=2_048)


class Called(BaseModel):
    """The ticket of a hand that was called up."""

    ticket: str = Field(max_length=160)


def router(door: Door) -> APIRouter:
    """The routes of docs/protocol.md 4 that people use."""
    routes = APIRouter()

    @routes.post("/rooms/{room}/join", response_model=None)
    async def join(
        room: str, wanted: Join, request: Request, response: Response
    ) -> dict[str, Any] | Response:
        claims = door.invitation(wanted.invitation, room, request)
        secret = door.device(request, response)
        device = fingerprint(secret)
        if claims.exp:
            door.passes.use(claims, device, door.now_s)
        try:
            who = await door.engine.do(lambda studio: _sit(studio, claims, wanted, device))
        except HustingsError as error:
            if claims.exp and error.code == "rules_unread":
                return _to_read(error, door.here_alone(claims, device), response)
            if claims.exp:
                door.passes.give_back(claims)
            raise
        again = {"invitation": door.here_alone(claims, device)} if claims.exp else {}
        token = door.token(room, who.id, secret)
        return {"token": token, "expires_s": TOKEN_SECONDS, **welcome_view(who), **again}

    @routes.post("/rooms/{room}/redeem")
    async def redeem(room: str, called: Called) -> dict[str, str]:
        seat = await door.engine.do(
            lambda studio: studio.meeting(room).gallery.redeem(called.ticket)
        )
        return {"invitation": door.new_invitation(room, role="speaker", name="", seat=seat)}

    @routes.post("/rooms/{room}/drop_track")
    async def drop_track(room: str, whose: Whose, request: Request) -> dict[str, bool]:
        """Also of a room that has ended, and by whoever was removed: it is their voice."""
        who = door.invitation(whose.invitation, room, request).sub

        def drop(studio: Studio) -> bool:
            known = studio.facts(RoomId(room))
            if known is not None and who not in known.tracks:
                return False  # without opening a journal of the past
            hall = studio.hall_of_any(room)
            hall.take(hall.model.drop_track(who))
            return True

        return {"dropped": await door.engine.do(drop)}

    @routes.post("/rooms/{room}/renew")
    async def renew(room: str, request: Request) -> dict[str, Any]:
        seated = door.seated(bearer(request), room, request)
        await door.engine.do(lambda studio: studio.meeting(room).seats.known(seated.participant))
        return {
            "token": door.token(room, seated.participant, device_of(request)),
            "expires_s": TOKEN_SECONDS,
        }

    return routes


def _to_read(unread: HustingsError, invitation: str, response: Response) -> Response:
    """The rules, and how this browser comes again: a pass runs out sooner than some people read.

    The pass is used by that. response: where the device's cookie was set.
    """
    unread.facts["invitation"] = invitation
    answer = problems.response(unread)
    for cookie in response.headers.getlist("set-cookie"):
        answer.headers.append("set-cookie", cookie)
    return answer


def _sit(studio: Studio, claims: Claims, wanted: Join, device: str) -> Participant:
    """Whoever has read the rules that hold takes their seat. Raises as `Seats.join`, `expect_read`."""
    hall = studio.meeting(claims.room)
    expect_read(hall.model.facts.rules, wanted.rules, hall.record.evening.said_rules)
    return hall.seats.join(
        claims.sub, name=wanted.name or claims.name, role=claims.role, device=device
    )
