"""Which request gets which answer (docs/protocol.md 3). Pure dispatch: no sockets, no tasks.

`edge.http.server` calls `Routes.handle` for each request; an answer may come later (`Connection.answer`
when a part has come). Errors are raised as `base.errors` and answered as problem documents.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from hustings.archive.index import Replay
from hustings.archive.podcast import PODCAST
from hustings.base.clock import Clock
from hustings.base.errors import Denied, HustingsError, NotFound, TryLater, UserError
from hustings.base.exposition import CONTENT_TYPE
from hustings.base.ids import RoomId, room_id
from hustings.base.limits import Gcra
from hustings.edge import metrics
from hustings.edge.announce.announcements import Announcements
from hustings.edge.announce.calendar import CALENDAR, ICS
from hustings.edge.announce.pictures import Pictures
from hustings.edge.audience.census import Identity, identify
from hustings.edge.audience.voice import ballot_of, receipt_of, vote_of
from hustings.edge.feed import tree
from hustings.edge.hls import Hls
from hustings.edge.http import protocol
from hustings.edge.http.protocol import Answer, Request
from hustings.edge.http.server import Connection
from hustings.edge.installable import installable
from hustings.edge.live_room import LiveRoom
from hustings.edge.metrics import Counts
from hustings.edge.paper import Paper
from hustings.edge.past import gone
from hustings.edge.past.archive import Past
from hustings.edge.rooms import Rooms
from hustings.edge.sound.radio import METAINT
from hustings.edge.status import Statuses
from hustings.edge.waiting.keys import HeldKeys
from hustings.edge.waiting.tickets import TICKET_HEADER, WaitingRooms
from hustings.wire import kinds
from hustings.wire.names import CMAF_RENDITIONS
from hustings.wire.pictures import PICTURE_FILE

_OPEN: Final = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}
_PREFLIGHT: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Content-Type, Icy-MetaData, Last-Event-ID",
    "Access-Control-Max-Age": "86400",
}
_STREAMS: Final = {f"{name}.mp4": name for name in CMAF_RENDITIONS}
_PLAYLISTS: Final = frozenset(f"{name}/index.m3u8" for name in CMAF_RENDITIONS)
_OF_ROOM: Final = frozenset({"state.json", "questions.json", "rules.json", "queue.json", "ticket"})
_FORM: Final = "application/x-www-form-urlencoded"
_POSTS: Final = frozenset({"hand", "react", "receipt", "question", "vote", "poll"})
EMBED: Final = "embed"  # below a room's address: the small player, for frames
OEMBED: Final = "oembed"
_HANDS: Final = 100_000  # raised at this edge, in all rooms: some 70 MB


class Routes:
    """The answers of one edge."""

    def __init__(
        self,
        rooms: Rooms,
        paper: Paper,
        waiting: WaitingRooms,
        *,
        keys: HeldKeys,
        counts: Counts,
        gauges: Callable[[], Mapping[str, float]],
        statuses: Statuses,
        below: tree.Tree,
        announced: Announcements,
        past: Past,
        pictures: Pictures,
        clock: Clock,
    ) -> None:
        """below: what answers the edges that feed on this one."""
        self._rooms = rooms
        self._paper = paper
        self._keys = keys
        self._waiting = waiting
        self._counts = counts
        self._gauges = gauges
        self._statuses = statuses
        self._tree = below
        self._announced = announced
        self._pictures = pictures
        self._clock = clock
        self._voices = {
            "hand": Gcra(rate=0.2, burst=10),
            "react": Gcra(rate=5, burst=50),
            "question": Gcra(rate=0.2, burst=10),
            "vote": Gcra(rate=5, burst=100),
            "poll": Gcra(rate=5, burst=200),
            "receipt": Gcra(rate=20, burst=200),  # 600 listeners behind one address
        }
        self._rewind = past.rewind
        self._files = past.files
        self._hls = Hls(past.rewind)
        self.draining = False  # balancers shall send nobody any more

    def handle(self, connection: Connection, request: Request) -> None:
        """Answer a request now or later, or raise HustingsError."""
        if request.method == "OPTIONS":
            connection.answer(Answer(204, dict(_PREFLIGHT)))
            return
        first, _, rest = request.path.removeprefix("/").partition("/")
        if first == "live":
            room, _, name = rest.partition("/")
            self._live(connection, request, room_id(room), name)
            return
        if first in tree.PATHS:
            self._tree.handle(connection, request)
            return
        _only(request, "GET", "HEAD")
        if first == "status":
            connection.answer(self._status(request, rest))
        elif not request.path.strip("/"):
            connection.answer(self._paper.rooms(request))
        elif first == "r":
            self._room(connection, request, rest)
        elif first == "static":
            connection.answer(self._paper.file(request))
        elif first == CALENDAR and not rest:
            connection.answer(self._announced.calendar(request))
        elif first == OEMBED and not rest:
            told = self._announced.oembed(request)
            connection.answer(_json(told, cache="public, max-age=60"))
        elif first == PODCAST and not rest:
            self._files.podcast(connection, request)
        elif rest:
            raise NotFound("not_found", "There is nothing at this address.")
        else:
            connection.answer(self.service(first))

    # ------------------------------------------------------------ the service

    def service(self, name: str) -> Answer:
        """What is said of this edge as a whole; the operator's lane says the same."""
        if name == "healthz":
            return Answer(200, {"Content-Type": "text/plain", "Cache-Control": "no-store"}, b"ok\n")
        if name == "readyz":
            if not self._rooms.indexed:
                raise TryLater("edge_starting", "This edge has not heard from the stage yet.")
            if self.draining:
                raise TryLater("edge_draining", "This edge is about to end.", delay_s=30)
            return Answer(200, {"Content-Type": "text/plain", "Cache-Control": "no-store"}, b"ok\n")
        if name == "metrics":
            body = metrics.text(self._counts, self._gauges())
            headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
            return Answer(200, headers, body)
        if name == "status.json":
            return _json(self._statuses.whole(), cache="public, max-age=2")
        raise NotFound("not_found", "There is nothing at this address.")

    def _status(self, request: Request, name: str) -> Answer:
        """How things go: a page, or with `.json` the same for programs."""
        if not name:
            return self._paper.status(request, self._statuses.whole(), None, "")
        try:
            room = self._statuses.room(room_id(name.removesuffix(".json")))
        except UserError:
            room = None
        if name.endswith(".json"):
            if room is None:
                raise NotFound("room_unknown", "There is no room of this name.")
            return _json(room, cache="public, max-age=2")
        return self._paper.status(request, self._statuses.whole(), room, room.room if room else "?")

    def _room(self, connection: Connection, request: Request, name: str) -> None:
        """A room's page, or a file of its replay; who has ended is looked for in the archive first."""
        if name.endswith(ICS):
            connection.answer(self._announced.event(request, room_id(name.removesuffix(ICS))))
            return
        if (found := installable(request, name, self._rooms.facts)) is not None:
            connection.answer(found)
            return
        name, _, file = name.partition("/")
        framed = file == EMBED
        if file and not framed:
            self._file(connection, request, room_id(name), file)
            return
        facts = self._rooms.facts(RoomId(name))
        if facts is None or facts.get("state") != "ended" or gone.is_deleted(facts):
            connection.answer(self._page(request, name, framed=framed))
            return
        self._files.index(
            RoomId(name),
            lambda replay: connection.answer(self._page(request, name, replay, framed=framed)),
        )

    def _file(self, connection: Connection, request: Request, room: RoomId, name: str) -> None:
        if found := PICTURE_FILE.fullmatch(name):
            self._pictures.serve(
                connection, request, room, found[1], of_guest=name.startswith("guest")
            )
            return
        facts = self._rooms.facts(room)
        if name == gone.TOMBSTONE:
            connection.answer(gone.tombstone(facts, self._rooms.tombstone(room)))
            return
        gone.expect_kept(facts)
        self._files.serve(connection, request, room, name)

    def _page(
        self, request: Request, name: str, replay: Replay | None = None, *, framed: bool = False
    ) -> Answer:
        try:
            room = room_id(name)
        except UserError:
            return self._paper.listener(request, RoomId(name[:80]), None, {}, framed=framed)
        facts = self._rooms.facts(room)
        if facts is None and not self._rooms.indexed:
            return self._paper.problem(request, "starting", retry_s=3)
        if gone.is_deleted(facts):
            return self._paper.listener(
                request,
                room,
                facts,
                {"proved": self._rooms.tombstone(room) is not None},
                framed=framed,
            )
        if facts is not None and replay is not None:
            return self._paper.listener(request, room, facts, {"replay": replay}, framed=framed)
        if framed:  # needs nothing that changes while a room is live
            return self._paper.listener(request, room, facts, {}, framed=True)
        live = self._rooms.live.get(room)
        known: dict[str, Any] = {"reactions": self._rooms.reactions}
        if live is not None and live.program.begun:
            program = live.program
            known |= {"roster": program.facts.roster, "source": program.source}
            known |= program.facts.brief
        return self._paper.listener(request, room, facts, known)

    # ------------------------------------------------------------ a room

    def _live(self, connection: Connection, request: Request, room: RoomId, name: str) -> None:
        _only(request, *(("POST",) if name in _POSTS else ("GET", "HEAD")))
        if name in _POSTS:
            self._one_voice(connection, name)
            connection.answer(self._say(connection, request, room, name))
            return
        gone.expect_kept(self._rooms.facts(room))
        if self._rewind.serves(room, name):
            self._rewind.serve(connection, request, room, name)
            return
        live = self._rooms.find(room)
        if name in _PLAYLISTS and "page" not in request.query:  # a page is counted by its receipts
            who = self._identity(connection, request, live, request.query.get("ticket", ""))
            live.audience.asked(who, self._clock.monotonic())
        if name in _STREAMS or name in {"events", "radio.mp3"}:
            live.when_begun(
                lambda: self._stream(connection, request, live, name), connection.refuse
            )
        elif name in _OF_ROOM:
            live.when_begun(
                lambda: connection.answer(self._of_room(connection, request, live, name)),
                connection.refuse,
            )
        else:
            self._hls.serve(connection, request, live, name)

    def _of_room(
        self, connection: Connection, request: Request, live: LiveRoom, name: str
    ) -> Answer:
        if name == "state.json":
            return _state(live)
        if name == "questions.json":
            shown = live.program.facts.shown.get(kinds.QUESTIONS, {})
            return _json(shown, cache="public, max-age=3")
        if name == "rules.json":
            return _json(live.program.facts.shown.get(kinds.RULES, {}), cache="public, max-age=3")
        if name == "queue.json":
            return _ready(self._waiting.view(live), cache="public, max-age=2")
        shown = request.query.get("ticket", "")
        return _json(self._waiting.ticket(live, shown, connection.who))

    def _one_voice(self, connection: Connection, name: str) -> None:
        """One address is not the whole audience; behind a shared one people take turns."""
        if connection.who.near:
            return
        wait_s = self._voices[name].take(connection.who.address, self._clock.monotonic())
        if wait_s > 0:
            raise TryLater(
                "request_rate", "Too many from your address. Try again.", delay_s=wait_s, status=429
            )

    def _identity(
        self, connection: Connection, request: Request, live: LiveRoom, ticket: str
    ) -> Identity | None:
        """Whom to count: the page, if its ticket says who it is, else address and agent."""
        if (salt := self._rooms.salt) is None:
            return None
        if page := self._keys.holder(ticket, room=live.id):
            return identify(salt, page=page)
        agent = request.headers.get("user-agent", "")
        return identify(salt, address=connection.who.address, agent=agent)

    def _say(self, connection: Connection, request: Request, room: RoomId, name: str) -> Answer:
        facts = self._rooms.facts(room)
        if facts is None:
            raise NotFound("room_unknown", "There is no room of this name.")
        if facts.get("state") not in {"lobby", "live"}:
            raise UserError("room_closed", "This room is not open.", status=409)
        live, now_s = self._rooms.find(room), self._clock.monotonic()
        live.touch()
        if name == "receipt":
            receipt = receipt_of(request.body)
            if (salt := self._rooms.salt) is not None:
                page = self._keys.holder(receipt.id, room=room) or receipt.id
                live.audience.census.receipt(identify(salt, page=page), receipt, now_s)
            return Answer(204, dict(_OPEN))
        if not self._statuses.near:
            raise TryLater("stage_away", "The stage cannot be reached just now.", delay_s=5)
        if name == "react":
            live.audience.react(request.body, self._rooms.reactions)
            return Answer(204, dict(_OPEN))
        if name in {"question", "vote", "poll"}:
            return self._ask(connection, request, live, name)
        if self._rooms.hands >= _HANDS:
            raise TryLater("hands_full", "Very many hands are up already.", delay_s=60)
        keys, second = self._keys.now, live.second
        made = live.audience.hand(
            request.body,
            now_s,
            room=room,
            keys=keys,
            second=second,
            facts=facts,
            rules=live.program.facts.shown.get(kinds.RULES, {}),
        )
        return _json(made, status=202)

    def _ask(self, connection: Connection, request: Request, live: LiveRoom, name: str) -> Answer:
        """A question, a vote for one, or in a poll; never in a visitor's name from another site."""
        if request.headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
            raise Denied("origin", "Ask and vote on the room's own page.")
        if name == "poll":
            return self._poll(connection, request, live)
        shown = live.program.facts.shown.get(kinds.QUESTIONS, {})
        if name == "question":
            return _json(live.audience.ask(request.body, shown), status=202)
        vote = vote_of(request.body)
        live.audience.vote(vote, self._voter(connection, request, live, vote.ticket), shown)
        return Answer(204, dict(_OPEN))

    def _poll(self, connection: Connection, request: Request, live: LiveRoom) -> Answer:
        """A vote: from our page by JSON, or by its plain form, which goes back to the page."""
        form = request.headers.get("content-type", "").startswith(_FORM)
        ballot = ballot_of(request.body, form=form)
        voter = self._voter(connection, request, live, ballot.ticket)
        live.audience.poll(ballot, voter, live.program.facts.shown.get(kinds.POLL, {}))
        if form:
            return Answer(303, {"Location": f"/r/{live.id}#poll", "Cache-Control": "no-store"})
        return Answer(204, dict(_OPEN))

    def _voter(self, connection: Connection, request: Request, live: LiveRoom, ticket: str) -> int:
        """Who votes: the holder of the ticket, else address and agent."""
        if (who := self._identity(connection, request, live, ticket)) is None:
            raise TryLater("stage_away", "The stage cannot be reached just now.", delay_s=5)
        return who.hash

    def _stream(self, connection: Connection, request: Request, live: LiveRoom, name: str) -> None:
        if connection.draining:
            raise TryLater("edge_draining", "This edge is about to end; ask again.", delay_s=1)
        if name == "events" and not live.program.begun:
            raise TryLater("room_closed", "This room is not open yet.", delay_s=10)
        titled = request.headers.get("icy-metadata") == "1"
        chunked = request.minor == 1 and name != "radio.mp3"
        kind = _STREAMS.get(name) or ("events" if name == "events" else "icy" if titled else "mp3")
        probe = "probe" in request.query
        channel = live.channel(kind, chunked=chunked, probe=probe)
        headers = {
            "Content-Type": _content_type(kind),
            "Cache-Control": "no-store",
            "X-Accel-Buffering": "no",  # nginx passes each part on at once
            **_OPEN,
        }
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        if kind in {"mp3", "icy"}:
            title = " ".join(str(live.program.facts.room.get("title", "")).split())
            headers |= {"icy-name": title, "icy-br": "64", "icy-pub": "0"}
            headers |= {"icy-metaint": str(METAINT)} if kind == "icy" else {}
        wished = _from(request)
        if request.method == "HEAD":
            headers.pop("Transfer-Encoding", None)
            connection.answer(Answer(200, headers))
            return
        if kind != "events":
            ticket = self._waiting.admit(live, request.query.get("ticket", ""), connection.who)
            headers |= {TICKET_HEADER: ticket, "Access-Control-Expose-Headers": TICKET_HEADER}
            page = ticket if "ticket" in request.query else ""  # players keep none
            who = self._identity(connection, request, live, page)
            if not probe:
                live.audience.joined(who, connection, self._clock.monotonic())
        connection.listen(channel, protocol.head(200, headers, close=True), wished, seat=kind)


def _state(live: LiveRoom) -> Answer:
    body = msgspec.json.decode(live.state().data, type=dict[str, msgspec.Raw])["body"]
    return _ready(bytes(body), cache="public, max-age=1")


def _ready(body: bytes, *, cache: str) -> Answer:
    headers = {"Content-Type": "application/json", "Cache-Control": cache, **_OPEN}
    return Answer(200, headers, body)


def _json(body: Any, *, status: int = 200, cache: str = "no-store") -> Answer:
    return msgspec.structs.replace(_ready(msgspec.json.encode(body), cache=cache), status=status)


def _from(request: Request) -> int | None:
    text = request.query.get("from")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise UserError("from_bad", "from= must be the number of a part.")
    return int(text)


def _content_type(kind: str) -> str:
    if kind == "events":
        return "text/event-stream; charset=utf-8"
    return "audio/mpeg" if kind in {"mp3", "icy"} else "audio/mp4"


def _only(request: Request, *methods: str) -> None:
    if request.method not in methods:
        raise HustingsError(
            "method_not_allowed", f"This address answers {' and '.join(methods)}.", status=405
        )
