"""A room's crew, as those see it who lead the room; and one's own rooms, with the way to their stages."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import NotFound, UserError
from hustings.base.ids import room_id
from hustings.web.accounts.rules import may_in_room, room_role_from_form, stage_role
from hustings.web.crew.mine import Mine, shown
from hustings.web.rooms import lists
from hustings.web.rooms.service import SHOWN
from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)
CURSOR: Final = "after"


@router.get("/backstage")
async def mine(visit: Visitor) -> Response:
    """The visitor's rooms, each with a button that takes them to its stage."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    who = await visit.person()
    everywhere = stage_role(who.role, "")
    places = await visit.services.crew.places(who.account)
    listed = Mine(*shown(places, who.role))
    if everywhere:
        after = lists.place_of(visit.request.query_params.get(CURSOR, ""))
        page = await visit.services.rooms.coming(after)
        on = lists.Query(states=("live", "lobby"), limit=SHOWN)
        live = [] if after else (await visit.services.rooms.page(on)).rooms
        listed = listed.with_all(live, page.rooms, everywhere, page.next, later=after is not None)
    return visit.page(
        "web_mine.html", who=who, mine=listed, said=visit.request.query_params.get("said", "")
    )


@router.post("/rooms/{room}/backstage")
async def come(visit: Visitor, room: str) -> Response:
    """To the stage of this room, in the visitor's own role: a pass for their seat, good once and soon."""
    who = await visit.person()
    name = room_id(room)
    try:
        seat, ticket = await visit.services.crew.come(who, name)
    except UserError as refused:
        return visit.go("/backstage", said=refused.code)
    url = visit.links.seat(name, ticket).replace("#", f"{visit.lang_query}#", 1)
    answer = visit.page("web_going.html", url=url, role=seat.role)
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@router.get("/rooms/{room}/backstage")
async def mine_again(visit: Visitor, room: str) -> Response:
    """Where the button's address leads without it."""
    room_id(room)
    return visit.go("/backstage")


@router.post("/rooms/{room}/crew")
async def give(visit: Visitor, room: str) -> Response:
    """Somebody of the house has this role in this room from now on."""
    name = room_id(room)
    await visit.needs_in(name, "lead")
    await visit.services.rooms.room(name)
    fields = await visit.form()
    try:
        role = room_role_from_form(fields.get("role", ""))
        await visit.services.crew.give(name, fields.get("account", ""), role)
    except (NotFound, UserError) as refused:
        return visit.go(f"/rooms/{name}", said=refused.code)
    visit.services.outbox.wake()
    edits = may_in_room(role, "rooms")
    return visit.go(f"/rooms/{name}", said="crew" if edits else "crew_stage")


@router.post("/rooms/{room}/crew/{account}/remove")
async def remove(visit: Visitor, room: str, account: str) -> Response:
    """They have none any more; with `links`, what they made for this room is withdrawn too."""
    name = room_id(room)
    who = await visit.needs_in(name, "lead")
    links = (await visit.form()).get("links") == "yes"
    await visit.services.crew.remove(name, account, links=links)
    visit.services.outbox.wake()
    if account == who.account and not who.may("lead"):
        return visit.go("/backstage")  # the room's page is not theirs any more
    return visit.go(f"/rooms/{name}", said="crew_out_links" if links else "crew_out")
