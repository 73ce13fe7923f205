"""The description of the interface as a page, without foreign scripts."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from hustings.web.visit import Visit

router = APIRouter(include_in_schema=False)


@router.get("/api/docs")
async def docs(request: Request) -> Response:
    """The OpenAPI document for people."""
    schema: dict[str, Any] = request.app.openapi()
    return Visit(request).page("web_api.html", schema=schema)
