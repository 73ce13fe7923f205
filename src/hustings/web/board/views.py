"""`/board`, and the numbers that its script asks for every two seconds; who runs the house only."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)


@router.get("/board")
async def board(visit: Visitor) -> Response:
    """The page; the way in for everybody else."""
    if await visit.who() is None:
        return visit.go("/sign-in")
    await visit.needs("board")
    return visit.page("web_board.html")


@router.get("/board.json")
async def board_json(visit: Visitor) -> Response:
    """What the stage tells."""
    await visit.needs("board")
    said = await visit.services.board.now()
    return Response(said, media_type="application/json", headers={"Cache-Control": "no-store"})
