"""`/api/v1/rooms`: the calendar for programs, by the services behind the pages."""

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import Field

from hustings.base.errors import UserError
from hustings.base.ids import RoomId, new_id
from hustings.web.api.caller import Anybody, Caller, OnceName, RoomsEraser, RoomsWriter
from hustings.web.api.fields import (
    Asked,
    NewRoom,
    RoomChange,
    RoomPlan,
    RoomsPage,
    Start,
    WallMs,
    form_of,
    plan_answer,
    plan_fields,
    room_answer,
)
from hustings.web.api.invitations import Invitation, invitation_answer
from hustings.web.api.refused import refused
from hustings.web.api.told import ONCE, TO_THE_STAGE, told
from hustings.web.once import Repeated
from hustings.web.outbox.stage import StageRefused
from hustings.web.rooms import lists
from hustings.web.rooms.erasing import REASON_CHARS as ERASE_CHARS
from hustings.web.rooms.erasing import reason_from_form, stretch_from_form
from hustings.web.rooms.model import (
    REASON_CHARS,
    TITLE_CHARS,
    address_from_form,
    as_usual,
    clean,
    keeping,
    people_from_form,
    wish_from_form,
)
from hustings.web.rooms.plan import changed

router = APIRouter(prefix="/api/v1", tags=["rooms"])

PAGE: Final = 50  # rooms, unless asked otherwise
PAGE_MOST: Final = 200
WORDS_CHARS: Final = 80
_FORM: Final = ("title_missing", "language_bad", "delay_bad", "start_past", "rules_missing")
_ETAG: Final = {"ETag": "The room's version, for `If-Match` of a change."}
ListedState = Literal["scheduled", "lobby", "live", "ended", "cancelled"]
RoomName = Annotated[
    str,
    Path(
        max_length=64,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$",
        description="Address of the room.",
        examples=["harbour"],
    ),
]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=ERASE_CHARS,
        description="For everybody to read.",
        examples=["A name was said that is nobody's business."],
    ),
]


class RoomMade(RoomPlan):
    """A new room, and the invitations to its stage."""

    invitations: list[Invitation]


class Cancellation(Asked):
    """Why the room does not take place."""

    why: Annotated[str, Field(max_length=REASON_CHARS, examples=["The harbour is flooded."])] = ""


class Revival(Asked):
    """When it takes place after all."""

    start_ms: Start


class Erasure(Asked):
    """A stretch of the past, in seconds since the room's epoch."""

    from_s: Annotated[int, Field(ge=0, le=10**9 - 1)]
    to_s: Annotated[int, Field(ge=1, le=10**9 - 1)]
    reason: Reason


class Deletion(Asked):
    """The whole recording. There is no way back, so the room's title has to be sent along."""

    title: Annotated[str, Field(min_length=1, max_length=TITLE_CHARS)]
    reason: Reason


@router.get("/rooms", **told("listRooms", "cursor_bad", key=False))
async def list_rooms(
    caller: Anybody,
    state: Annotated[
        list[ListedState] | None,
        Query(
            max_length=5, description="Only rooms in one of these; `cancelled` is a planned one."
        ),
    ] = None,
    from_ms: Annotated[
        WallMs, Query(description="Those that begin then or later; past ones: that ended.")
    ] = 0,
    until_ms: Annotated[WallMs, Query(description="Those before; 0: no end.")] = 0,
    words: Annotated[
        str, Query(max_length=WORDS_CHARS, description="In the title or the host's name.")
    ] = "",
    order: Annotated[
        Literal["latest", "earliest"], Query(description="Which comes first.")
    ] = "latest",
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = PAGE,
    after: Annotated[
        str, Query(max_length=lists.CURSOR_CHARS, description="`next` of the page before.")
    ] = "",
) -> RoomsPage:
    """Rooms of this house, a page at a time, by when they begin or, once past, ended.

    Those whose start is not said come first, or with `order=earliest` last.
    """
    query = lists.Query(
        states=tuple(dict.fromkeys(state or ())),
        from_ms=from_ms,
        until_ms=until_ms,
        words=clean(words, WORDS_CHARS),
        after=lists.place_of(after),
        latest_first=order == "latest",
        limit=limit,
    )
    page = await caller.services.rooms.page(query)
    found = [room_answer(room, caller.links) for room in page.rooms]
    return RoomsPage(rooms=found, next=page.next or None)


