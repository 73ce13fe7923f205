"""The OpenAPI document: FastAPI's, with our problem documents and keys instead of its own."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from hustings import VERSION
from hustings.web.api.told import PROBLEM

URL: Final = "/api/openapi.json"
_ABOUT: Final = """\
Rooms, invitations and people of this house. Make a key on your account page and send it as
`Authorization: Bearer hustings_…`; what is public needs none. Times are wall milliseconds UTC.
Lists come in pages: ask again with `after` set to the answer's `next`. A call that makes something
takes an `Idempotency-Key`, so that it may be repeated. Errors are RFC 9457 problem documents with a
stable `code`; with 429 and 503 comes `Retry-After`. Sound and events are served by the edge:
docs/protocol.md."""
_TAGS: Final = [
    {"name": "rooms", "description": "The calendar: plan, change, cancel, delete."},
    {"name": "invitations", "description": "Who comes on a room's stage, and their links."},
    {"name": "people", "description": "Accounts of this house; for owners."},
    {"name": "webhooks", "description": "Other programs that are told what happens."},
    {"name": "me", "description": "The key that calls."},
]
_FASTAPIS: Final = ("HTTPValidationError", "ValidationError")


def install(app: FastAPI) -> None:
    """Let `app.openapi()` answer with our document, which is made once."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # how FastAPI wants it


def _document(app: FastAPI) -> dict[str, Any]:
    made = get_openapi(
        title="Hustings",
        version=VERSION,
        openapi_version="3.1.0",
        description=_ABOUT,
        routes=app.routes,
        tags=_TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    parts = made.setdefault("components", {})
    schemas = parts.setdefault("schemas", {})
    for name in _FASTAPIS:
        schemas.pop(name, None)
    schemas["Problem"] = PROBLEM
    parts["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of your account page. `x-scope` of a call says what it needs.",
        }
    }
    return made
