"""One call: sent, repeated where that is safe, its answer or an exception.

Repeated are calls that were not carried out (429, 503: the house says when to come again), and
after a broken line those that may be carried out twice: reads, deletions, and what carries an
Idempotency-Key. All waits together are bounded by the caller's patience.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import httpx
import msgspec

from hustings.client.errors import TryLater, Unreachable, error_of

T = TypeVar("T")
TIMEOUT_S: Final = 20.0
PATIENCE_S: Final = 60.0
_FIRST_S: Final = 0.5  # after a broken line; twice as long each time
_LONGEST_S: Final = 15.0
_TWICE: Final = frozenset({"GET", "PUT", "DELETE"})


class Line:
    """The way to one house. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        key: str,
        *,
        patience_s: float = PATIENCE_S,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = http or httpx.Client(timeout=TIMEOUT_S)
        self._base = url.rstrip("/") + "/api/v1"
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._patience_s = patience_s
        self._sleep = sleep

    def call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        once: bool = False,
        form: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """The good answer. once: the call makes something, and gets an Idempotency-Key.

        form: the parts of a multipart form instead of a JSON body, as httpx has them.

        Raises ApiError; TryLater and Unreachable after repeating for `patience_s`.
        """
        sent = {**self._headers, **(headers or {})}
        if once:
            sent["Idempotency-Key"] = secrets.token_urlsafe(24)
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        left_s, tries = self._patience_s, 0
        while True:
            wait_s = min(_LONGEST_S, _FIRST_S * 2.0**tries)
            try:
                answer = self._http.request(
                    method,
                    self._base + path,
                    content=content,
                    files=form,
                    params=query,
                    headers=sent,
                )
            except httpx.TransportError as error:
                failed: Exception = Unreachable("unreachable", str(error) or type(error).__name__)
                if not once and method not in _TWICE:
                    raise failed from error
            else:
                if answer.status_code < 400:
                    return answer
                failed = error_of(answer.status_code, answer.content)
                if not isinstance(failed, TryLater):
                    raise failed
                wait_s = max(wait_s, _retry_after_s(answer))
            if wait_s > left_s:
                raise failed
            left_s -= wait_s
            tries = min(tries + 1, 16)
            self._sleep(wait_s)

    def get(self, path: str, kind: type[T], query: Mapping[str, Any] | None = None) -> T:
        """What a GET answers, as `kind`."""
        return read(self.call("GET", path, query=query), kind)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


def read(answer: httpx.Response, kind: type[T]) -> T:
    """An answer's body as `kind`. Raises Unreachable if it is none."""
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.MsgspecError as error:
        raise Unreachable("answer_bad", f"This is no answer of a house: {error}") from error


def _retry_after_s(answer: httpx.Response) -> float:
    """As a house says it; what else stands there (a proxy's date) leaves us to our own pauses."""
    said = answer.headers.get("retry-after", "").strip()
    return float(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0.0