@router.get("/rooms/{room}", **told("getRoom", "room_unknown", key=False, headers=_ETAG))
async def get_room(caller: Anybody, room: RoomName, answer: Response) -> RoomPlan:
    """One room, as it was asked for last."""
    return await plan_of(caller, RoomId(room), answer)


@router.post(
    "/rooms",
    **told(
        "createRoom",
        *("room_taken", "people_many", "outbox_full", *_FORM, *ONCE),
        scope="rooms:write",
        writes=True,
        status=201,
        headers=_ETAG | {"Location": "The new room."},
    ),
)
async def create_room(
    caller: RoomsWriter, body: NewRoom, answer: Response, once: OnceName = None
) -> RoomMade:
    """Plan a room, with invitations for its host, co-hosts and speakers.

    Their links are in the answer if the key has the scope rooms:invite.
    """
    fields = body.form()
    if "keep_days" not in body.model_fields_set:
        days = caller.services.settings.stage.keep_days
        fields |= keeping(None if days < 0 else days)
    wish = as_usual(wish_from_form(fields), caller.services.settings.stage)
    wish = body.with_start(wish, 0)
    people = people_from_form(fields)
    room = address_from_form({"address": body.address}, title=wish.title, suffix=new_id(4))
    texts = body.words(wish.language)
    call = caller.once(once, body.model_dump())
    try:
        await caller.services.rooms.create(
            room, wish, people, texts=texts, once=call, by=caller.who.account
        )
    except Repeated as before:
        room = RoomId(before.made)
    caller.services.outbox.wake()
    plan = await caller.services.rooms.plan(room)
    invited = await caller.services.rooms.invitations(room)
    answer.headers["ETag"] = f'"{plan.version}"'
    answer.headers["Location"] = f"/api/v1/rooms/{room}"
    return RoomMade(
        **plan_fields(plan, caller.links, knows=caller.may("rooms:read")),
        invitations=[invitation_answer(caller, each) for each in invited],
    )


@router.patch(
    "/rooms/{room}",
    **told(
        "changeRoom",
        *("room_changed", "if_match_missing", "keep_days_shorter", "delay_live", *_FORM),
        *TO_THE_STAGE,
        scope="rooms:write",
        writes=True,
        headers=_ETAG,
    ),
)
async def change_room(
    caller: RoomsWriter,
    room: RoomName,
    body: RoomChange,
    answer: Response,
    if_match: Annotated[
        str | None,
        Header(
            max_length=200,
            description="The `ETag` of the room as you read it, or `*`. Needed, so that nobody's "
            "change is lost.",
            examples=["*"],
        ),
    ] = None,
) -> RoomPlan:
    """Change what was planned, its start too; what is left out stays."""
    name = RoomId(room)
    plan = await caller.services.rooms.plan(name)
    expect_match(if_match, plan.version)
    live = plan.planned.state == "live"
    if live and body.delay_s != plan.wish.delay_s and "delay_s" in body.model_fields_set:
        raise UserError("delay_live", "While live the hosts set the delay, on stage.", status=409)
    wish = as_usual(changed(plan, form_of(plan, body)), caller.services.settings.stage)
    wish = body.with_start(wish, plan.wish.start_ms)
    texts = body.words(wish.language)
    await caller.services.rooms.change(name, wish, texts=texts, seen=plan.version)
    return await plan_sent(caller, name, answer)


