"""What a room says in further languages, as its hosts write it."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import UserError
from hustings.base.ids import room_id
from hustings.web.rooms.views import REFUSED, room_view
from hustings.web.rooms.wording import others, texts_from_form
from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)


@router.post("/rooms/{room}/languages")
async def change_texts(visit: Visitor, room: str) -> Response:
    """Title and description for readers of other languages: all of them, as the form has them."""
    name = room_id(room)
    await visit.needs_in(name, "rooms")
    fields = await visit.form()
    plan = await visit.services.rooms.plan(name)
    try:
        texts = texts_from_form(fields, others(plan.wish.language))
        await visit.services.rooms.tell_in(name, texts, seen=fields.get("seen", ""))
    except UserError as error:
        status = REFUSED.get(error.code, 422)
        return await room_view(visit, name, status=status, texts=fields, texts_error=error)
    visit.services.outbox.wake()
    return visit.go(f"/rooms/{name}", said="changed")
