"""Many listeners at once, each a line as `hustings listen` follows it: who lost what, and when."""

import asyncio
import contextlib
import itertools
from types import TracebackType
from typing import Self

import httpx

from hustings.base.clock import SystemClock
from hustings.cli.line import Line
from hustings.cli.lines import line_for
from hustings.wire.names import PART_SAMPLES, PART_TICKS


class Listener:
    """One of them."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.parts: list[int] = []
        self.times: list[float] = []  # when each came

    async def hear(self) -> None:
        async with contextlib.aclosing(self.line.pieces()) as pieces:
            async for piece in pieces:
                first = piece.start // PART_SAMPLES
                count = len(piece.frames) // PART_TICKS  # more than one if the edge joined them
                self.parts += range(first, first + count)
                self.times += [piece.at_s] * count

    @property
    def whole(self) -> bool:
        """Nothing lost, nothing twice."""
        return self.parts == [*range(self.parts[0], self.parts[0] + len(self.parts))]

    def pause_s(self, since_s: float) -> float:
        """The longest time between two parts, after a moment."""
        late = [t for t in self.times if t >= since_s]
        before = [t for t in self.times if t < since_s][-1:]
        return max((b - a for a, b in itertools.pairwise(before + late)), default=0.0)


class Crowd:
    """`async with Crowd(url, 50) as crowd:`."""

    def __init__(self, page: str, size: int) -> None:
        self.clock = SystemClock()
        self._page = page
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(10), limits=httpx.Limits(max_connections=None), trust_env=False
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.listeners: list[Listener] = []
        self.grow(size)

    def grow(self, size: int) -> list[Listener]:
        """So many newcomers; they try until they hear something."""
        new = [Listener(line_for(self._page, self._http, self.clock)) for _ in range(size)]
        self.listeners += new
        self._tasks += [asyncio.get_running_loop().create_task(each.hear()) for each in new]
        return new

    async def __aenter__(self) -> Self:
        await self.heard(2)
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def heard(self, more: int, *, within_s: float = 60.0) -> None:
        """Wait until everybody has heard so many parts more."""
        wanted = {each: len(each.parts) + more for each in self.listeners}
        async with asyncio.timeout(within_s):  # only ends a test that hangs
            while any(len(each.parts) < count for each, count in wanted.items()):
                await asyncio.sleep(0.05)

    @property
    def whole(self) -> bool:
        """Nobody lost anything."""
        return all(each.whole for each in self.listeners)

    @property
    def broken(self) -> list[Listener]:
        """Whose connection broke at least once."""
        return [each for each in self.listeners if each.line.faults]
