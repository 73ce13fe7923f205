"""`/api/v1/rooms/{room}/crew`: who helps with a room, in which role; and how many are told of it.

A role opens the room and its stage to an account: giving one asks for the scope rooms:crew.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from hustings.base.ids import RoomId
from hustings.web.accounts.rules import RoomRole
from hustings.web.api.caller import RoomsCrew, RoomsReader
from hustings.web.api.fields import Asked
from hustings.web.api.invitations import RoomName
from hustings.web.api.people import PersonName
from hustings.web.api.told import TO_THE_STAGE, told
from hustings.web.crew.model import Member
from hustings.wire.kinds import Promotion

router = APIRouter(prefix="/api/v1/rooms/{room}", tags=["rooms"])


class Helper(BaseModel):
    """Somebody with a role in this room alone."""

    person: str
    name: str
    role: RoomRole


class Helpers(BaseModel):
    """All of a room, by name: at most 20."""

    crew: list[Helper]


class Given(Asked):
    """As whom they help."""

    role: RoomRole = Field(
        description="host: edits and leads; cohost: edits; moderator, checker: on the stage alone."
    )


class Sent(BaseModel):
    """What was sent on one occasion by one channel, as the room's journal has it. Times are wall ms UTC."""

    id: str
    occasion: Literal["reminder", "moved", "cancelled"]
    channel: Literal["mail", "push"]
    start_ms: int = Field(description="Of the room, as it was told; 0: not said.")
    from_ms: int = Field(description="The window over which they were spread ...")
    to_ms: int = Field(description="... and its end.")
    planned: int = Field(description="How many asked for it.")
    sent: int
    failed: int
    uncertain: int = Field(description="Cut short: it may have arrived.")
    late: int = Field(description="That could not be sent before the start.")
    dropped: int = Field(description="For whom the plan changed before.")
    first_ms: int = Field(description="When the first was sent; 0: none was.")
    last_ms: int
    final: bool = Field(description="Nothing of it is sent any more.")


class Reminded(BaseModel):
    """How many are told of a room, and what was sent; nobody's address."""

    mail: int = Field(description="Confirmed subscribers by mail.")
    push: int = Field(description="Browsers.")
    promotions: list[Sent] = Field(description="The latest first.")


@router.get("/crew", **told("listCrew", "room_unknown", scope="rooms:read"))
async def list_crew(caller: RoomsReader, room: RoomName) -> Helpers:
    """Who has a role in this room. Roles in the house, which lead everywhere, are not among them."""
    await caller.services.rooms.room(RoomId(room))
    there, _ = await caller.services.crew.of(RoomId(room))
    return Helpers(crew=[_helper(each) for each in there])


@router.put(
    "/crew/{person}",
    **told(
        *("giveRole", "account_unknown", "crew_many", *TO_THE_STAGE),
        scope="rooms:crew",
        writes=True,
    ),
)
async def give(caller: RoomsCrew, room: RoomName, person: PersonName, body: Given) -> Helper:
    """Give somebody with an account a role in this room, or another one, at once. Twice is once."""
    await caller.services.rooms.room(RoomId(room))
    given = await caller.services.crew.give(RoomId(room), person, body.role)
    caller.services.outbox.wake()
    return _helper(given)


@router.delete(
    "/crew/{person}",
    **told(*("takeRole", *TO_THE_STAGE), scope="rooms:crew", writes=True, status=204),
)
async def take(
    caller: RoomsCrew,
    room: RoomName,
    person: PersonName,
    links: Annotated[
        bool, Query(description="Withdraw also the invitations that they made for this room.")
    ] = False,
) -> None:
    """They have none any more, and leave its stage; also who had none."""
    await caller.services.rooms.room(RoomId(room))
    await caller.services.crew.remove(RoomId(room), person, links=links)
    caller.services.outbox.wake()


@router.get("/reminders", **told("getReminders", "room_unknown", scope="rooms:read"))
async def reminders(caller: RoomsReader, room: RoomName) -> Reminded:
    """How many asked to be told of this room, and what became of what was sent."""
    await caller.services.rooms.room(RoomId(room))
    asked = await caller.services.reminders.counts(RoomId(room))
    sendings = await caller.services.reminders.promotions(RoomId(room))
    return Reminded(
        mail=asked.get("mail", 0),
        push=asked.get("push", 0),
        promotions=[_sent(each.body) for each in sendings if each.body],
    )


def _helper(member: Member) -> Helper:
    return Helper.model_validate(vars(member) | {"person": member.account})


def _sent(said: Promotion) -> Sent:
    return Sent(**{field: getattr(said, field) for field in Sent.model_fields})
