"""What anybody may know about how things go: the installation, and each room. Pure.

Made from an edge's memory alone, so it answers whatever else is down; every edge says the same
but for what it sees differently (its own step of the ladder, its line to the stage). `edge.routes`
hands in what is known and gives the result out as `/status.json` and as a page for people; `what`
tells in codes what is happening, and the page has a sentence for each.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from hustings import VERSION
from hustings.base.clock import Clock
from hustings.base.ids import RoomId, is_private
from hustings.edge.rooms import Rooms
from hustings.wire.batch import Rung
from hustings.wire.names import PART_SECONDS

KEPT_S: Final = 1.0
NEAR_S: Final = 5.0  # the index ticks each second
ROOMS: Final = 50  # named on one page: those that are open, then the next ones
_LATE_MS: Final = 60_000
_SOON_MS: Final = 86_400_000
_ORDER: Final = {"live": 0, "lobby": 1, "scheduled": 2}


class Stage(msgspec.Struct, frozen=True):
    """The edge's line to the stage."""

    near: bool
    since_ms: int = 0  # wall time of its last word while it is away


class RoomStatus(msgspec.Struct, frozen=True):
    """One room."""

    room: str
    title: str
    language: str
    state: str
    since_ms: int  # of this state; 0: not known
    start_ms: int
    notice: str
    source: str  # what listeners hear: live, hold; empty: nothing
    listeners: int  # at all edges
    waiting: int
    what: list[str]  # codes, the most important first
    reach: dict[str, Any] = {}  # the last `reach` entry of the journal
    was_ms: int = 0  # the start that was announced before; 0: never moved
    cancelled_ms: int = 0  # 0: it takes place
    cancelled_why: str = ""
    titles: dict[str, str] = {}  # for readers of other languages

    def words(self, language: str) -> tuple[str, str]:
        """The title that a reader of this language gets, and its language."""
        if language in self.titles:
            return self.titles[language], language
        return self.title, self.language


class Status(msgspec.Struct, frozen=True):
    """One edge's view of the installation."""

    v: int
    version: str
    stage: str  # near, away
    stage_since_ms: int
    rung: Rung
    listeners: int  # at this edge
    what: list[str]
    rooms: list[RoomStatus]


def room_status(
    facts: Mapping[str, Any],
    *,
    stage: Stage,
    rung: Rung,
    now_ms: int,
    source: str = "",
    listeners: int = 0,
    waiting: int = 0,
    reach: Mapping[str, Any] | None = None,
) -> RoomStatus:
    """facts: the room's public facts; what is left out of them is as by default."""
    state = str(facts.get("state", "scheduled"))
    begun = {"live": "live_ms", "lobby": "epoch_ms", "ended": "ended_ms"}.get(state, "")
    start_ms = int(facts.get("start_ms", 0))
    cancelled = bool(facts.get("cancelled_ms"))
    language = str(facts.get("language", "en"))
    codes = ["cancelled" if cancelled else state]
    if state in {"scheduled", "lobby"} and not cancelled and 0 < start_ms < now_ms - _LATE_MS:
        codes.append("late")
    if state == "live" and source == "hold":
        codes.append("hold")
    if state in {"live", "lobby"}:
        codes += happening(stage, rung)
        if waiting and "queue" not in codes:  # all seats are taken, whatever the ladder says
            codes.append("queue")
    return RoomStatus(
        room=str(facts.get("room", "")),
        title=str(facts.get("title", "")),
        language=language,
        state=state,
        since_ms=int(facts.get(begun, 0)),
        start_ms=start_ms,
        notice=str(facts.get("notice", "")),
        source=source,
        listeners=listeners,
        waiting=waiting,
        what=codes,
        reach=dict(reach or {}),
        was_ms=int(facts.get("was_ms", 0)),
        cancelled_ms=int(facts.get("cancelled_ms", 0)),
        cancelled_why=str(facts.get("cancelled_why", "")),
        titles={
            other: str(words["title"])
            for other, words in facts.get("texts", {}).items()
            if other != language  # as `wire.wording`
        },
    )


