"""The connection of one who waits in the queue: request after request, on one line kept open."""

import asyncio
from typing import TYPE_CHECKING, cast

from hustings.base.errors import PeerError
from hustings.load.crowd.member import Member
from hustings.load.crowd.scanning import AnswerReader
from hustings.load.crowd.waiter import Waiter

if TYPE_CHECKING:
    from hustings.load.crowd.process import Crowd


class WaitingLine(asyncio.Protocol):
    """Opens when there is something to ask; the server may close it in between."""

    __slots__ = (
        "_asked",
        "_body",
        "_crowd",
        "_reader",
        "_timer",
        "_transport",
        "done",
        "member",
        "waiter",
    )

    def __init__(self, crowd: "Crowd", member: Member, waiter: Waiter) -> None:
        self._crowd = crowd
        self._reader: AnswerReader | None = None  # of the answer that is awaited
        self._asked = ""
        self._body = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.member = member
        self.waiter = waiter
        self.done = False

    def plan(self) -> None:
        """Ask for the next thing at its time."""
        if self.done:
            return
        at_s, self._asked = self.waiter.due()
        self._timer = self._crowd.later(max(0.0, at_s - self._crowd.now_s()), self._ask)

    def close(self) -> None:
        """The wait is over."""
        self.done = True
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask what could not be asked yet."""
        self._transport = cast("asyncio.Transport", transport)
        if self.done:
            self._transport.abort()
        else:
            self._send()

    def data_received(self, data: bytes) -> None:
        """An answer, piece by piece."""
        reader = self._reader
        if self.done or reader is None:
            return
        self._crowd.notes.bytes += len(data)
        try:
            self._body += b"".join(reader.feed(data))
        except PeerError:
            self._drop()
            return
        if reader.complete:
            self._came(reader.status)
            if "close" in reader.headers.get("connection", "") and self._transport is not None:
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Between two requests that is nothing; within one it has failed."""
        del exc
        self._transport = None
        if self._reader is not None:
            self._came(0)

    def failed(self) -> None:
        """There was no connection to be had."""
        self._came(0)

    def _ask(self) -> None:
        if self.done:
            return
        self._reader, self._body = AnswerReader(), b""
        if self._transport is None or self._transport.is_closing():
            self._crowd.connect_waiting(self)
        else:
            self._send()

    def _send(self) -> None:
        if self._transport is not None and self._reader is not None:
            self._transport.write(self._crowd.get(f"/live/{self._crowd.room}/{self._asked}"))

    def _came(self, status: int) -> None:
        self._reader = None
        if self.done:
            return
        self.waiter.answered(self._asked, status, self._body, self._crowd.now_s())
        self._body = b""
        if self.waiter.turn:
            self._crowd.turn(self)
        self.plan()

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()
