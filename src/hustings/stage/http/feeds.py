"""The feeds that edges follow: the index of rooms, and each room's journal (docs/protocol.md 2.4)."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from hustings.base.errors import TryLater, UserError
from hustings.journal.entry import Visibility
from hustings.journal.stream import feed_records
from hustings.stage.hall.hall import Hall
from hustings.stage.http.door import Door

INDEX_QUEUE: Final = 1_000  # lines; a reader that far behind is cut off and begins again
FEED_TYPE: Final = "application/vnd.hustings.journal"


def router(door: Door) -> APIRouter:
    """`/feed` and `/feed/{room}`, for edges only."""
    routes = APIRouter()

    def check(request: Request) -> Callable[[], bool]:
        """Returns whether the edge that asks is still one of the house."""
        claims = door.service(request, "edge")
        if door.ending:
            raise TryLater("busy", "This stage is about to end.", delay_s=1)
        return lambda: door.stands(claims)

    @routes.get("/feed")
    async def index(request: Request) -> Response:
        lines = index_lines(door, check(request))
        return StreamingResponse(lines, media_type="application/x-ndjson")

    @routes.get("/feed/{room}")
    async def feed(room: str, request: Request, after: str = "", tail: str = "") -> Response:
        stands = check(request)
        hall: Hall = await door.engine.do(lambda studio: studio.hall(room))
        records = feed_records(
            hall.journal,
            from_seq=_number(request.query_params.get("from")),
            after=_hash(after),
            tail_s=_seconds(tail),
            visibility=Visibility.PUBLIC,
            position=lambda: hall.media_time,
            enders=door.feeds,
        )
        first = await anext(records)  # refuses (409 `fork`) before the answer has begun
        return StreamingResponse(_chained(first, records, stands), media_type=FEED_TYPE)

    return routes


async def index_lines(
    door: Door, stands: Callable[[], bool] = lambda: True
) -> AsyncIterator[bytes]:
    """What edges hold, and every room once, then each change, and a tick a second.

    It ends when the edge's credential does (`stands`).
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(INDEX_QUEUE)

    def hear(line: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the door's loop is closing
            loop.call_soon_threadsafe(put, line)

    def put(line: dict[str, Any]) -> None:
        if not queue.full():
            queue.put_nowait(line)

    def end() -> None:
        put({})

    door.feeds.add(end)
    try:
        held: dict[str, Any] = {}
        for line in _fresh(held, door.handed_out()):
            yield line
        for room in await door.engine.do(lambda studio: studio.watch_index(hear)):
            yield msgspec.json.encode(room) + b"\n"
        while not queue.full() and (told := await queue.get()) and stands():
            yield msgspec.json.encode(told) + b"\n"
            for line in _fresh(held, door.handed_out()):
                yield line
    finally:
        door.feeds.discard(end)
        await asyncio.shield(door.engine.do(lambda studio: studio.unwatch_index(hear)))


def _fresh(held: dict[str, Any], now: dict[str, Any]) -> list[bytes]:
    """A line for each thing that is not as held; it is then."""
    fresh = {name: value for name, value in now.items() if held.get(name) != value}
    held.update(fresh)
    return [msgspec.json.encode({name: value}) + b"\n" for name, value in fresh.items()]


async def _chained(
    first: bytes, rest: AsyncGenerator[bytes, None], stands: Callable[[], bool]
) -> AsyncIterator[bytes]:
    yield first
    async with contextlib.aclosing(rest):
        async for chunk in rest:
            if not stands():
                return
            yield chunk


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise UserError("feed_from", "`from` is a sequence number.")
    return int(text)


def _hash(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        raise UserError("feed_after", "`after` is a header's SHA-256 in hex.") from None


def _seconds(text: str) -> float | None:
    if not text:
        return None
    number = text.removesuffix("s")
    if not number.isdecimal() or len(number) > 6:
        raise UserError("feed_tail", "`tail` is a number of seconds, as in 30s.")
    return float(number)