@router.post(
    "/rooms/{room}/lobby",
    **told("openLobby", "room_state", *TO_THE_STAGE, scope="rooms:write", writes=True),
)
async def open_lobby(caller: RoomsWriter, room: RoomName, answer: Response) -> RoomPlan:
    """Open the lobby: listeners may come in and wait."""
    await caller.services.rooms.open_lobby(RoomId(room))
    return await plan_sent(caller, RoomId(room), answer)


@router.post(
    "/rooms/{room}/cancel",
    **told("cancelRoom", "room_state", *TO_THE_STAGE, scope="rooms:write", writes=True),
)
async def cancel(
    caller: RoomsWriter, room: RoomName, body: Cancellation, answer: Response
) -> RoomPlan:
    """Say that the room does not take place, and why; its page and calendars say so."""
    await caller.services.rooms.cancel(RoomId(room), clean(body.why, REASON_CHARS))
    return await plan_sent(caller, RoomId(room), answer)


@router.post(
    "/rooms/{room}/revive",
    **told(
        "reviveRoom", "room_state", "start_past", *TO_THE_STAGE, scope="rooms:write", writes=True
    ),
)
async def revive(caller: RoomsWriter, room: RoomName, body: Revival, answer: Response) -> RoomPlan:
    """A cancelled room takes place after all, then."""
    await caller.services.rooms.revive(RoomId(room), body.start_ms)
    return await plan_sent(caller, RoomId(room), answer)


_TAKING: Final = ("room_unknown", "stage_away", "stage_refused", "reason_missing")


@router.post(
    "/rooms/{room}/erase",
    **told("eraseSound", "stretch_bad", *_TAKING, scope="rooms:erase", writes=True, status=204),
)
async def erase(caller: RoomsEraser, room: RoomName, body: Erasure) -> None:
    """Take back a stretch of the past for good, at once or not at all."""
    name = RoomId(room)
    await caller.services.rooms.room(name)
    asked = {"from": str(body.from_s), "to": str(body.to_s), "reason": body.reason}
    stretch = stretch_from_form(asked)
    try:
        await caller.services.stage.erase(name, stretch)
    except StageRefused as error:
        raise refused(error) from error


@router.post(
    "/rooms/{room}/delete",
    **told(
        "deleteRecording",
        *("room_state", "title_differs", *_TAKING),
        scope="rooms:erase",
        writes=True,
    ),
)
async def delete(caller: RoomsEraser, room: RoomName, body: Deletion, answer: Response) -> RoomPlan:
    """Delete the whole recording of a past room for good, at once or not at all."""
    name = RoomId(room)
    planned = await caller.services.rooms.room(name)
    reason = reason_from_form({"reason": body.reason})
    if body.title != planned.title:
        raise UserError("title_differs", "This is not the room's title.", status=409)
    try:
        left = await caller.services.stage.delete(name, reason)
    except StageRefused as error:
        raise refused(error) from error
    await caller.services.rooms.learn([left])
    return await plan_of(caller, name, answer)


def expect_match(if_match: str | None, version: str) -> None:
    """Raises UserError: if_match_missing (428), room_changed (412)."""
    if not if_match:
        raise UserError(
            "if_match_missing", "Send If-Match with the ETag that you read.", status=428
        )
    asked = [each.strip() for each in if_match.split(",")]
    if "*" not in asked and f'"{version}"' not in asked:
        raise UserError("room_changed", "The room was changed meanwhile.", status=412)


async def plan_sent(caller: Caller, room: RoomId, answer: Response) -> RoomPlan:
    """The plan after a change, which goes to the stage now."""
    caller.services.outbox.wake()
    return await plan_of(caller, room, answer)


async def plan_of(caller: Caller, room: RoomId, answer: Response) -> RoomPlan:
    """The plan as this caller may see it, its version as the ETag."""
    plan = await caller.services.rooms.plan(room)
    answer.headers["ETag"] = f'"{plan.version}"'
    return plan_answer(plan, caller.links, knows=caller.may("rooms:read"))
