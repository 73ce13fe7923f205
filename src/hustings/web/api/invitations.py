"""`/api/v1/rooms/{room}/invitations`: who comes on stage, by which link.

A link is the right to sit there: it is shown to keys with the scope rooms:invite only.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hustings.base.errors import NotFound
from hustings.base.ids import RoomId
from hustings.web.api.caller import Caller, OnceName, RoomsInviter, RoomsReader
from hustings.web.api.fields import Asked, Name
from hustings.web.api.told import ONCE, TO_THE_STAGE, told
from hustings.web.once import Repeated
from hustings.web.rooms import model
from hustings.web.rooms.model import NAME_CHARS, PassKind, Person, clean
from hustings.wire.kinds import Role

router = APIRouter(prefix="/api/v1/rooms/{room}", tags=["invitations"])

SeatRole = Literal["host", "cohost", "moderator", "speaker"]
RoomName = Annotated[str, Path(max_length=64, pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
Jti = Annotated[str, Path(max_length=32, pattern=r"^[a-z0-9]+$")]


class Invitation(BaseModel):
    """One seat's pass."""

    invitation: str
    kind: PassKind = Field(description="invite: a link for a person; whip: for an encoder.")
    role: Role
    name: str
    made_ms: int
    revoked_ms: int = Field(description="When it was withdrawn; 0: it is good.")
    link: str | None = Field(
        description="What that person opens; null for an encoder, a withdrawn one, or a key "
        "without the scope rooms:invite."
    )
    token: str | None = Field(description="What an encoder sends (WHIP); null as `link`.")
    mount: str | None = Field(description="Where a radio studio sends to; null as `link`.")
    password: str | None = Field(description="What a radio studio shows there; null as `link`.")


class Invitations(BaseModel):
    """All passes of a room, in the order they were made."""

    invitations: list[Invitation]


class NewInvitation(Asked):
    """Whom to invite."""

    name: Name = ""
    role: SeatRole = "speaker"
    kind: PassKind = "invite"


@router.get("/invitations", **told("listInvitations", "room_unknown", scope="rooms:read"))
async def list_invitations(caller: RoomsReader, room: RoomName) -> Invitations:
    """Who is invited to this room's stage; with the scope rooms:invite, by which links."""
    await caller.services.rooms.room(RoomId(room))
    found = await caller.services.rooms.invitations(RoomId(room))
    return Invitations(invitations=[invitation_answer(caller, each) for each in found])


@router.post(
    "/invitations",
    **told(
        *("invite", "people_many", "room_unknown", *ONCE),
        scope="rooms:invite",
        writes=True,
        status=201,
    ),
)
async def invite(
    caller: RoomsInviter, room: RoomName, body: NewInvitation, once: OnceName = None
) -> Invitation:
    """One more seat: a person's link, or a pass for an encoder."""
    name = RoomId(room)
    rooms = caller.services.rooms
    await rooms.room(name)
    person = Person(clean(body.name, NAME_CHARS), body.role)
    call = caller.once(once, body.model_dump())
    try:
        made = await rooms.invite(name, person, body.kind, once=call, by=caller.who.account)
    except Repeated as before:
        made = await _found(caller, name, before.made)
    return invitation_answer(caller, made)


@router.delete(
    "/invitations/{invitation}",
    **told(
        *("revokeInvitation", "invitation_unknown", *TO_THE_STAGE),
        scope="rooms:invite",
        writes=True,
        status=204,
    ),
)
async def revoke(caller: RoomsInviter, room: RoomName, invitation: Jti) -> None:
    """Withdraw a pass; the stage puts out whoever sits there. Twice is once."""
    name = RoomId(room)
    await caller.services.rooms.room(name)
    made = await _found(caller, name, invitation)
    await caller.services.rooms.revoke(name, made.jti)
    caller.services.outbox.wake()


def invitation_answer(caller: Caller, made: model.Invitation) -> Invitation:
    """The pass as this caller may see it."""
    rooms = caller.services.rooms
    shown = caller.may("rooms:invite") and not made.revoked_ms
    seat, encoder = shown and made.kind == "invite", shown and made.kind == "whip"
    return Invitation(
        invitation=made.jti,
        kind=made.kind,
        role=made.role,
        name=made.name,
        made_ms=made.created_ms,
        revoked_ms=made.revoked_ms,
        link=caller.links.seat(made.room, rooms.sign(made)) if seat else None,
        token=rooms.sign(made) if encoder else None,
        mount=f"/{made.room}/{made.seat}" if encoder else None,
        password=rooms.source_password(made) if encoder else None,
    )


async def _found(caller: Caller, room: RoomId, jti: str) -> model.Invitation:
    for each in await caller.services.rooms.invitations(room):
        if each.jti == jti:
            return each
    raise NotFound("invitation_unknown", "There is no such invitation.")
