"""HTTP for the other services: web's rooms and entries, the edges' batches (docs/protocol.md 4)."""

from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from hustings.base.errors import NotFound, UserError
from hustings.base.ids import RoomId, is_private, room_id
from hustings.journal.entry import Visibility
from hustings.stage.guests import LINE_CHARS, bookings
from hustings.stage.http.door import Door
from hustings.stage.studio import Studio
from hustings.wire.batch import Batch, encode, read
from hustings.wire.kinds import EXPECTED, KEEP_DAYS, LOBBY_MIN, Doors, Room
from hustings.wire.pictures import ALT_CHARS, shown
from hustings.wire.report import Report
from hustings.wire.rules import TEXT_CHARS as RULES_CHARS
from hustings.wire.wording import TEXTS

LATEST_MS: Final = 253_402_300_799_000  # the year 9999: no calendar goes further
GUESTS: Final = 12  # of one evening
_NULL_SAYS: Final = frozenset({"keep_days", "lobby_min", "doors"})
LATEST_SAMPLE: Final = 2**53  # 5,900 years; what JSON readers hold exactly


class WantedPicture(BaseModel):
    """Which of the pictures that were handed in, and what it shows."""

    hash: str = Field(pattern="^[0-9a-f]{32}$")
    alt: str = Field(min_length=1, max_length=ALT_CHARS)


class WantedWords(BaseModel):
    """What a room is, in one more language."""

    title: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=2_000)


class WantedGuest(BaseModel):
    """A guest of the evening, and what they agreed to."""

    id: str = Field(pattern="^[a-z0-9]{1,32}$")
    name: str = Field(min_length=1, max_length=80)
    line: str = Field(default="", max_length=LINE_CHARS)
    url: str = Field(default="", max_length=300, pattern="^(https?://.*)?$")
    picture: str = Field(default="", pattern="^([0-9a-f]{32})?$")
    announced: bool = False
    recorded: bool = False


