"""RFC 9457 problem documents: one shape for every refusal of the stage and of web.

`install` puts it on a FastAPI application. Anything that is not one of our errors is logged and
answered with a 500 that tells nothing of the inside. The edge writes the same shape by itself.
"""

import logging
import math
from typing import Any, Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from hustings.base.errors import HustingsError, TryLater, UserError

log = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"


def response(error: HustingsError) -> Response:
    """The error as an HTTP answer; `Retry-After` for what may succeed later."""
    problem = error.problem()
    headers = {"Cache-Control": "no-store"}
    if problem["status"] == 401:
        headers["WWW-Authenticate"] = "Bearer"
    body = msgspec.json.encode(problem)
    answer = Response(body, problem["status"], headers, media_type=CONTENT_TYPE)
    return with_patience(answer, error)


def with_patience(answer: Response, error: HustingsError | None) -> Response:
    """The same answer, with `Retry-After` if what failed may succeed later."""
    if isinstance(error, TryLater):
        answer.headers["Retry-After"] = str(max(1, math.ceil(error.delay_s)))
    return answer


def gone(_request: Request, _error: Exception) -> Response:
    """Whoever asked hung up before they had said all: nobody reads this, and it is no mistake of ours."""
    return Response(status_code=400)


def install(app: FastAPI) -> None:
    """Answer every error of `app` with a problem document."""

    @app.exception_handler(HustingsError)
    async def ours(_request: Request, error: HustingsError) -> Response:
        return response(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0] if error.errors() else {}
        where = ".".join(str(step) for step in first.get("loc", ()))
        title = f"{where}: {first.get('msg', 'not understood')}"
        return response(UserError("request_invalid", title, status=422))

    @app.exception_handler(HTTPException)
    async def plain(_request: Request, error: HTTPException) -> Response:
        code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "http_error")
        answer = response(UserError(code, str(error.detail), status=error.status_code))
        answer.headers.update(error.headers or {})
        return answer

    app.add_exception_handler(ClientDisconnect, gone)

    @app.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        log.error("a bug at %s %s", request.method, request.url.path, exc_info=error)
        problem: dict[str, Any] = {"status": 500}
        return response(HustingsError("bug", "This is our mistake; it has been logged.", **problem))
