"""Several processes full of listeners, as one: started together, ended together, summed up.

Keeps true: no process outlives the call. They start at the same moment, since each says first that it
is ready; when the caller sets `stop` they hand in what they saw; one that dies is told, not hidden.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import OperatorError
from hustings.load.crowd.tally import summed
from hustings.load.rehearsal.orders import Findings, News
from hustings.load.rehearsal.wish import Wish, shares

_LINE_BYTES: Final = 256 * 1024 * 1024  # the findings of 400,000 persons are 60 MB
_READY_S: Final = 30.0  # a busy machine
_FINISH_S: Final = 60.0
_AHEAD_S: Final = 0.3  # orders are read and everything is made before the first person comes

Progress = Callable[[News], None]


async def rehearse(
    wish: Wish, clock: Clock, *, stop: asyncio.Event, progress: Progress
) -> Findings:
    """Run one rehearsal; `progress` is called about once a second with sums of all processes.

    Raises OperatorError `crowd_died` if a process dies.
    """
    async with contextlib.AsyncExitStack() as stack:
        crowd = [await stack.enter_async_context(_process()) for _ in range(wish.workers)]
        async with asyncio.timeout(_READY_S):
            for each in crowd:
                await _line(each)
        for each, orders in zip(crowd, shares(wish, clock.monotonic() + _AHEAD_S), strict=True):
            assert each.stdin is not None
            each.stdin.write(msgspec.json.encode(orders) + b"\n")
            await each.stdin.drain()
        news = [News(0.0)] * len(crowd)
        ending = asyncio.get_running_loop().create_task(_end(stop, crowd), name="stop")
        try:
            async with asyncio.timeout(wish.end_s + _AHEAD_S + _FINISH_S):
                parts = await asyncio.gather(
                    *(_follow(each, news, number, progress) for number, each in enumerate(crowd))
                )
        finally:
            ending.cancel()
    return summed(parts)


@contextlib.asynccontextmanager
async def _process() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hustings.load.crowd.process",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    line = await process.stdout.readline()
    if not line:
        raise OperatorError("crowd_died", "A process of the rehearsal died; what it said is above.")
    return line


async def _follow(
    process: asyncio.subprocess.Process, news: list[News], number: int, progress: Progress
) -> Findings:
    while True:
        said = msgspec.json.decode(await _line(process), type=News | Findings)
        if isinstance(said, Findings):
            await process.wait()
            return said
        news[number] = said
        if number == 0:
            progress(_together(news))


async def _end(stop: asyncio.Event, crowd: Sequence[asyncio.subprocess.Process]) -> None:
    await stop.wait()
    for each in crowd:
        assert each.stdin is not None
        each.stdin.close()


def _together(news: Sequence[News]) -> News:
    sums = {
        name: sum(getattr(each, name) for each in news)
        for name in ("due", "hearing", "waiting", "heard", "refused", "broken", "bytes")
    }
    return News(news[0].at_s, late_ms=max(each.late_ms for each in news), **sums)
