"""`/board`, and the numbers that its script asks for every two seconds; hosts of the house only."""

from fastapi import APIRouter
from starlette.responses import Response

from hustings.web.visit import Visitor

router = APIRouter(include_in_schema=False)


@router.get("/board")
async def board(visit: Visitor) -> Response:
    """The page; the way to become a host for everybody else."""
    if not await visit.is_host():
        return visit.go("/start")
    return visit.page("web_board.html", is_host=True)


@router.get("/board.json")
async def board_json(visit: Visitor) -> Response:
    """What the stage tells."""
    await visit.needs_host()
    said = await visit.services.board.now()
    return Response(said, media_type="application/json", headers={"Cache-Control": "no-store"})
