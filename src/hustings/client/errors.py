"""What a house refuses, as exceptions; `code` is stable (docs/protocol.md section 6)."""

from typing import Final

import msgspec


class ApiError(Exception):
    """The house said no: `code` for programs, the text for people."""

    def __init__(self, code: str, title: str, *, status: int = 0, field: str = "") -> None:
        super().__init__(f"{title} ({code})")
        self.code = code
        self.title = title
        self.status = status  # of HTTP; 0: there was no answer
        self.field = field  # which one to mend, where it is one


class Denied(ApiError):
    """No key, a bad one, or one that may not do this (401, 403)."""


class NotFound(ApiError):
    """There is no such thing here (404)."""


class Changed(ApiError):
    """It is not as it was when it was read (412): read it again."""


class TryLater(ApiError):
    """Full, busy or too often (429, 503), still after all our patience."""


class Unreachable(ApiError):
    """No answer came, or none that a house gives."""


class _Problem(msgspec.Struct):
    code: str
    title: str = ""
    field: str = ""


_KINDS: Final[dict[int, type[ApiError]]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    412: Changed,
    429: TryLater,
    503: TryLater,
}


def error_of(status: int, body: bytes) -> ApiError:
    """The exception for an answer with this status >= 400."""
    try:
        said = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:  # a proxy's page, for one
        said = _Problem("http", f"HTTP {status}")
    kind = _KINDS.get(status, ApiError)
    return kind(said.code, said.title, status=status, field=said.field)
