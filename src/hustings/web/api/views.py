"""`GET /api/v1/rooms` and the description of the interface, shown without foreign scripts."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from hustings.web.rooms.model import PlannedRoom
from hustings.web.visit import Visit, Visitor

router = APIRouter(prefix="/api/v1", tags=["rooms"])
pages = APIRouter(include_in_schema=False)


class RoomAnswer(BaseModel):
    """One public room."""

    room: str = Field(description="Address of the room, the same for ever.")
    title: str
    state: Literal["scheduled", "lobby", "live", "ended"]
    language: str = Field(description="BCP 47 tag of what is spoken.")
    host: str
    start_ms: int = Field(description="Planned start, wall milliseconds UTC; 0: not planned.")
    was_ms: int = Field(description="The start that was announced before; 0: never moved.")
    cancelled_ms: int = Field(description="When it was cancelled; 0: it takes place.")
    cancelled_why: str = Field(description="Why, in the hosts' words; may be empty.")
    listen: str = Field(description="The listeners' page.")
    stream: str = Field(description="HLS playlist.")


class RoomsAnswer(BaseModel):
    """The calendar: live and open rooms first, then those to come, then past ones."""

    rooms: list[RoomAnswer]


@router.get("/rooms")
async def rooms(visit: Visitor) -> RoomsAnswer:
    """Public rooms of this house, at most 50 of each state."""
    calendar = await visit.services.rooms.calendar()
    found = [*calendar.live, *calendar.coming, *calendar.past]
    return RoomsAnswer(rooms=[_answer(visit, room) for room in found])


@pages.get("/api/docs")
async def docs(request: Request) -> Response:
    """The OpenAPI document as a plain page."""
    schema: dict[str, Any] = request.app.openapi()
    return Visit(request).page("web_api.html", schema=schema)


def _answer(visit: Visit, planned: PlannedRoom) -> RoomAnswer:
    facts = planned.facts
    wish = planned.wish
    return RoomAnswer(
        room=planned.room,
        title=planned.title,
        state=planned.state,
        language=facts.language if facts else wish.language,
        host=facts.host if facts else wish.host,
        start_ms=planned.start_ms,
        was_ms=facts.was_ms if facts else 0,
        cancelled_ms=facts.cancelled_ms if facts else 0,
        cancelled_why=facts.cancelled_why if facts else "",
        listen=visit.links.listen(planned.room),
        stream=f"{visit.links.edge}/live/{planned.room}/index.m3u8",
    )
