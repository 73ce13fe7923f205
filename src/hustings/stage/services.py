"""HTTP for the other services: web's rooms and entries, the edges' feeds (docs/protocol.md 2.4, 4)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final, Literal

import msgspec
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from hustings.base.errors import UserError
from hustings.journal.entry import Visibility
from hustings.journal.stream import feed_records
from hustings.stage.door import Door
from hustings.stage.hall import Hall

INDEX_QUEUE: Final = 1_000  # lines; a reader that far behind is cut off and begins again
FEED_TYPE: Final = "application/vnd.hustings.journal"


class WantedRoom(BaseModel):
    """What web may say of a room; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    title: str | None = Field(default=None, max_length=200)
    description: str | None = Field(default=None, max_length=2_000)
    language: str | None = Field(default=None, max_length=35)
    host: str | None = Field(default=None, max_length=200)
    start_ms: int | None = Field(default=None, ge=0)
    radio: bool | None = None
    state: Literal["scheduled", "lobby"] | None = None
    notice: str | None = Field(default=None, max_length=280)


class WantedEntry(BaseModel):
    """An entry of web's: a caption, a note, a decision."""

    kind: str = Field(max_length=32)
    body: dict[str, Any]
    visibility: Visibility = Visibility.PUBLIC
    at: int = Field(default=0, ge=0)
    key: str = Field(default="", max_length=100)


class Raised(BaseModel):
    """A listener's hand."""

    id: str = Field(pattern=r"^[0-9a-f]{20}$")
    name: str = Field(max_length=80)
    question: str = Field(default="", max_length=280)


class Batch(BaseModel):
    """One second of an edge's audience in one room."""

    listeners: int = Field(ge=0)
    hands: list[Raised] = Field(default=[], max_length=50)
    reactions: dict[str, int] = Field(default={}, max_length=16)


class Revoked(BaseModel):
    """Whose invitation is withdrawn."""

    participant: str = Field(max_length=64)


def router(door: Door) -> APIRouter:
    """Routes that only web and edges may call."""
    routes = APIRouter()

    @routes.get("/rooms")
    async def rooms(request: Request) -> list[dict[str, Any]]:
        door.service(request)
        return await door.engine.do(
            lambda studio: [msgspec.to_builtins(h.model.facts) for h in studio.halls.values()]
        )

    @routes.put("/rooms/{room}")
    async def put_room(room: str, wanted: WantedRoom, request: Request) -> dict[str, Any]:
        door.service(request)
        facts = wanted.model_dump(exclude_none=True)
        made = await door.engine.do(lambda studio: studio.hall_or_new(room).put(facts))
        return dict(msgspec.to_builtins(made))

    @routes.post("/rooms/{room}/entries")
    async def append(room: str, entry: WantedEntry, request: Request) -> dict[str, int]:
        door.service(request)
        seq = await door.engine.do(
            lambda studio: studio.hall(room).append(
                entry.kind, entry.body, visibility=entry.visibility, at=entry.at, key=entry.key
            )
        )
        return {"seq": seq}

    @routes.post("/rooms/{room}/revoke")
    async def revoke(room: str, whom: Revoked, request: Request) -> dict[str, Any]:
        door.service(request)
        await door.engine.wait(lambda studio: studio.hall(room).revoke(whom.participant))
        return {}

    @routes.post("/rooms/{room}/batch")
    async def batch(room: str, said: Batch, request: Request) -> dict[str, Any]:
        edge = door.service(request, "edge").jti
        hands = [(hand.id, hand.name, hand.question) for hand in said.hands]
        await door.engine.do(
            lambda studio: studio.hall(room).hear_audience(edge, said.listeners, hands)
        )
        return {}

    @routes.get("/feed")
    async def index(request: Request) -> Response:
        door.service(request, "edge")
        return StreamingResponse(index_lines(door), media_type="application/x-ndjson")

    @routes.get("/feed/{room}")
    async def feed(room: str, request: Request, after: str = "", tail: str = "") -> Response:
        door.service(request, "edge")
        hall: Hall = await door.engine.do(lambda studio: studio.hall(room))
        records = feed_records(
            hall.journal,
            from_seq=_number(request.query_params.get("from")),
            after=_hash(after),
            tail_s=_seconds(tail),
            visibility=Visibility.PUBLIC,
            position=lambda: hall.media_time,
        )
        first = await anext(records)  # refuses (409 `fork`) before the answer has begun
        return StreamingResponse(_chained(first, records), media_type=FEED_TYPE)

    return routes


async def index_lines(door: Door) -> AsyncIterator[bytes]:
    """Every room once, then each change, and a tick a second."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(INDEX_QUEUE)

    def hear(line: dict[str, Any]) -> None:
        with contextlib.suppress(RuntimeError):  # the door's loop is closing
            loop.call_soon_threadsafe(put, line)

    def put(line: dict[str, Any]) -> None:
        if not queue.full():
            queue.put_nowait(line)

    lines = await door.engine.do(lambda studio: studio.watch_index(hear))
    try:
        for line in lines:
            yield msgspec.json.encode(line) + b"\n"
        while not queue.full():
            yield msgspec.json.encode(await queue.get()) + b"\n"
    finally:
        await asyncio.shield(door.engine.do(lambda studio: studio.unwatch_index(hear)))


async def _chained(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
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
