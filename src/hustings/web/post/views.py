"""`/post`, for those who see the board: what waits to be sent, what was given up and why."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.web.visit import Visitor

router = APIRouter(prefix="/post", include_in_schema=False)


@router.get("")
async def letters(visit: Visitor) -> Response:
    """The page; the way in for everybody else. No recipient is named."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    await visit.needs("board")
    post = visit.services.post
    return visit.page("web_post.html", standings=await post.standings(), mails=post.carries("mail"))
