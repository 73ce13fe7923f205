"""`/start`: a one-time link becomes a session, by a button's POST only (previewers send GET)."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.base.errors import Denied
from hustings.web.house.service import SESSION_S
from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)


@router.get("/start")
async def start(visit: Visitor) -> Response:
    """The button; the code is in the fragment, which a script puts into the field."""
    return visit.page("web_start.html", failed=False, is_host=await visit.is_host())


@router.post("/start")
async def become_host(visit: Visitor) -> Response:
    """Use the code up."""
    code = (await visit.form()).get("code", "").strip()
    code = code.rpartition("#")[2]  # the whole link may have been pasted
    try:
        session = await visit.services.house.redeem(code)
    except Denied:
        return visit.page("web_start.html", 403, failed=True, is_host=await visit.is_host())
    answer = visit.go("/rooms/new")
    answer.set_cookie(
        visit.cookie_name,
        session,
        max_age=SESSION_S,
        path="/",
        secure=visit.links.secure,
        httponly=True,
        samesite="lax",
    )
    return answer


@router.post("/leave")
async def leave(visit: Visitor) -> Response:
    """End the session."""
    if visit.session:
        await visit.services.house.leave(visit.session)
    answer = visit.go("/")
    answer.delete_cookie(visit.cookie_name, path="/", secure=visit.links.secure, httponly=True)
    return answer
