"""All rooms of one stage: opens their journals and gives each its ticks.

One asyncio task ticks every room each 20 ms by the monotonic clock. A tick that is late is made
up for at once; if the process stood still (SIGSTOP, a suspended laptop) longer than
`CATCH_UP_TICKS`, the rooms skip the lost time instead: late sound is not live sound.
"""

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from hustings import VERSION
from hustings.archive.importing import adopt, taken
from hustings.base import heartbeat
from hustings.base.clock import Clock
from hustings.base.errors import Denied, NotFound, OperatorError, TryLater, UserError
from hustings.base.ids import RoomId, is_private, room_id
from hustings.base.keyfiles import ticket_key
from hustings.base.tasks import Tasks
from hustings.journal import deletion
from hustings.journal.file import Journal
from hustings.journal.keys import SigningKey
from hustings.journal.recovery import lock_house
from hustings.settings import Settings
from hustings.stage import rehearsals
from hustings.stage.deleting import Deletions
from hustings.stage.fleet import Fleet
from hustings.stage.hall.hall import Hall
from hustings.stage.lines import board_line, index_line, line_of
from hustings.stage.rehearsals import Rehearsals
from hustings.stage.rtc.peers import Peers
from hustings.stage.salt import SaltFile
from hustings.stage.sound import Sound
from hustings.stage.soundcheck import SoundChecks
from hustings.wire.kinds import Room
from hustings.wire.report import Report

log = logging.getLogger(__name__)

IndexWatcher = Callable[[dict[str, Any]], None]

TICK_S: Final = 0.02
CATCH_UP_TICKS: Final = 25  # 0.5 s; a part later than two parts (0.64 s) is hold for ever
PAST_FILE: Final = "ended.json"  # the room's last line in the index
PAST_AFTER_MS: Final = 60_000
NOT_KEPT_AFTER_MS: Final = 20_000  # who listens by HLS, 8 s behind, hears the end
NEWS_S: Final = 60.0  # an adopted room is among those that web asks for; it asks each 2 s
LATE_LOG_S: Final = 60.0
TICKS_PER_SECOND: Final = 50
LIGHT_S: Final = 5  # edges are told so often how many listen in all


