"""What each call may answer: statuses and stable codes, once, for the code and for OpenAPI alike.

`told` gives a route its name, what it needs, and every error code that it can end in. A test runs
the whole interface and refuses an answer that is not among them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from hustings.pages.problems import CONTENT_TYPE
from hustings.web.keys.model import NEEDS, Scope

# code -> status; what they mean is in docs/protocol.md section 6
CODES: Final[Mapping[str, int]] = {
    "alt_missing": 400,
    "form_bad": 400,
    "picture_animated": 400,
    "picture_broken": 400,
    "picture_format": 400,
    "picture_large": 400,
    "picture_missing": 400,
    "picture_small": 400,
    "cursor_bad": 400,
    "delay_bad": 400,
    "language_bad": 400,
    "name_missing": 400,
    "people_many": 400,
    "guest_url": 400,
    "guests_many": 400,
    "hook_off": 400,
    "hooks_many": 400,
    "outbound_url": 400,
    "accounts_many": 400,
    "crew_many": 400,
    "reason_missing": 400,
    "room_state": 400,
    "room_taken": 400,
    "rules_missing": 400,
    "keep_days_shorter": 400,
    "start_past": 400,
    "stretch_bad": 400,
    "title_missing": 400,
    "key_missing": 401,
    "key_bad": 401,
    "key_expired": 401,
    "key_scope": 403,
    "permission": 403,
    "origin": 403,
    "account_unknown": 404,
    "guest_unknown": 404,
    "hook_unknown": 404,
    "invitation_unknown": 404,
    "room_unknown": 404,
    "delay_live": 409,
    "owner_last": 409,
    "title_differs": 409,
    "room_changed": 412,
    "body_large": 413,
    "request_body": 413,
    "once_differs": 422,
    "request_bad": 422,
    "if_match_missing": 428,
    "api_rate": 429,
    "request_rate": 429,
    "bug": 500,
    "stage_refused": 502,
    "busy": 503,
    "database_busy": 503,
    "database_full": 503,
    "database_gone": 503,
    "once_busy": 503,
    "outbox_full": 503,
    "picture_busy": 503,
    "post_full": 503,
    "stage_away": 503,
}
_ALWAYS: Final = (
    *("key_bad", "key_expired", "request_bad", "api_rate", "request_rate", "bug"),
    *("busy", "database_busy", "database_gone"),
)
_WITH_SCOPE: Final = ("key_missing", "key_scope", "permission")
_WRITES: Final = ("origin", "body_large", "request_body", "database_full")
TO_THE_STAGE: Final = ("outbox_full", "room_unknown")
ONCE: Final = ("once_differs", "once_busy")
_LATER: Final = frozenset({429, 503})

PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "RFC 9457. Programs decide by `code`; people read `title`.",
    "required": ["type", "title", "status", "code"],
    "properties": {
        "type": {"type": "string", "description": "`urn:hustings:error:<code>`"},
        "title": {"type": "string", "description": "One sentence, in English."},
        "status": {"type": "integer"},
        "code": {"type": "string", "description": "Stable; the list is in docs/protocol.md."},
        "field": {"type": "string", "description": "Which field to mend, where it is one."},
    },
    "examples": [
        {
            "type": "urn:hustings:error:room_unknown",
            "title": "There is no room with this address.",
            "status": 404,
            "code": "room_unknown",
        }
    ],
}


def told(
    name: str,
    *codes: str,
    scope: Scope | None = None,
    key: bool = True,
    writes: bool = False,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
) -> dict[str, Any]:
    """Arguments of a route: its `operationId`, what it needs, and all that it may answer.

    codes: its own, beside those of every call. scope: of the key; key False: works without one.
    headers: of the good answer, each with what it says.
    """
    needs: list[dict[str, list[str]]] = [{"key": []}] if key else [{}, {"key": []}]
    own = {*codes, *_ALWAYS, *(_WRITES if writes else ())}
    if scope:
        own |= set(_WITH_SCOPE)
    elif key:
        own.add("key_missing")
    about = {
        "security": needs,
        "x-scope": scope or "",
        "x-permission": NEEDS[scope] if scope else "",
    }
    good = {h: {"description": d, "schema": {"type": "string"}} for h, d in (headers or {}).items()}
    return {
        "operation_id": name,
        "status_code": status,
        "responses": {**_refusals(own), **({status: {"headers": good}} if good else {})},
        "openapi_extra": about,
    }


def _refusals(codes: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        by_status[CODES[code]].append(code)
    return {status: _refusal(status, codes) for status, codes in sorted(by_status.items())}


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    these = {"properties": {"code": {"enum": codes}, "status": {"const": status}}}
    answer: dict[str, Any] = {
        "description": ", ".join(f"`{code}`" for code in codes),
        "content": {CONTENT_TYPE: {"schema": {"allOf": [problem, these]}}},
    }
    if status in _LATER:
        seconds = {"type": "string", "pattern": "^[1-9][0-9]*$"}
        answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": seconds}}
    return answer
