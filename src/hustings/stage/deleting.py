"""Recordings that are deleted: by a host after the end, or because their time is over.

Keeps true: who asked is answered when the decision is on disk and every edge is being told; the work
itself is done off the tick, one room at a time, again and again until it is done, and by the next
start if this one dies. What stays of a room: docs/decisions/0005. Owned by `stage.studio`, on its thread.

The wall clock may be wrong: a machine that starts in the year 2099, or jumps there for a moment, must
not delete a house's memory. So a recording's time is over only if every look for a whole hour of
monotonic time (`HOLD_S`) says so; and its evening ended, for us, at the latest of the times that the
record itself has, so that a clock that stood at 1970 when the host pressed "end" makes nothing old.
A room that is not kept at all needs no clock: it is over when it has ended.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import Denied, HustingsError, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.base.tasks import Tasks
from hustings.journal import deletion
from hustings.journal.keys import SigningKey
from hustings.stage.erasing import REASON_CHARS
from hustings.stage.names import clean
from hustings.wire.kinds import Deleted, Room
from hustings.wire.names import SAMPLE_RATE

log = logging.getLogger(__name__)

Line = dict[str, Any]  # a room's line in the index (`stage.lines`)

LOOK_S: Final = 60.0
HOLD_S: Final = 3_600.0
AGAIN_S: Final = 2.0  # after a failure, twice as long after each one more
AGAIN_MOST_S: Final = 60.0
_DAY_MS: Final = 86_400_000


def remains(facts: Room, deleted: Deleted) -> Room:
    """All that stays known of a room: what its address means, and when it was."""
    return Room(
        room=facts.room,
        title=facts.title,
        state="ended",
        language=facts.language,
        start_ms=facts.start_ms,
        epoch_ms=facts.epoch_ms,
        live_ms=facts.live_ms,
        ended_ms=facts.ended_ms,
        deleted=deleted,
    )


def over_ms(line: Mapping[str, Any]) -> int:
    """When an evening ended: the latest of the times that its record has."""
    facts = line["facts"]
    heard_ms = line.get("media_time", 0) * 1_000 // SAMPLE_RATE  # by the monotonic clock
    times = (facts.get("ended_ms", 0), facts.get("epoch_ms", 0) + heard_ms)
    return int(max(*times, facts.get("start_ms", 0), facts.get("live_ms", 0)))


def not_kept(line: Mapping[str, Any]) -> bool:
    """Whether this past room goes as soon as it may."""
    return line["facts"].get("keep_days") == 0 and "deleted" not in line["facts"]


def overdue(lines: Iterable[Line], wall_ms: int) -> set[RoomId]:
    """Past rooms whose time is over by this clock."""
    return {
        RoomId(line["room"])
        for line in lines
        if (days := line["facts"].get("keep_days")) is not None
        and "deleted" not in line["facts"]
        and line["facts"].get("state") == "ended"
        and wall_ms - over_ms(line) >= days * _DAY_MS
    }


class Patience:
    """Believes what it is told only after it was told so at every look for `HOLD_S`."""

    def __init__(self) -> None:
        self._since_s: dict[RoomId, float] = {}

    def held(self, rooms: set[RoomId], now_s: float) -> set[RoomId]:
        """Those that were among `rooms` each time since an hour ago."""
        self._since_s = {room: self._since_s.get(room, now_s) for room in rooms}
        return {room for room, since_s in self._since_s.items() if now_s - since_s >= HOLD_S}


class Deletions:
    """Those of one stage."""

    def __init__(
        self,
        data: Path,
        key: SigningKey,
        clock: Clock,
        tasks: Tasks,
        past: dict[RoomId, Line],
        *,
        past_file: str,
        tell: Callable[[Line], None],
    ) -> None:
        """past: the rooms that have ended and are closed; tell: hands a changed line to all edges."""
        self._data, self._key, self._clock, self._tasks = data, key, clock, tasks
        self._past, self._past_file, self._tell = past, past_file, tell
        self._patience = Patience()
        self._turn = asyncio.Lock()  # one at a time: the disk belongs to live rooms
        self._look = asyncio.Event()

    def facts(self, *, since_ms: int) -> list[Room]:
        """What is left of rooms that were deleted since a wall time."""
        return [  # web asks each 2 s, on the thread that ticks: only what it wants is converted
            msgspec.convert(line["facts"], Room)
            for line in self._past.values()
            if (said := line["facts"].get("deleted")) and said["at_ms"] >= since_ms
        ]

    def expect_kept(self, room: RoomId) -> None:
        """Denied `room_deleted` (410) if there is nothing of this room any more."""
        line = self._past.get(room)
        if line is not None and "deleted" in line["facts"]:
            raise Denied("room_deleted", "The recording of this room was deleted.", status=410)

    async def begin(self, room: RoomId, *, by: str, reason: str = "") -> Room:
        """Decide it; the rest follows. room: one of the past. Raises `reason_missing`, `journal_disk`."""
        before = self._past[room]
        line = self.decided(before, by=by, reason=reason)
        self._past[room] = line  # at once, so that nobody opens the room meanwhile
        try:
            await self.keep(line)
        except TryLater:
            self._past[room] = before
            raise
        return self.carry_out(line)

    def decided(self, line: Line, *, by: str, reason: str) -> Line:
        """The line of a room once it is deleted; nothing is done yet. Raises `reason_missing`."""
        reason = clean(reason, REASON_CHARS)
        if by == "host" and not reason:
            raise UserError("reason_missing", "Say in a few words why: everybody may read it.")
        deleted = Deleted(self._clock.wall_ms(), "host" if by == "host" else "policy", reason)
        facts = remains(msgspec.convert(line["facts"], Room), deleted)
        return line | {"wall_ms": deleted.at_ms, "facts": msgspec.to_builtins(facts)}

    async def keep(self, line: Line) -> None:
        """Write the decision down: from here on it stands. TryLater `journal_disk`: it does not."""
        try:
            await asyncio.to_thread(deletion.intend, self._data / "rooms" / line["room"], line)
        except OSError as error:
            raise TryLater("journal_disk", "The disk does not take it. Try again.") from error

    def carry_out(self, line: Line, *, first: Callable[[], None] | None = None) -> Room:
        """What was kept is done from now on; returns what stays known of the room.

        first: closes the room, in a thread of its own, if it is still open.
        """
        room = RoomId(line["room"])
        facts = msgspec.convert(line["facts"], Room)
        assert facts.deleted is not None
        self._past[room] = line
        log.info("%s: its recording is deleted (%s)", room, facts.deleted.by)
        self._tell(line)
        self.go_on(room, first=first)
        return facts

    def go_on(self, room: RoomId, *, first: Callable[[], None] | None = None) -> None:
        """Do what was decided, until it is done."""
        self._tasks.start(self._until_done(room, first), name=f"delete {room}")

    async def _until_done(self, room: RoomId, first: Callable[[], None] | None) -> None:
        if first is not None:
            try:
                await asyncio.to_thread(first)
            except Exception:  # its lock may be held until the next start, which deletes it
                log.exception("%s: its journal did not close in order", room)
        wait_s = AGAIN_S
        while True:
            try:
                async with self._turn:
                    self._past[room] = line = await asyncio.to_thread(
                        self._do, room, self._past[room]
                    )
            except (OSError, HustingsError) as error:
                log.error("%s: not deleted yet: %s", room, error)
            except Exception:  # nobody else would try again
                log.exception("%s: not deleted yet", room)
            else:
                log.info("%s: deleted", room)
                self._tell(line)
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, AGAIN_MOST_S)

    def _do(self, room: RoomId, line: Line) -> Line:
        """In a thread of its own."""
        rooms = self._data / "rooms"
        deletion.remove_replay(self._data, room)  # first: a full disk needs the space
        deletion.remove_pictures(self._data, room)
        facts = msgspec.convert(line["facts"], Room)
        proof = deletion.destroy(rooms, room, facts, self._key, self._clock)
        line = line | {"head": proof["says"]["size"] + 1, "tombstone": proof}
        deletion.remove_replay(self._data, room)  # what somebody made of it meanwhile
        deletion.settle(rooms / room, proof, self._past_file, line)
        return line

    # --- rooms whose time is over ------------------------------------------------------------------

    def look(self) -> None:
        """A room has become one of the past: look now."""
        self._look.set()

    async def watch(self) -> None:
        """Look each minute, for ever."""
        while True:
            try:
                await self._once()
            except Exception:  # or nothing is ever deleted again, unseen
                log.exception("which recordings' time is over cannot be told; trying again")
            try:
                async with asyncio.timeout(LOOK_S):
                    await self._look.wait()
            except TimeoutError:
                pass
            self._look.clear()

    async def _once(self) -> None:
        lines = list(self._past.values())
        due = await asyncio.to_thread(overdue, lines, self._clock.wall_ms())
        held = self._patience.held(due, self._clock.monotonic())
        for room in held | {RoomId(line["room"]) for line in lines if not_kept(line)}:
            line = self._past.get(room)
            if line is None or not (not_kept(line) or overdue([line], self._clock.wall_ms())):
                continue  # opened again, or its hosts keep it for longer
            try:
                await self.begin(room, by="policy")
            except TryLater as error:
                log.error("%s: its time is over, but: %s", room, error)
