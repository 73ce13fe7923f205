"""What all lines by which a listener is reached have in common; for `cli.lines` and `cli.hls_line`.

Keeps true: a line comes back by itself as the page's does, from the part it needs next, and
waits as the server asks. Each gives `Piece`s: frames, and the media time they begin at.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator
from typing import ClassVar, Final, NamedTuple

import httpx

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, TryLater
from hustings.cli.client import problem_of
from hustings.media.decoders import FRAME_SAMPLES
from hustings.wire.names import OPUS
from hustings.wire.patience import retry_delay_s

FAULTS: Final = (OSError, TimeoutError, httpx.TransportError, httpx.StreamError)


def chance() -> float:
    """0..1, so that a crowd does not come at once."""
    return secrets.randbelow(1_000) / 1_000


class Piece(NamedTuple):
    """Frames in a row, and when the last byte of them came."""

    start: int  # media time in samples; of radio: since the first byte
    frames: list[bytes]
    at_s: float


class Line:
    """One line; `pieces()` is endless but for a room that ends. The counters are public."""

    rendition: str = OPUS
    target_s: float | None = None  # that the player shall keep; None: as it likes
    accept: ClassVar[dict[str, str]] = {}

    def __init__(self, url: str, client: httpx.AsyncClient, clock: Clock) -> None:
        self.url = url
        self.first_byte_s: float | None = None
        self.bytes = 0
        self.events = 0
        self.faults = 0  # connections that broke
        self.fault = ""  # why the last one did
        self.refusals = 0  # "try later"
        self.ended = False
        self.ticket = ""  # a place in the queue of a full house, then a seat
        self.spread_s = 1.0  # of the first try after a fault, as the server says
        self._client = client
        self._clock = clock
        self._next = -1  # media time that is needed next

    async def pieces(self) -> AsyncGenerator[Piece]:
        """Connect, and connect again. Raises NotFound, Denied or PeerError if that is no use."""
        failures = 0
        while not self.ended:
            asked_s = 0.0
            try:
                async with contextlib.aclosing(self._once()) as once:
                    async for piece in once:
                        failures = 0
                        length = len(piece.frames) * FRAME_SAMPLES[self.rendition]
                        self._next = piece.start + length
                        yield piece
                self.faults += not self.ended
            except TryLater as error:
                asked_s = error.delay_s
                self.refusals += 1
                self.ticket = error.facts.get("ticket", self.ticket)
                if error.code == "queue":
                    failures = 0
            except NotFound as error:
                if error.code != "room_ended" or self._next < 0:
                    raise
                self.ended = True
            except FAULTS as error:
                self.faults += 1
                self.fault = str(error) or type(error).__name__
            if not self.ended:
                await asyncio.sleep(retry_delay_s(failures, asked_s, chance(), self.spread_s))
                failures += 1

    def _once(self) -> AsyncGenerator[Piece]:
        """One connection's pieces."""
        raise NotImplementedError

    async def _stream(self, url: str) -> AsyncGenerator[bytes]:
        async with self._client.stream("GET", url, headers=self.accept) as answer:
            if not answer.is_success:
                await answer.aread()
                raise problem_of(answer)
            self.ticket = answer.headers.get("hustings-ticket", self.ticket)
            async for chunk in answer.aiter_raw():
                self._count(len(chunk))
                yield chunk

    async def _get(self, url: str) -> bytes:
        answer = await self._client.get(url)
        if not answer.is_success:
            raise problem_of(answer)
        self._count(len(answer.content))
        return answer.content

    def _count(self, size: int) -> None:
        if self.first_byte_s is None:
            self.first_byte_s = self._clock.monotonic()
        self.bytes += size
