"""Errors as visitors meet them: a page for people, an RFC 9457 document for programs.

The page says in the visitor's language what happened and what to do; never a stack trace.
"""

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from hustings.base.errors import HustingsError, NotFound, TryLater
from hustings.pages import problems
from hustings.pages.render import choose_language, page_headers, render


def problem_response(scope: Scope, error: HustingsError) -> Response:
    """The answer to a request that ended in `error`."""
    answer = problems.response(error)
    answer.headers["Vary"] = "Accept, Accept-Language"
    asked = Headers(scope=scope)
    if scope["path"].startswith("/api/") or "text/html" not in asked.get("accept", ""):
        return answer
    language = choose_language(
        asked.get("accept-language"), scope["query_string"].decode("latin-1")
    )
    if error.code == "sign_in_again":  # after it they are back on their account's page
        return RedirectResponse(f"/sign-in?lang={language}&said={error.code}", 303)
    answer.body = render(
        "web_error.html",
        language,
        home="/",
        code=error.code,
        title=error.title,
        kind=_kind(error),
    )
    answer.headers.update({"Content-Length": str(len(answer.body)), **dict(page_headers())})
    return answer


def not_found() -> NotFound:
    """A path that leads nowhere."""
    return NotFound("page_unknown", "There is no page with this address.")


def _kind(error: HustingsError) -> str:
    """Which of the page's texts fits."""
    if isinstance(error, TryLater):
        return "later"
    if isinstance(error, NotFound):
        return "nothing"
    return "bug" if error.problem()["status"] >= 500 else "refused"
