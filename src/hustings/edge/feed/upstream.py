"""The line to the stage: its index always, a room's feed while somebody listens, one batch a second at most.

Keeps true: one feed for a room however many listeners; nothing here can stop the sound: while the
stage is away the rooms carry on by their own clocks, and what the audience says is refused at the
door (`near` is false). Owned by `edge.app`; the feed's own rules are in `journal.feed`.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import Any, Final

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from hustings.base.clock import Clock
from hustings.base.errors import NotFound, PeerError, TryLater, UserError
from hustings.base.ids import RoomId, new_id
from hustings.base.tasks import Tasks
from hustings.edge.audience.census import Salt
from hustings.edge.audience.children import both
from hustings.edge.live_room import Light, Line, LiveRoom
from hustings.edge.rooms import Rooms
from hustings.edge.status import NEAR_S
from hustings.edge.waiting.keys import HeldKeys
from hustings.edge.waiting.tickets import WaitingRooms
from hustings.journal import feed
from hustings.journal.entry import Entry
from hustings.journal.records import Position, Record
from hustings.wire.batch import Answer, Batch, encode, read
from hustings.wire.report import REPORT_S, Report

log = logging.getLogger(__name__)

BATCH_S: Final = 1.0
PICTURE_S: Final = 5.0  # for a picture of at most 50 kB
_EARLY_S: Final = 0.1  # may be said so early: beats come with the parts
QUIET_TURNS: Final = 5  # a room without news is told every fifth second
_TASKS: Final = 1_000  # rooms that are followed, and reports on their way
_GONE: Final = 410  # the stage's answer once the evening is over, or deleted
TAIL_S: Final = 45.0  # more than the backlog: what HLS lists is never hold for want of asking


class Upstream:
    """Follows the stage for one edge."""

    def __init__(
        self,
        origin: str,
        token: str,
        rooms: Rooms,
        *,
        clock: Clock,
        keys: HeldKeys,
        waiting: WaitingRooms,
        tls: ssl.SSLContext | bool = True,
        journal_key: Callable[[], Ed25519PublicKey | None] = lambda: None,
        report: Callable[[], Report] = Report,
    ) -> None:
        """origin: URL of the stage; tls: how to check it; report: how this edge is doing.

        journal_key: what its checkpoints must be signed with, asked at each feed's beginning;
        None: not checked (the chain of hashes always is).
        """
        self._origin = origin.rstrip("/")
        self._token = token
        self._journal_key = journal_key
        self._report = report
        self._rooms = rooms
        self._clock = clock
        self._run = new_id()  # edges may share a credential
        self._keys = keys
        self._waiting = waiting
        self._tasks = Tasks()
        self._following: dict[RoomId, asyncio.Task[None]] = {}
        self._heard_s = float("-inf")
        self._batched_s, self._reported_s = 0.0, float("-inf")  # it reports as soon as it may
        self._batch: asyncio.Task[None] | None = None
        self._turn = 0
        self.told = asyncio.Event()  # the stage has named all rooms
        self.woken: Callable[[], None] = lambda: None  # is told when the stage woke the loop
        self.below: Callable[[dict[str, Any]], None] = lambda line: None  # is told each line
        self._client = httpx.AsyncClient(
            verify=tls,
            timeout=httpx.Timeout(5.0, read=None),
            trust_env=False,  # no proxy stands between us and our own stage
        )
        rooms.follow = self._follow
        rooms.unfollow = self._unfollow

    @property
    def near(self) -> bool:
        """Whether the stage was heard within the last seconds."""
        return self.silent_s < NEAR_S

    @property
    def silent_s(self) -> float:
        """Seconds since the stage was last heard; infinite if never."""
        return self._clock.monotonic() - self._heard_s

    def start(self) -> None:
        """Begin to follow, in the running loop."""
        self._tasks.start(self._index(), name="index")
        self._batched_s = self._clock.monotonic()

    async def close(self) -> None:
        """Let go of the stage."""
        await self._tasks.close()
        await self._client.aclose()

    # ------------------------------------------------------------ down

    async def _index(self) -> None:
        async for line in feed.follow_index(self._client, self._origin, self._token):
            self._heard_s = self._clock.monotonic()
            try:
                self._line(line)
            except Exception as error:  # noqa: BLE001 - or this edge hears of nothing any more
                self._rooms.broken("a line of the index", error)
            self.woken()

    def _line(self, line: dict[str, Any]) -> None:
        self.below(line)
        if "tickets" in line:
            self._keys.take(line["tickets"])
            self._waiting.anew()  # each connection begins so
        elif "queue" in line:
            self._waiting.hear(line["queue"])
        elif "salt" in line or "reach" in line:
            self._counts(line)
        elif "tick" in line:
            self._rooms.indexed = True  # all rooms have been named
            self.told.set()
        elif "room" in line:  # others are for edges below, or for newer ones
            try:
                self._rooms.line(msgspec.convert(line, Line))
            except (msgspec.ValidationError, UserError):
                log.warning("the stage's index has a line that is no room")

    def _counts(self, line: dict[str, Any]) -> None:
        """What rooms count with, or how many listen at all edges together."""
        try:
            if "salt" in line:
                self._rooms.salted(msgspec.convert(line["salt"], Salt))
            else:
                self._rooms.reached(msgspec.convert(line["reach"], dict[str, Light]))
        except msgspec.ValidationError:
            log.warning("the stage's index has a line of counts that cannot be read")

    def _follow(self, live: LiveRoom) -> None:
        self._following[live.id] = self._tasks.start(self._room(live), name=f"feed {live.id}")

    def _unfollow(self, room: RoomId) -> None:
        if (task := self._following.pop(room, None)) is not None:
            task.cancel()

    async def _room(self, live: LiveRoom) -> None:
        records = feed.follow_room(
            self._client,
            self._origin,
            self._token,
            live.id,
            tail_s=TAIL_S,
            public=self._journal_key(),
        )
        async for record in records:
            try:
                self._take(live, record)
            except Exception as error:  # noqa: BLE001 - or the room is hold for ever
                self._rooms.broken(f"a record of {live.id}", error)

    def _take(self, live: LiveRoom, record: Record | feed.Link) -> None:
        if record is feed.Link.FORKED:
            live.program.fork()
            live.relay.fork()
        elif not isinstance(record, feed.Link):
            live.relay.take(record)
            if isinstance(record, Entry | Position):
                live.record(record)
                self._rooms.turn(live)
                self.woken()

    # ------------------------------------------------------------ up

    def beat(self) -> None:
        """Say what is due to be said; called a few times a second. One batch at a time."""
        now_s = self._clock.monotonic()
        if now_s - self._batched_s >= BATCH_S - _EARLY_S and (
            self._batch is None or self._batch.done()
        ):
            self._batched_s = now_s
            self._batch = self._tasks.start(self._batches(), name="batches")
        if now_s - self._reported_s >= REPORT_S - _EARLY_S and self.near:
            self._reported_s = now_s
            said = msgspec.structs.replace(self._report(), edge=self._run)
            self._tasks.start(self._tell(said), name="report")

    async def _batches(self) -> None:
        self._turn += 1
        rooms = list(self._rooms.live.values())
        sending = [self._room_batch(live, quiet=self._turn % QUIET_TURNS > 0) for live in rooms]
        try:
            self._waiting.turn(near=self.near)
        except Exception as error:  # noqa: BLE001 - or the stage hears of nobody any more
            self._rooms.broken("the queues", error)
        for outcome in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(outcome, Exception):
                self._rooms.broken("a batch", outcome)

    async def _room_batch(self, live: LiveRoom, *, quiet: bool) -> None:
        """Tell the stage of one room, if there is anything to tell; quiet: only news."""
        now_s = self._clock.monotonic()
        live.audience.turn(live.now, now_s)
        now = both(live.now, live.children.now(now_s))
        queues = self._waiting.said(live)
        if self.near and not live.closed and (not quiet or queues or live.audience.news(now)):
            batch = live.children.added(live.audience.batch(now, now_s), now_s)
            await self._send(live, msgspec.structs.replace(batch, queues=queues))

    async def _send(self, live: LiveRoom, batch: Batch) -> None:
        """One batch; what it said is said again if the stage does not take it within a second."""
        said = msgspec.structs.replace(batch, edge=self._run)
        try:
            answer = await self._post(f"/rooms/{live.id}/batch", said)
            taken = read(answer.content, Answer)
            live.audience.answered(taken)
            live.children.answered(said.hands.down, taken)
            self._waiting.taken(live.id, batch.queues)
        except (httpx.HTTPError, PeerError) as error:
            live.audience.lost()
            if isinstance(error, httpx.HTTPStatusError) and error.response.status_code == _GONE:
                live.closed = True  # nobody is told any more, and the log reads it once
            log.info("batch for %s lost: %s", live.id, type(error).__name__)

    def pass_on(self, report: bytes) -> None:
        """A report of an edge that feeds on this one; one that finds no line is lost."""
        if self.near and len(self._tasks) < _TASKS:
            self._tasks.start(self._passed(report), name="report")

    async def _passed(self, report: bytes) -> None:
        with contextlib.suppress(PeerError):
            await self._tell(read(report, Report))

    async def _tell(self, report: Report) -> None:
        with contextlib.suppress(httpx.HTTPError):  # the next one says it all again
            await self._post("/report", report)

    async def picture(self, room: RoomId, name: str) -> bytes:
        """A room's picture from whom this edge feeds on. Raises NotFound, TryLater."""
        headers = {"Authorization": f"Bearer {self._token}"}
        try:
            answer = await self._client.get(
                f"{self._origin}/rooms/{room}/pictures/{name}", headers=headers, timeout=PICTURE_S
            )
        except httpx.HTTPError:
            raise TryLater("stage_away", "The stage does not answer.", delay_s=5) from None
        if answer.status_code in {httpx.codes.NOT_FOUND, _GONE}:
            raise NotFound("picture_unknown", "There is no such picture of this room.")
        if not answer.is_success:
            raise TryLater("stage_away", "The stage does not answer.", delay_s=5)
        return answer.content

    async def _post(self, path: str, said: msgspec.Struct) -> httpx.Response:
        """To the stage, which answers within a second or not at all. Raises httpx.HTTPError."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        answer = await self._client.post(
            self._origin + path, content=encode(said), headers=headers, timeout=BATCH_S
        )
        return answer.raise_for_status()
