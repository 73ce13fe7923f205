"""An edge as the stage of other edges: their feeds, their batches, their reports.

Keeps true: only who shows a credential of this house gets anything (`wire.credentials`; the key
and the revoked ids came over the index feed and stay as they were while the stage is away); a
child costs the stage nothing, its batches are summed here and only its reports pass through.
`edge.routes` hands requests in, `edge.feed.upstream` what comes from above.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, NotFound, PeerError, TryLater, UserError
from hustings.base.ids import RoomId, room_id
from hustings.edge.door.admission import Priority
from hustings.edge.feed.relay import IndexRelay, Relay
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.live_room import LiveRoom
from hustings.edge.metrics import Counts
from hustings.edge.rooms import Rooms
from hustings.edge.waiting.tickets import WaitingRooms
from hustings.wire.batch import Batch, encode, read
from hustings.wire.credentials import EdgeCheck, read_line

log = logging.getLogger(__name__)

PATHS: Final = frozenset({"feed", "rooms", "report"})
_INDEX_TYPE: Final = "application/x-ndjson"
_FEED_TYPE: Final = "application/vnd.hustings.journal"
_JSON: Final = {"Content-Type": "application/json", "Cache-Control": "no-store"}


class Tree:
    """The edges below this one."""

    def __init__(
        self,
        rooms: Rooms,
        counts: Counts,
        clock: Clock,
        *,
        waiting: WaitingRooms,
        report: Callable[[bytes], None],
    ) -> None:
        """report: passes a child's report on towards the stage."""
        self.index = IndexRelay()
        self._rooms = rooms
        self._counts = counts
        self._clock = clock
        self._waiting = waiting
        self._report = report
        self._check: EdgeCheck | None = None
        self.pictures: Callable[[Connection, RoomId, str], None] = _no_pictures

    def line(self, line: dict[str, Any]) -> None:
        """A line of the stage's index."""
        self.index.take(line, self._clock.monotonic())
        if "edges" in line:
            self._hold(line["edges"])

    def _hold(self, line: object) -> None:
        """What credentials are checked with. Whoever feeds here shows theirs again if it is another."""
        try:
            check = read_line(line)
        except PeerError as error:
            self._counts.bad_lines += 1
            log.warning("%s The last good one stays.", error.title)
            return
        if self._check is not None and self._check.line() != check.line():
            self.close()
        self._check = check

    def close(self) -> None:
        """Let all children go; they come back elsewhere and miss nothing."""
        self.index.close()
        for live in self._rooms.live.values():
            live.relay.close()

    def standing(self, request: Request) -> Priority | None:
        """The class of a request that carries a whole edge; None: it does not."""
        if request.path.removeprefix("/").partition("/")[0] not in PATHS:
            return None
        try:
            self._child(request)
        except HustingsError:
            return None
        return Priority.CHECK

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer an edge, or raise HustingsError."""
        child = self._child(request)
        if connection.draining:
            raise TryLater("edge_draining", "This edge is about to end; ask again.", delay_s=1)
        words = request.path.removeprefix("/").split("/")
        match (request.method, *words):
            case ("GET", "feed"):
                begin = self.index.beginning(self._clock.monotonic())
                self._follow(connection, self.index, begin, _INDEX_TYPE)
            case ("GET", "feed", name):
                live = self._rooms.find(room_id(name))
                live.when_begun(lambda: self._feed(connection, request, live), connection.refuse)
            case ("GET", "rooms", name, "pictures", picture):
                self.pictures(connection, room_id(name), picture)
            case ("POST", "rooms", name, "batch"):
                connection.answer(self._batch(room_id(name), child, request.body))
            case ("POST", "report"):
                self._report(request.body)
                connection.answer(Answer(204))
            case _:
                raise NotFound("not_found", "There is nothing at this address.")

    def _child(self, request: Request) -> str:
        """Id of the credential that is shown."""
        if self._check is None:
            raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = token.strip() if scheme.lower() == "bearer" else ""
        return self._check.check(shown, now_s=self._clock.wall_ms() / 1_000).jti

    def _feed(self, connection: Connection, request: Request, live: LiveRoom) -> None:
        query = request.query
        begin = live.relay.beginning(
            from_seq=_number(query.get("from", ""), "feed_from"),
            after=_hash(query.get("after", "")),
            tail_s=_number(query.get("tail", "30s").removesuffix("s"), "feed_tail") or 0,
        )
        self._follow(connection, live.relay, begin, _FEED_TYPE)

    @staticmethod
    def _follow(connection: Connection, relay: Relay, begin: bytes, kind: str) -> None:
        headers = {
            "Content-Type": kind,
            "Cache-Control": "no-store",
            "Transfer-Encoding": "chunked",
        }
        connection.follow(relay, protocol.head(200, headers, close=True) + begin)

    def _batch(self, room: RoomId, child: str, body: bytes) -> Answer:
        live = self._rooms.find(room)
        said: Batch = read(body, Batch)
        now_s = self._clock.monotonic()
        self._waiting.below(room, said)
        return Answer(
            200, dict(_JSON), encode(live.children.hear(f"{child} {said.edge}", said, now_s))
        )


def _no_pictures(_connection: Connection, _room: RoomId, _name: str) -> None:
    raise NotFound("not_found", "There is nothing at this address.")


def _number(text: str, code: str) -> int | None:
    if not text:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise UserError(code, "`from` is a sequence number, `tail` a number of seconds.")
    return int(text)


def _hash(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise UserError("feed_after", "`after` is a header's SHA-256 in hex.") from None
