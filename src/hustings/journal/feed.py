"""The feed's other end: following a stage through restarts, freezes and forks, without losing place.

Keeps true: entries come in order, each once, and each is checked against the one before it; after
a lost connection the feed goes on at the very next entry. What the follower must know of the line
itself comes among the records as a `Link`. Nothing here gives up: it waits longer and longer (with
jitter, at least what the stage's Retry-After says) and tries again.
Called by `edge.feed.upstream`. Format: docs/protocol.md 2.4.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from enum import Enum
from typing import Any, Final, Protocol, TypeVar, cast

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.errors import PeerError
from hustings.journal.chain import Chain
from hustings.journal.checkpoint import Checkpoint
from hustings.journal.entry import NO_HASH, Entry
from hustings.journal.records import Record, RecordReader
from hustings.journal.taken import without_taken
from hustings.wire import kinds
from hustings.wire.patience import asked_s

log = logging.getLogger(__name__)

CONNECT_S: Final = 3.0
DEAD_S: Final = 60.0  # a frozen stage may come back on the same connection; a dead line does not
_FIRST_PAUSE_S: Final = 0.1
_STEADY_S: Final = 3.0  # a connection that lasted so long was a good one
_ASKED_S: Final = 60.0  # a stage may ask for so much
_LONGEST_PAUSE_S: Final = 5.0  # few edges follow one stage: they may ask often
_LINE_BYTES: Final = 1 << 18


class Link(Enum):
    """What happened to the line."""

    CONNECTED = "connected"  # the next records follow on what came before
    LOST = "lost"  # trying again
    FORKED = "forked"  # forget what came: the journal is another, and its tail comes next


class Refused(Exception):
    """The stage answered with an error."""

    def __init__(self, status: int, retry_after_s: float, title: str) -> None:
        super().__init__(f"{status} {title}")
        self.status = status
        self.retry_after_s = retry_after_s


def pause_s(attempt: int, retry_after_s: float, roll: float) -> float:
    """Seconds before attempt `attempt` (from 1), spread by `roll` in [0, 1): never before Retry-After."""
    step = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 16))
    return retry_after_s + (0.5 + roll / 2) * max(step, retry_after_s)


async def follow_room(
    client: httpx.AsyncClient,
    url: str,
    token: str,
    room: str,
    *,
    tail_s: float = 30.0,
    public: Ed25519PublicKey | None = None,
) -> AsyncGenerator[Record | Link, None]:
    """Everything in a room's journal from about `tail_s` seconds ago on, for ever.

    url: the stage's base URL. public: when given, checkpoints must be signed with it.
    """
    lasting = _lasting(client, f"{url}/feed/{room}", token, _Records(public), tail_s)
    async with aclosing(lasting) as items:
        async for item in items:
            yield item


async def follow_index(
    client: httpx.AsyncClient, url: str, token: str
) -> AsyncGenerator[dict[str, Any], None]:
    """The lines of the stage's index of rooms, ticks included, for ever.

    After a lost connection all rooms are named again. While nothing comes, nothing is yielded.
    """
    async with aclosing(_lasting(client, f"{url}/feed", token, _Lines())) as items:
        async for item in items:
            if not isinstance(item, Link):
                yield item


T_co = TypeVar("T_co", covariant=True)


class _Place(Protocol[T_co]):
    """Where a follower is; reads and checks what comes."""

    def begin(self, tail_s: float) -> dict[str, str]:
        """A new connection: the query that goes on from here."""
        ...

    def forget(self) -> None:
        """What we have does not fit: begin anew next time."""
        ...

    def read(self, data: bytes) -> Sequence[T_co]:
        """What is whole now; PeerError if it is not what must follow."""
        ...


class _Records:
    """Where a follower is in a room's journal."""

    def __init__(self, public: Ed25519PublicKey | None) -> None:
        self._public = public
        self._chain: Chain | None = None
        self._reader = RecordReader()

    def begin(self, tail_s: float) -> dict[str, str]:
        """Go on at the next entry, or at the tail."""
        self._reader = RecordReader()
        if self._chain is None:
            return {"tail": f"{tail_s:g}s"}
        return {"from": str(self._chain.size), "after": self._chain.head.hex()}

    def forget(self) -> None:
        """The journal is another."""
        self._chain = None

    def read(self, data: bytes) -> list[Record]:
        """Records in order; PeerError if they are not what must follow."""
        records = self._reader.feed(data)
        for record in records:
            if isinstance(record, Entry):
                self._take(record)
            elif isinstance(record, Checkpoint):
                self._check(record)
        # Who stood still reads much at once: what was taken back meanwhile is never played.
        return without_taken(records)

    def _take(self, entry: Entry) -> None:
        if self._chain is None:
            self._chain = Chain(entry.seq, entry.header.prev, _edge(entry))
        self._chain.take(entry)

    def _check(self, checkpoint: Checkpoint) -> None:
        if self._chain is None or checkpoint.size < self._chain.size:
            return  # of entries before those that we asked for
        if not self._chain.agrees(checkpoint):
            raise PeerError("chain_broken", "A checkpoint does not fit the entries before it.")
        if self._public is not None and not checkpoint.is_signed_by(self._public):
            raise PeerError("chain_broken", "A checkpoint is not signed with the stage's key.")


