"""A house, as a program sees it."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import httpx

from hustings.client.http import PATIENCE_S, Line
from hustings.client.people import People
from hustings.client.rooms import Rooms
from hustings.client.types import Me
from hustings.client.webhooks import Webhooks


class House:
    """`with House(url, key) as house:`; url as people open it, key of one's account page.

    Without a key what is public can be read. patience_s: how long all waits of one call may be,
    while the house is busy or away. http: a client of one's own, for a proxy or certificates.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        patience_s: float = PATIENCE_S,
        http: httpx.Client | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._line = Line(url, key, patience_s=patience_s, http=http, sleep=sleep)
        self.rooms = Rooms(self._line)
        self.people = People(self._line)
        self.webhooks = Webhooks(self._line)

    def me(self) -> Me:
        """The key, and what it may do now. Raises Denied."""
        return self._line.get("/me", Me)

    def close(self) -> None:
        """Close the connections."""
        self._line.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()