def happening(stage: Stage, rung: Rung) -> list[str]:
    """Codes for what concerns everybody here."""
    codes = [] if stage.near else ["stage_away"]
    if rung.name in {"queue", "low", "extras_off"}:
        codes.append(rung.name)
    if rung.joined > 1:
        codes.append("joined")
    return codes


def status(
    rooms: Iterable[RoomStatus], *, stage: Stage, rung: Rung, listeners: int, now_ms: int
) -> Status:
    """The whole; rooms: all that are known."""
    shown = [
        room
        for room in rooms
        if room.state in {"live", "lobby"}
        or (room.state == "scheduled" and abs(room.start_ms - now_ms) < _SOON_MS)
    ]
    shown.sort(key=lambda room: (_ORDER[room.state], room.start_ms, room.room))
    return Status(
        v=1,
        version=VERSION,
        stage="near" if stage.near else "away",
        stage_since_ms=stage.since_ms,
        rung=rung,
        listeners=listeners,
        what=happening(stage, rung),
        rooms=shown[:ROOMS],
    )


class Statuses:
    """Both, made at most once a second however many ask."""

    def __init__(
        self,
        rooms: Rooms,
        *,
        silent_s: Callable[[], float],
        rung: Callable[[], Rung],
        clock: Clock,
    ) -> None:
        """silent_s: for how long the stage has said nothing; rung: where the edge stands."""
        self._rooms = rooms
        self._silent_s = silent_s
        self._rung = rung
        self._clock = clock
        self._made_s = float("-inf")
        self._whole: Status | None = None
        self._each: dict[RoomId, RoomStatus | None] = {}

    @property
    def near(self) -> bool:
        """Whether the stage was heard of within the last seconds."""
        return self._silent_s() < NEAR_S

    def whole(self) -> Status:
        """The installation as this edge sees it."""
        self._let_go()
        if self._whole is None:
            coming = [
                name  # of thousands most are past
                for name in self._rooms.known()
                if not is_private(name)
                and (self._rooms.facts(name) or {}).get("state", "scheduled") in _ORDER
            ]
            self._whole = status(
                [room for room in map(self._room, coming) if room is not None],
                stage=self._stage(),
                rung=self._rung(),
                listeners=self._rooms.listeners,
                now_ms=self._clock.wall_ms(),
            )
        return self._whole

    def room(self, name: RoomId) -> RoomStatus | None:
        """One room; None if there is none of this name."""
        self._let_go()
        if name not in self._each:
            if len(self._each) >= ROOMS:
                self._each.clear()
            self._each[name] = self._room(name)
        return self._each[name]

    def _let_go(self) -> None:
        now_s = self._clock.monotonic()
        if now_s - self._made_s >= KEPT_S:
            self._made_s, self._whole = now_s, None
            self._each.clear()

    def _stage(self) -> Stage:
        if self.near:
            return Stage(near=True)
        silent_s = self._silent_s()
        known = silent_s < float("inf")
        return Stage(False, self._clock.wall_ms() - int(silent_s * 1_000) if known else 0)

    def _room(self, name: RoomId) -> RoomStatus | None:
        facts = self._rooms.facts(name)
        if facts is None:
            return None
        live, light = self._rooms.live.get(name), self._rooms.light(name)
        program = live.program if live is not None and live.program.begun else None
        return room_status(
            {"room": name, **facts},
            stage=self._stage(),
            rung=self._rung(),
            now_ms=self._clock.wall_ms(),
            source=program.source if program else "",
            listeners=light.listeners,
            waiting=light.waiting,
            reach=program.facts.reach if program else None,
        )


def joined_s(rung: Rung) -> float:
    """Seconds of sound in one send."""
    return rung.joined * PART_SECONDS
