"""`/api/v1/rooms/{room}/guests`: who is announced for an evening, and what each of them agreed to.

A guest's link is the right to agree in their name: only the call that makes or renews it is answered with it.
"""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from hustings.base.ids import RoomId
from hustings.web.api.caller import Caller, OnceName, RoomsInviter, RoomsReader
from hustings.web.api.fields import Asked
from hustings.web.api.invitations import RoomName
from hustings.web.api.told import ONCE, TO_THE_STAGE, told
from hustings.web.guests import model
from hustings.web.guests.model import LINE_CHARS, PURPOSES, URL_CHARS, card_from_form
from hustings.web.once import Repeated
from hustings.web.rooms.model import NAME_CHARS

router = APIRouter(prefix="/api/v1/rooms/{room}/guests", tags=["guests"])

GuestId = Annotated[str, Path(max_length=32, pattern=r"^[a-z0-9]+$")]
Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARS, examples=["Bo Lind"])]
Line = Annotated[
    str, Field(max_length=LINE_CHARS, description="Who they are.", examples=["Mayor of Kalmar"])
]
Url = Annotated[str, Field(max_length=URL_CHARS, description="http or https; empty: none.")]


class Answer(BaseModel):
    """One thing that a guest was asked, and their last answer."""

    purpose: Literal["announce", "picture", "record"]
    agreed: bool
    at_ms: int = Field(description="When they said so; 0: they have not answered.")
    words: int = Field(description="Number of the words that they were asked in; 0: none.")
    by_host: bool = Field(description="It ended since a host changed what is announced.")


class Guest(BaseModel):
    """One guest, in the hosts' order."""

    guest: str
    name: str
    line: str
    url: str
    made_ms: int
    announced: bool = Field(description="Everybody may see name and line.")
    recorded: bool = Field(description="They agree to be recorded.")
    picture: str | None = Field(description="Where their picture is; null: it may not be shown.")
    answers: list[Answer]
    link: str | None = Field(
        description="Their own page, where it was just made or renewed; else null."
    )


class Guests(BaseModel):
    """All guests of an evening, in order."""

    guests: list[Guest]


class NewGuest(Asked):
    """Whom to name."""

    name: Name
    line: Line = ""
    url: Url = ""


class GuestChange(Asked):
    """What is to change. Whoever agreed to be announced otherwise is asked anew."""

    name: Name | None = None
    line: Line | None = None
    url: Url | None = None
    place: int | None = Field(default=None, ge=0, le=model.MOST - 1, description="0 is first.")


_FORM = ("name_missing", "guest_url", "room_state")


@router.get("", **told("listGuests", "room_unknown", scope="rooms:read"))
async def list_guests(caller: RoomsReader, room: RoomName) -> Guests:
    """Who is a guest, and what they agreed to."""
    await caller.services.rooms.room(RoomId(room))
    found = await caller.services.guests.of(RoomId(room))
    return Guests(guests=[guest_answer(caller, each) for each in found])


@router.post(
    "",
    **told(
        *("addGuest", "guest_unknown", "guests_many", *_FORM, *TO_THE_STAGE, *ONCE),
        scope="rooms:invite",
        writes=True,
        status=201,
    ),
)
async def add_guest(
    caller: RoomsInviter, room: RoomName, body: NewGuest, once: OnceName = None
) -> Guest:
    """One more guest, of whom nothing is public before they agree by their link."""
    guests, name = caller.services.guests, RoomId(room)
    await caller.services.rooms.room(name)
    card, call = card_from_form(body.model_dump()), caller.once(once, body.model_dump())
    try:
        made = await guests.add(name, card, once=call)
    except Repeated as before:
        made = await guests.guest(name, before.made)
    caller.services.outbox.wake()
    return guest_answer(caller, made, linked=True)


@router.patch(
    "/{guest}",
    **told(
        *("changeGuest", "guest_unknown", *_FORM, *TO_THE_STAGE), scope="rooms:invite", writes=True
    ),
)
async def change_guest(
    caller: RoomsInviter, room: RoomName, guest: GuestId, body: GuestChange
) -> Guest:
    """Correct what is announced, or the order. Fields that are left out stay as they are."""
    guests, name = caller.services.guests, RoomId(room)
    await caller.services.rooms.room(name)
    sent = body.model_dump(exclude_none=True, exclude={"place"})
    if sent:
        await guests.change(name, guest, sent)
    if body.place is not None:
        await guests.put_at(name, guest, body.place)
    caller.services.outbox.wake()
    return guest_answer(caller, await guests.guest(name, guest))


@router.post(
    "/{guest}/link",
    **told(
        *("renewGuestLink", "guest_unknown", "room_state", *TO_THE_STAGE),
        scope="rooms:invite",
        writes=True,
    ),
)
async def renew_link(caller: RoomsInviter, room: RoomName, guest: GuestId) -> Guest:
    """Another link; the one before is good no more."""
    await caller.services.rooms.room(RoomId(room))
    renewed = await caller.services.guests.renew(RoomId(room), guest)
    return guest_answer(caller, renewed, linked=True)


@router.delete(
    "/{guest}",
    **told(
        *("removeGuest", "guest_unknown", "room_state", *TO_THE_STAGE),
        scope="rooms:invite",
        writes=True,
        status=204,
    ),
)
async def remove_guest(caller: RoomsInviter, room: RoomName, guest: GuestId) -> None:
    """No guest any more: all that is kept of them goes, and what is announced of them."""
    await caller.services.rooms.room(RoomId(room))
    await caller.services.guests.remove(RoomId(room), guest)
    caller.services.outbox.wake()


def guest_answer(caller: Caller, guest: model.Guest, *, linked: bool = False) -> Guest:
    """The guest as callers see them. linked: with the link that this call made."""
    shown = f"{caller.links.listen(guest.room)}/guest.{guest.shown}.jpg" if guest.shown else None
    return Guest(
        guest=guest.guest,
        name=guest.name,
        line=guest.line,
        url=guest.url,
        made_ms=guest.made_ms,
        announced=guest.announced,
        recorded=guest.agrees("record"),
        picture=shown,
        answers=[_answer(guest, each) for each in PURPOSES],
        link=caller.services.guests.link(guest, caller.links.web) if linked else None,
    )


def _answer(guest: model.Guest, purpose: model.Purpose) -> Answer:
    last = guest.answer(purpose)
    if last is None:
        return Answer(purpose=purpose, agreed=False, at_ms=0, words=0, by_host=False)
    return Answer(
        purpose=purpose,
        agreed=last.agreed,
        at_ms=last.at_ms,
        words=last.words,
        by_host=last.by_host,
    )