class _Lines:
    """Reads JSON lines; every connection begins anew."""

    def __init__(self) -> None:
        self._held = b""

    def begin(self, tail_s: float) -> dict[str, str]:
        """All again."""
        del tail_s
        self._held = b""
        return {}

    def forget(self) -> None:
        """Nothing is kept."""

    def read(self, data: bytes) -> list[dict[str, Any]]:
        """Whole lines; PeerError if one is no JSON object or endless."""
        *lines, self._held = (self._held + data).split(b"\n")
        if len(self._held) > _LINE_BYTES:
            raise PeerError("record_bad", "A line of the index is too long.")
        try:
            return [msgspec.json.decode(line, type=dict[str, Any]) for line in lines if line]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise PeerError("record_bad", "A line of the index is no JSON object.") from None


async def _lasting(
    client: httpx.AsyncClient, url: str, token: str, place: _Place[T_co], tail_s: float = 0.0
) -> AsyncGenerator[T_co | Link, None]:
    """What one connection after another brings."""
    loop = asyncio.get_running_loop()
    attempt, said = 0, ""
    while True:
        retry_after_s, begun_s = 0.0, loop.time()
        reason = "the stage ended the feed"
        try:
            async with aclosing(_connection(client, url, token, place.begin(tail_s))) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Link):
                        yield piece
                        continue
                    for item in place.read(piece):
                        yield item
        except Refused as refusal:
            reason, retry_after_s = str(refusal), refusal.retry_after_s
            if refusal.status == httpx.codes.CONFLICT:
                place.forget()
                yield Link.FORKED
        except PeerError as error:
            reason = error.title
            place.forget()
            yield Link.FORKED
        except httpx.HTTPError as error:
            reason = f"{type(error).__name__} {error}".strip()
        if loop.time() - begun_s > _STEADY_S:
            attempt, said = 0, ""
        if reason != said:  # once for each new reason, not for each attempt
            log.warning("%s: %s; trying again", url, reason)
            said = reason
        yield Link.LOST
        attempt += 1
        await asyncio.sleep(pause_s(attempt, retry_after_s, secrets.randbelow(1 << 16) / (1 << 16)))


async def _connection(
    client: httpx.AsyncClient, url: str, token: str, query: dict[str, str]
) -> AsyncGenerator[bytes | Link, None]:
    """A good answer, then its bytes. Raises Refused, httpx.HTTPError (`DEAD_S` without a byte is one)."""
    timeout = httpx.Timeout(DEAD_S, connect=CONNECT_S)
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
    async with client.stream("GET", url, params=query, headers=headers, timeout=timeout) as got:
        if got.status_code != httpx.codes.OK:
            raise await _refusal(got)
        yield Link.CONNECTED
        raw = cast("AsyncGenerator[bytes, None]", got.aiter_raw())
        async with aclosing(raw) as pieces:
            async for piece in pieces:
                yield piece


async def _refusal(answer: httpx.Response) -> Refused:
    """What an error answer says, read up to a bound."""
    body = b""
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > 4_096:
            break
    try:
        title = str(msgspec.json.decode(body, type=dict[str, Any]).get("title", ""))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        title = ""
    wait_s = asked_s(
        answer.headers.get("Retry-After", ""), answer.headers.get("Date", ""), most_s=_ASKED_S
    )
    return Refused(answer.status_code, wait_s, title)


def _edge(entry: Entry) -> list[bytes] | None:
    """The tree's edge before the first entry that we see, if that entry tells it."""
    if entry.seq == 0 and entry.header.prev == NO_HASH:
        return []
    if entry.kind != kinds.SNAPSHOT or entry.body is None:
        return None
    try:
        snapshot = entry.decode(kinds.Snapshot)
        Chain(snapshot.size, b"", snapshot.frontier)
    except (PeerError, ValueError):
        return None
    return snapshot.frontier if snapshot.size == entry.seq else None