class Studio:
    """The rooms of this process. Use it on one thread's event loop only."""

    def __init__(self, settings: Settings, key: SigningKey, clock: Clock) -> None:
        self.halls: dict[RoomId, Hall] = {}
        self.late_ticks = 0  # more than one tick late; for /metrics
        self.ticks = 0
        self.skipped_ticks = 0
        self.broken_ticks = 0  # our own faults, logged
        self._settings = settings
        self._key = key
        self._clock = clock
        rtc = settings.stage.rtc
        self._peers = Peers(msgspec.structs.replace(rtc, bind=rtc.bind or settings.host), clock)
        self._said_late_s = float("-inf")
        self._tasks = Tasks()
        self._past: dict[RoomId, dict[str, Any]] = {}
        self._adopted_s: dict[RoomId, float] = {}  # those of the last minute
        self._deleting = asyncio.Lock()  # one decision at a time
        self._held: Hall | None = None  # over which one is being made: it stays open meanwhile
        self._lock = -1  # of the data folder
        self._index_watchers: set[IndexWatcher] = set()
        self.fleet = Fleet()
        self.sound_checks = SoundChecks(self.open_private, self.discard)
        self.rehearsals = Rehearsals(clock, self._tasks, self.open_private, self.discard)
        self.deletions = Deletions(
            Path(settings.data),
            key,
            clock,
            self._tasks,
            self._past,
            past_file=PAST_FILE,
            tell=self._tell_index,
        )
        self._salt = SaltFile(Path(settings.data), clock.wall_ms())
        self._broken: set[RoomId] = set()  # rooms whose first fault is in the log

    @property
    def folder(self) -> Path:
        """Where the rooms' journals are."""
        return Path(self._settings.data) / "rooms"

    @property
    def now_s(self) -> float:
        """The monotonic second."""
        return self._clock.monotonic()

    async def start(self) -> None:
        """Open every room that has a journal and has not ended, and begin to tick.

        Past evenings cost a small file each, not a journal: a house with a thousand of them is
        back as soon as one with none.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = lock_house(self.folder.parent)  # nobody else puts rooms here
        for path in sorted(self.folder.iterdir()):
            if path.is_dir() and not is_private(path.name) and not path.name.startswith("."):
                try:
                    self._reopen(room_id(path.name))
                except (UserError, OperatorError, TryLater) as error:
                    if error.code == "journal_locked":  # a second stage on the same rooms
                        raise
                    log.error("%s stays closed: %s", path, error.title)  # the others open
        self._reopen_private()
        self._tasks.start(heartbeat.beat("studio"), name="heartbeat of the studio")
        self._tasks.start(self._tick_for_ever(), name="ticks")
        self._tasks.start(self.deletions.watch(), name="rooms whose time is over")

    async def close(self) -> None:
        """Stop ticking, hang up, sign and close the journals: each room's, whatever another's does.

        Raises OperatorError `journal_close` that names the rooms whose journal did not close in order.
        """
        await self._tasks.close()
        broken = []
        for hall in self.halls.values():
            try:
                await hall.sound.close()
            except Exception:
                log.exception("%s: its lines did not close in order", hall.room)
            try:
                hall.close()
            except Exception:
                log.exception("%s: its journal did not close in order", hall.room)
                broken.append(hall.room)
        await self._peers.close()
        if self._lock >= 0:
            os.close(self._lock)
        if broken:
            raise OperatorError(
                "journal_close",
                f"The record of {', '.join(broken)} was not closed in order; the log says why. "
                "The next start reads what is on the disk.",
            )

    @property
    def public_halls(self) -> list[Hall]:
        """Those in memory that lists may name."""
        return [hall for hall in self.halls.values() if not is_private(hall.room)]

    def facts_of_all(self, *, past: bool) -> list[Any]:
        """What web may know of the rooms in memory, and of all past ones or the new among them."""
        now_s = self._clock.monotonic()
        found = [hall.model.told for hall in self.public_halls]
        new = {room for room, at_s in self._adopted_s.items() if now_s - at_s < NEWS_S}
        return [
            *found,
            *(
                line["facts"]
                for room, line in self._past.items()
                if (past or room in new) and "deleted" not in line["facts"]
            ),
        ]

    async def adopt(self, room: str) -> dict[str, Any]:
        """Take in a room that `hustings import` made; returns its facts. Raises as `importing.adopt`."""
        name = room_id(room)
        if name in self.halls or name in self._past:
            raise taken(name)

        def take() -> dict[str, Any]:
            found = adopt(self.folder, name, self._key, self._clock)
            now_ms = self._clock.wall_ms()
            line = line_of(
                found.facts, head=found.size, media_time=found.media_time, wall_ms=now_ms
            )
            self._remember(name, line)
            return line

        line = await asyncio.to_thread(take)
        if name not in self.halls:  # nobody opened it in that moment
            self._past[name] = line
        now_s = self._clock.monotonic()
        recent = {each: at_s for each, at_s in self._adopted_s.items() if now_s - at_s < NEWS_S}
        self._adopted_s = {**recent, name: now_s}
        self._tell_index(line)
        return dict(line["facts"])

    def _remember(self, room: RoomId, line: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # without it the next start reads the journal
            (self.folder / room / PAST_FILE).write_bytes(msgspec.json.encode(line))

    def hall(self, room: str) -> Hall:
        """The room, or NotFound `room_unknown`."""
        name = RoomId(room)
        if name in self.halls:
            return self.halls[name]
        self.deletions.expect_kept(name)
        if name in self._past:
            raise Denied("room_ended", "This room has ended.", status=410)
        raise NotFound("room_unknown", "There is no such room on this stage.")

    def facts(self, room: RoomId) -> Room | None:
        """What is known of a room, also of one whose evening is over."""
        if room in self.halls:
            return self.halls[room].model.facts
        return msgspec.convert(self._past[room]["facts"], Room) if room in self._past else None

    def meeting(self, room: str) -> Hall:
        """Where a room's people meet now: there, or at its rehearsal. Raises as `hall`."""
        if is_private(room) and RoomId(room) not in self.halls:
            raise Denied("room_ended", "This room has ended.", status=410)
        return self.rehearsals.meeting(self.hall(room))

    async def command(self, hall: Hall, actor: str, command: str, args: Mapping[str, Any]) -> None:
        """What somebody in `hall` asks for; raises as `Hall.command`."""
        await hall.command(actor, command, args)
        if command == "rehearse":
            self.rehearsals.begin(hall)

    async def revoke(self, room: str, who: str) -> None:
        """Web withdraws an invitation, for the room and for its rehearsal."""
        hall = self.hall(room)
        for each in {hall, self.rehearsals.meeting(hall)}:
            await each.seats.revoke(who)

    def hall_of_any(self, room: str) -> Hall:
        """The room, opened again if its evening is over, or NotFound `room_unknown`."""
        name = RoomId(room)
        self.deletions.expect_kept(name)
        return self._open(name) if name in self._past else self.hall(room)

    def hall_or_new(self, room: str) -> Hall:
        """The room, made if need be; TryLater `stage_rooms_full` beyond the bound."""
        name = room_id(room)
        self.deletions.expect_kept(name)
        return self.halls.get(name) or self._open(name)

    async def delete(self, room: str, *, reason: str) -> Room:
        """A host has the recording of an evening deleted; returns what stays known of the room.

        Again is as once. Raises `room_unknown`, `room_state` before the end, `reason_missing`,
        TryLater `journal_disk`.
        """
        name = RoomId(room)
        async with self._deleting:
            if (hall := self.halls.get(name)) is not None and not is_private(room):
                return await self._delete_open(hall, reason)
            if (line := self._past.get(name)) is None:
                raise NotFound("room_unknown", "There is no such room on this stage.")
            if "deleted" in line["facts"]:
                return msgspec.convert(line["facts"], Room)
            return await self.deletions.begin(name, by="host", reason=reason)

    async def _delete_open(self, hall: Hall, reason: str) -> Room:
        """A refusal leaves the room as it was, with all that is still to be erased of it."""
        if not hall.ended:
            raise UserError("room_state", "A recording can be deleted after the room's end.")
        line = self.deletions.decided(self._line(hall), by="host", reason=reason)
        self._held = hall
        try:
            await hall.sound.close()
            await self.deletions.keep(line)
            hall.record.eraser.abandon()  # what is left of it goes with the journal
            return self.deletions.carry_out(line, first=self._retire(hall))
        finally:
            self._held = None

    def _reopen(self, room: RoomId) -> None:
        """At start: what has ended is only remembered; a deletion that was cut short goes on."""
        if (line := deletion.intended(self.folder / room)) is not None:
            self._past[room] = line
            self.deletions.go_on(room)
            return
        try:
            self._past[room] = msgspec.json.decode((self.folder / room / PAST_FILE).read_bytes())
        except (OSError, msgspec.MsgspecError):  # not over, or not closed in good order
            hall = self._open(room)
            if hall.ended and not hall.record.eraser.pending:  # else `_let_go` does it
                self._retire(hall)()

    def _reopen_private(self) -> None:
        """What whoever stopped us left: a rehearsal goes on, everything else is wiped."""
        for path in [each for each in self.folder.iterdir() if is_private(each.name)]:
            try:
                if not path.name.startswith(rehearsals.KIND):
                    raise NotFound("room_unknown", "This room was not to stay.")
                rehearsal = self._open(RoomId(path.name))
            except (NotFound, OperatorError, TryLater):
                shutil.rmtree(path, ignore_errors=True)
                continue
            hall = self.halls.get(RoomId(rehearsal.model.facts.rehearsal_of))
            self.rehearsals.found(hall, rehearsal)

    def _retire(self, hall: Hall) -> Callable[[], None]:
        """An evening of the past: known, but not kept open. Returns what remains to be done.

        That waits for the disk, so never between two ticks. The next start reads no journal of the
        past, so nothing may be left to be erased: RuntimeError, a fault of ours.
        """
        if hall.record.eraser.pending:
            raise RuntimeError(f"{hall.room} is not over: something is still to be erased")
        del self.halls[hall.room]
        self._past[hall.room] = line = self._line(hall)
        if "deleted" in line["facts"]:  # its small files were lost
            line["tombstone"] = deletion.read_again(self.folder / hall.room, self._key.vkey)

        def put_away() -> None:
            self._remember(hall.room, line)
            hall.close()  # last: its lock keeps whoever reopens the room from a stale file

        return put_away

    def _let_go(self) -> None:
        """Close rooms that ended a while ago, off this thread."""
        for hall in list(self.halls.values()):
            over_ms = self._clock.wall_ms() - hall.model.facts.ended_ms
            kept = hall.model.facts.keep_days != 0
            busy = hall.sound.on_air or hall.record.eraser.pending or hall is self._held
            if (
                hall.ended
                and not busy
                and abs(over_ms) > (PAST_AFTER_MS if kept else NOT_KEPT_AFTER_MS)
            ):
                self._tasks.start(self._away(self._retire(hall)), name=f"close {hall.room}")

    async def _away(self, put_away: Callable[[], None]) -> None:
        await asyncio.to_thread(put_away)
        self.deletions.look()

    def open_private(
        self, room: RoomId, sound: Callable[[Peers], Sound] | None = None, **facts: Any
    ) -> Hall:
        """A room that no list names. Raises TryLater `stage_rooms_full`.

        sound: makes its sound, if that is not its people's; facts: of the room, live if not said.
        """
        hall = self._open(room, sound)
        now_ms = self._clock.wall_ms()
        live = {"state": "live", "epoch_ms": now_ms, "live_ms": now_ms}
        hall.take(hall.model.room(**(live | facts)))
        return hall

    def discard(self, room: RoomId) -> None:
        """A private room is over: nothing of it stays, in memory or on disk."""
        hall = self.halls.get(room)
        if hall is None:
            return
        if not hall.ended:
            hall.take(hall.model.room(state="ended", ended_ms=self._clock.wall_ms()))
        del self.halls[room]

        hall.record.eraser.abandon()  # or it tries for ever to erase in a folder that is gone

        def wipe() -> None:
            hall.record.eraser.close()
            hall.journal.close()
            shutil.rmtree(self.folder / room, ignore_errors=True)

        self._tasks.start(asyncio.to_thread(wipe), name=f"wipe {room.partition('-')[0]}")

    def _open(self, room: RoomId, make: Callable[[Peers], Sound] | None = None) -> Hall:
        open_rooms = sum(not hall.ended for hall in self.halls.values())
        if open_rooms >= self._settings.stage.rooms and room not in self._past:  # has ended
            raise TryLater(
                "stage_rooms_full",
                f"This stage holds {self._settings.stage.rooms} open rooms; end one or raise stage.rooms.",
                delay_s=60,
            )
        journal = Journal.open(self.folder, room, self._key, self._clock, self._settings.journal)
        sound = (
            make(self._peers)
            if make
            else Sound(
                self._peers, lambda who, connected: hall.seats.connected(who, connected=connected)
            )
        )
        hall = Hall(
            journal,
            sound,
            self._clock,
            self._settings.stage,
            ticket_key(Path(self._settings.data)),
            on_facts=lambda: self._tell_index(self._line(hall)),
        )
        hall.gallery.audience.salted(self._salt.now.id)
        self.halls[room] = hall
        self._past.pop(room, None)
        with contextlib.suppress(OSError):
            (self.folder / room / PAST_FILE).unlink(missing_ok=True)
        self._tell_index(self._line(hall))
        return hall

    # --- the index of rooms ------------------------------------------------------------------------

    def watch_index(self, watcher: IndexWatcher) -> list[dict[str, Any]]:
        """The salt, and every room's line; `watcher` is told what changes, and a tick a second."""
        self._index_watchers.add(watcher)
        now = {hall.room: self._line(hall) for hall in self.halls.values()}
        return [self._salt.now.line(), *(self._past | now).values()]

    def unwatch_index(self, watcher: IndexWatcher) -> None:
        """Tell no more."""
        self._index_watchers.discard(watcher)

    def _line(self, hall: Hall) -> dict[str, Any]:
        return index_line(hall, wall_ms=self._clock.wall_ms())

    def _tell_index(self, line: dict[str, Any]) -> None:
        for watcher in tuple(self._index_watchers):
            watcher(line)

    # --- time --------------------------------------------------------------------------------------

    async def _tick_for_ever(self) -> None:
        due = self._clock.monotonic()
        while True:
            due += TICK_S
            wait = due - self._clock.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            else:
                await asyncio.sleep(0)  # let packets in even while catching up
                behind = int(-wait / TICK_S)
                self.late_ticks += behind > 0
                if behind > CATCH_UP_TICKS:
                    self._say_late(-wait)
                    self.skipped_ticks += behind
                    due += behind * TICK_S
                    for hall in self.halls.values():
                        hall.skip(behind)
            self._tick()

    def _say_late(self, seconds: float) -> None:
        """One line a minute at most: a machine at its limit stands still every second."""
        now_s = self._clock.monotonic()
        if now_s - self._said_late_s >= LATE_LOG_S:
            self._said_late_s = now_s
            log.warning(
                "stood still for %.2f s; the program goes on at now (%d ticks skipped so far; "
                "the machine is too busy, or was asleep)",
                seconds,
                self.skipped_ticks,
            )

    def _tick(self) -> None:
        now_s = self._clock.monotonic()
        self.ticks += 1
        if self.ticks % TICKS_PER_SECOND == 0:
            self._tell_index({"tick": self._clock.wall_ms()})
            for work in (
                self._let_go,
                lambda: self.sound_checks.second(now_s),
                self.rehearsals.second,
            ):
                self._guarded("all rooms", work)
        if self.ticks % (LIGHT_S * TICKS_PER_SECOND) == 0:
            self._tell_reach(now_s)
        for index, hall in enumerate(list(self.halls.values())):
            self._tick_hall(hall, now_s)
            # Rooms sign and snapshot at different ticks, so that no tick pays for all.
            phase = (self.ticks + index) % (TICKS_PER_SECOND * self._snapshot_seconds)
            if phase % TICKS_PER_SECOND == 0:
                self._guarded(hall.room, hall.second)
                if (queue := hall.gallery.queue_line()) is not None:
                    self._tell_index({"queue": queue})
            if phase == 0:
                self._guarded(hall.room, hall.minute)

    def _guarded(self, whose: str, work: Callable[[], None]) -> None:
        """What is done each second or minute; what breaks in it must not end the ticks of all."""
        try:
            work()
        except Exception:
            self.broken_ticks += 1
            log.exception("%s: what is due now and then failed; the ticks go on", whose)

    def _tell_reach(self, now_s: float) -> None:
        """How many listen to each open room at all edges together; and whether the day is over."""
        is_open = [hall for hall in self.halls.values() if hall.is_open]
        if is_open:
            lights = {hall.room: hall.gallery.audience.light(now_s) for hall in is_open}
            self._tell_index({"reach": lights})
        if self._salt.turn(self._clock.wall_ms(), busy=bool(is_open)):
            self._tell_index(self._salt.now.line())
            for hall in self.halls.values():
                hall.gallery.audience.salted(self._salt.now.id)

    def _tick_hall(self, hall: Hall, now_s: float) -> None:
        """One room's tick; what breaks in a room costs that room a part, and no other anything."""
        before = hall.media_time
        try:
            hall.tick(now_s)
        except Exception:
            self.broken_ticks += 1
            if hall.room not in self._broken or self.ticks % (60 * TICKS_PER_SECOND) == 0:
                log.exception("room %s: a tick failed; it goes on with the next part", hall.room)
            self._broken.add(hall.room)
            hall.skip(int(hall.media_time == before))

    @property
    def _snapshot_seconds(self) -> int:
        return max(1, round(self._settings.journal.snapshot_s))

    def hear_report(self, edge: str, report: Report, *, credential: str) -> None:
        """How an edge is doing; where it stands on the ladder belongs into its rooms' records."""
        now_s = self._clock.monotonic()
        wall_ms = self._clock.wall_ms()
        if self.fleet.hear(edge, report, credential=credential, now_s=now_s, wall_ms=wall_ms):
            for hall in self.halls.values():
                hall.gallery.hear_ladder(edge, report.rung)

    def board(self) -> dict[str, Any]:
        """What operators watch: this stage, its open rooms, its edges."""
        now_s = self._clock.monotonic()
        return {
            "wall_ms": self._clock.wall_ms(),
            "stage": {
                "version": VERSION,
                "ticks": self.ticks,
                "late_ticks": self.late_ticks,
                "skipped_ticks": self.skipped_ticks,
                "broken_ticks": self.broken_ticks,
                "lines": sum(len(hall.sound.people) for hall in self.halls.values()),
                "troubles": self.troubles(),
            },
            "rooms": [board_line(hall, now_s=now_s) for hall in self.public_halls if hall.is_open],
            "edges": self.fleet.view(now_s),
        }

    def troubles(self) -> list[str]:
        """What stands against calling this stage ready; empty if nothing does."""
        return [
            f"{hall.room}: the record does not reach the disk ({hall.journal.health.problem})"
            for hall in self.halls.values()
            if not hall.journal.health.ok
        ]