Language = Annotated[str, Field(pattern="^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
RulesText = Annotated[str, Field(max_length=RULES_CHARS)]


class WantedRules(BaseModel):
    """What people are to agree to: the house's texts by language, and the room's own."""

    house: dict[Language, RulesText] = Field(default={}, max_length=TEXTS)
    own: RulesText = ""


class WantedRoom(BaseModel):
    """What web may say of a room; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, max_length=2_000)
    language: str | None = Field(default=None, max_length=35)
    host: str | None = Field(default=None, max_length=200)
    start_ms: int | None = Field(default=None, ge=0, le=LATEST_MS)
    radio: bool | None = None
    delay_s: int | None = None
    expected: int | None = Field(default=None, ge=0, le=EXPECTED)
    state: Literal["scheduled", "lobby"] | None = None
    notice: str | None = Field(default=None, max_length=280)
    keep_days: int | None = Field(default=None, ge=0, le=KEEP_DAYS)  # null: for ever
    lobby_min: int | None = Field(default=None, ge=0, le=LOBBY_MIN)  # null: as the house does it
    doors: Doors | None = None  # null: as the house does it
    cancelled: bool | None = None
    cancelled_why: str | None = Field(default=None, max_length=280)
    texts: dict[Language, WantedWords] | None = Field(default=None, max_length=TEXTS)  # all of them
    rules: WantedRules | None = None
    picture: WantedPicture | None = None  # null: none
    guests: list[WantedGuest] | None = Field(default=None, max_length=GUESTS)  # all, in order


class WantedEntry(BaseModel):
    """An entry of web's: a caption, a note, a decision."""

    kind: str = Field(max_length=32)
    body: dict[str, Any]
    visibility: Visibility = Visibility.PUBLIC
    at: int = Field(default=0, ge=0, le=LATEST_SAMPLE)
    key: str = Field(default="", max_length=100)


class Revoked(BaseModel):
    """Whose invitation is withdrawn."""

    participant: str = Field(max_length=64)


class Unwanted(BaseModel):
    """A stretch of a room's past that nobody shall hear any more; seconds of media time."""

    from_s: float = Field(ge=0, le=1e11)
    to_s: float = Field(gt=0, le=1e11)
    reason: str = Field(min_length=1, max_length=200)


class Unkept(BaseModel):
    """Why a whole recording is deleted, for everybody to read."""

    reason: str = Field(max_length=200)


def router(door: Door) -> APIRouter:
    """Rooms, entries and batches; the feeds are in `stage.http.feeds`."""
    routes = APIRouter()

    _listing(routes, door)

    @routes.put("/rooms/{room}")
    async def put_room(room: str, wanted: WantedRoom, request: Request) -> dict[str, Any]:
        door.service(request)
        if is_private(room):
            raise UserError("room_name", "The stage alone makes rooms of such a name.")
        facts = _facts(wanted)
        made = await _put(door, room_id(room), wanted, facts)
        return dict(msgspec.to_builtins(made))

    @routes.post("/rooms/{room}/entries")
    async def append(room: str, entry: WantedEntry, request: Request) -> dict[str, int]:
        door.service(request)
        seq = await door.engine.do(
            lambda studio: studio.hall_of_any(room).record.append_given(
                entry.kind, entry.body, visibility=entry.visibility, at=entry.at, key=entry.key
            )
        )
        return {"seq": seq}

    @routes.post("/rooms/{room}/revoke")
    async def revoke(room: str, whom: Revoked, request: Request) -> dict[str, Any]:
        door.service(request)
        await door.engine.wait(lambda studio: studio.revoke(room, whom.participant))
        return {}

    _past(routes, door)

    @routes.post("/rooms/{room}/batch")
    async def batch(room: str, request: Request) -> Response:
        credential = door.service(request, "edge").jti
        said: Batch = read(await request.body(), Batch)
        edge = f"{credential} {said.edge}"  # edges may share a credential
        answer = await door.engine.do(lambda studio: studio.hall(room).gallery.hear(edge, said))
        return Response(encode(answer), media_type="application/json")

    @routes.post("/report")
    async def report(request: Request) -> Response:
        claims = door.service(request, "edge")
        said: Report = read(await request.body(), Report)
        edge = f"{claims.jti} {said.edge}"
        await door.engine.do(lambda studio: studio.hear_report(edge, said, credential=claims.name))
        return Response(status_code=204)

    @routes.get("/board")
    async def board(request: Request) -> dict[str, Any]:
        door.service(request)
        return await door.engine.do(lambda studio: studio.board())

    return routes


def _facts(wanted: WantedRoom) -> dict[str, Any]:
    """What is asked for; null says nothing but where it is a word of its own."""
    own = {field: getattr(wanted, field) for field in _NULL_SAYS & wanted.model_fields_set}
    return wanted.model_dump(exclude_none=True) | own


async def _put(door: Door, room: RoomId, wanted: WantedRoom, facts: dict[str, Any]) -> Room:
    """The facts and, where they change, the files of the pictures that they show."""

    async def put() -> Room:
        return await door.engine.do(lambda studio: studio.hall_or_new(room).put(facts))

    if not wanted.model_fields_set & {"picture", "guests"}:
        return await put()
    async with door.pictures.changing:
        if asked := wanted.picture:
            facts["picture"] = await door.pictures.found(room, asked.hash, asked.alt)
        elif "picture" in wanted.model_fields_set:
            facts["picture"] = None
        if wanted.guests is not None:
            facts["guests"] = bookings([await _pictured(door, room, g) for g in wanted.guests])
        made = await put()
        await door.pictures.tidy(room, shown(made))
        return made


async def _pictured(door: Door, room: RoomId, guest: WantedGuest) -> WantedGuest:
    """Without a picture that is not here, as after a restore: the evening is told all the same."""
    try:
        if guest.picture:
            await door.pictures.read(room, guest.picture)
    except NotFound:
        return guest.model_copy(update={"picture": ""})
    return guest


def _listing(routes: APIRouter, door: Door) -> None:
    @routes.get("/rooms")
    async def rooms(
        request: Request, deleted_since: Annotated[int | None, Query(ge=0)] = None
    ) -> Response:
        door.service(request)
        past = "past" in request.query_params

        def facts(studio: Studio) -> list[Any]:
            gone = [] if deleted_since is None else studio.deletions.facts(since_ms=deleted_since)
            return [*gone, *studio.facts_of_all(past=past)]

        found = await door.engine.do(facts)
        return Response(msgspec.json.encode(found), media_type="application/json")


def _past(routes: APIRouter, door: Door) -> None:
    @routes.post("/rooms/{room}/adopt")
    async def adopt(room: str, request: Request) -> dict[str, Any]:
        door.service(request)
        return await door.engine.wait(lambda studio: studio.adopt(room))

    @routes.post("/rooms/{room}/erase")
    async def erase(room: str, what: Unwanted, request: Request) -> dict[str, int]:
        door.service(request)
        taken = await door.engine.do(
            lambda studio: studio.hall_of_any(room).erase(
                what.from_s, what.to_s, by="", reason=what.reason
            )
        )
        return {"first": taken.first, "last": taken.last}

    @routes.post("/rooms/{room}/delete")
    async def delete(room: str, why: Unkept, request: Request) -> dict[str, Any]:
        door.service(request)
        left = await door.engine.wait(lambda studio: studio.delete(room, reason=why.reason))
        return dict(msgspec.to_builtins(left))
