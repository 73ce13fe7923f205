"""Static files as FastAPI answers, for stage and web; the edge writes its own bytes."""

from fastapi import FastAPI, Request, Response

from hustings.base.errors import NotFound
from hustings.pages.assets import asset


def install(app: FastAPI) -> None:
    """Serve `/static/...`: compressed once, cached for ever under the hashed name."""

    @app.get("/static/{name:path}", include_in_schema=False)
    async def static(name: str, request: Request) -> Response:
        found = asset(f"/static/{name}")
        if found is None:
            raise NotFound("page_unknown", "There is no page with this address.")
        headers = {
            "Cache-Control": found.cache_control,
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        body = found.body
        if found.gzip is not None and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = found.gzip, "gzip"
        return Response(body, media_type=found.content_type, headers=headers)
