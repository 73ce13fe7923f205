"""One open room: its record, its people, its audience and its sound, moved together in time.

`stage.studio` ticks it each 20 ms and asks it each second and minute; what somebody on the stage
does comes as `command`. What changes goes through `stage.hall.record`. All methods run on the
studio's thread; `stage.engine` brings calls there.
"""

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from hustings.base.clock import Clock
from hustings.base.errors import TryLater
from hustings.base.tasks import Tasks
from hustings.journal.entry import Visibility
from hustings.journal.file import Journal
from hustings.settings import StageSettings
from hustings.stage import commands
from hustings.stage.airing import Airing
from hustings.stage.consent import Agreements
from hustings.stage.erasing import Stretch, asked, pressed
from hustings.stage.evening import evening
from hustings.stage.hall.gallery import Gallery
from hustings.stage.hall.record import TICK_MS, Record
from hustings.stage.hall.seats import Seats
from hustings.stage.hall.telling import Telling
from hustings.stage.room import Change
from hustings.stage.signs import Signs
from hustings.stage.sound import Sound
from hustings.stage.usual import said
from hustings.stage.watchers import Watchers
from hustings.wire import kinds
from hustings.wire.kinds import Room
from hustings.wire.names import PART_SAMPLES, PART_TICKS, TICK_SAMPLES

LEVEL_TICKS: Final = 10  # levels go to the control sockets five times a second


class Hall:
    """One room from its opening in this process to its end.

    on_facts: called when the room's facts have changed.
    """

    def __init__(
        self,
        journal: Journal,
        sound: Sound,
        clock: Clock,
        limits: StageSettings,
        draw_key: bytes,
        on_facts: Callable[[], None] = lambda: None,
    ) -> None:
        self.record = record = Record(journal, clock, limits, draw_key)
        self.room, self.journal, self.model = record.room, journal, record.model
        self.sound = sound
        self.signs = Signs()
        self.watchers = watchers = Watchers()
        self.seats = Seats(record, sound, watchers, clock)
        self.gallery = Gallery(record, watchers, clock)
        self.telling = Telling(record, self.gallery, sound, self.signs, watchers, clock)
        self.airing = Airing(sound, journal.recovered.next_part)
        self.airing.ending = self.model.ending  # what was held when we died was never aired
        self._limits = limits
        self._clock = clock
        self._on_facts = on_facts
        self._agreements = Agreements()
        self._early_ticks = 0
        self._tasks = Tasks()
        record.entered = self._entered
        if not self.ended:  # else it is read again, but nothing happens here any more
            self._go_on()

    def _go_on(self) -> None:
        reason = self.record.begin_term()
        if self.model.facts.state == "live":
            self.airing.reason = reason
        for who in list(self.model.people.values()):
            self.take(self.model.connection(who.id, connected=False))

    def _entered(self, changes: Sequence[Change]) -> None:
        """The record has taken these in: the sound, the index and the pages follow."""
        self.sound.arrange(self.model.people, self.model.talks, self.model.facts.tracks)
        if any(change.kind in {kinds.ROOM, kinds.GUEST} for change in changes):
            self._on_facts()
        self.telling.entered(changes)

    @property
    def ended(self) -> bool:
        """Whether the evening is over."""
        return self.record.ended

    @property
    def is_open(self) -> bool:
        """Whether anybody may be listening."""
        return self.record.is_open

    @property
    def media_time(self) -> int:
        """Samples since the epoch; 0 until the lobby opens."""
        return self.record.media_time

    # --- time ----------------------------------------------------------------------------------

    def tick(self, now_s: float) -> None:
        """Twenty milliseconds: sound in, sound out; at a part's end one `part` entry."""
        if self.ended and not self.sound.on_air:
            return
        if not self.model.facts.epoch_ms:
            self._tick_early(now_s)
            return
        record = self.record
        if record.tick % PART_TICKS == 0:
            self._at_boundary()
        part = self.sound.tick(now_s)
        record.tick += 1
        if part is not None:
            at = part.n * PART_SAMPLES
            record.append(kinds.PART, part, media_time=at)
            for track in self.sound.tracks:  # behind their part: readers find them from it on
                record.append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)
            self.airing.made(part.n)
        if record.tick % LEVEL_TICKS == 0:
            self._hear_levels()

    def _tick_early(self, now_s: float) -> None:
        """Before the lobby nothing is written; those who are there hear each other."""
        if self.sound.people:
            self.sound.tick(now_s)
            self._early_ticks += 1
            if self._early_ticks % LEVEL_TICKS == 0:
                self._hear_levels()

    def _hear_levels(self) -> None:
        speaking = self.sound.speaking
        if speaking != self.model.speaking and self.model.facts.epoch_ms:
            self.record.write_speaking(speaking)
        self.telling.levels(speaking)

    def skip(self, ticks: int) -> None:
        """Time passed in which this process did not run: the program goes on at a later part."""
        if self.model.facts.epoch_ms:
            self.record.tick += ticks
            self.airing.skip()
            self.record.evening.spoken.skip(ticks * TICK_SAMPLES)

    def _at_boundary(self) -> None:
        """Between two parts: begin or end the program, and own up to what is missing."""
        if self.airing.run_out and not self.ended:
            self.gallery.write_reach()
            self.take(self.model.room(state="ended", ended_ms=self._clock.wall_ms()))
            self._tasks.start(self.seats.close_doors(), name=f"end of {self.room}")
        gap = self.airing.boundary(self.record.tick // PART_TICKS, self.model.facts)
        if gap is not None:
            self.record.append(kinds.GAP, gap, media_time=gap.first * PART_SAMPLES)

    def second(self) -> None:
        """Once a second: sign what was written, and do what time brings."""
        self.journal.checkpoint()
        if not self.ended:
            self.seats.second()
            now_ms, usual_min = self._clock.wall_ms(), self._limits.lobby_min
            self.take(self.model.lobby_due(now_ms, usual_min=usual_min))
        self.signs.echoes(self.sound.echoes)
        self.telling.signs()
        self.gallery.second()
        self.take(self.record.evening.due(self.media_time) if self.is_open else ())
        self.telling.second()

    def minute(self) -> None:
        """Write how many listen, and where a reader can begin."""
        self.gallery.write_reach()
        audience = self.gallery.audience.state(self._clock.monotonic())
        self.record.snapshot(next_part=self.airing.next_part, audience=audience)

    # --- what people do ------------------------------------------------------------------------

    def put(self, wanted: Mapping[str, Any]) -> Room:
        """Create or change the room's facts, as web asks."""
        wanted, now_ms = said(wanted, self._limits), self._clock.wall_ms()
        self.take(self.model.put(wanted, now_ms=now_ms))
        return self.model.told

    def take(self, changes: Iterable[Change]) -> None:
        """Changes that the rules have made."""
        self.record.enter(changes)

    async def command(self, actor_id: str, command: str, args: Mapping[str, Any]) -> None:
        """A command from a control socket; raises as `commands.perform` does."""
        changes = self._performed(actor_id, command, args)
        if command == "keep_track" and changes:
            self._agreements.expect(actor_id, self._clock.monotonic())
        if command == "microphone":
            self.signs.say(actor_id, str(args.get("trouble", "")))
            self.telling.signs()
        if command == "end" and changes:
            if len(self.sound.delay):  # what was said is still to be heard
                self._end_soon(actor_id)
                return
            self.gallery.write_reach()
        if command == "dump":
            self.dump(by=actor_id, reason=str(args.get("reason", "")))
        elif command == "erase":
            self.erase(
                args.get("from_s"), args.get("to_s"), by=actor_id, reason=str(args["reason"])
            )
        self.take(changes)
        self._bring_encoders()
        if self.ended:
            await self.seats.close_doors()
        if command == "leave":
            await self.seats.left(actor_id)
        await self.seats.expel_the_gone()

    def _performed(self, actor_id: str, command: str, args: Mapping[str, Any]) -> list[Change]:
        if command in evening.COMMANDS:
            return self.record.evening.perform(self.model, actor_id, command, args)
        now_ms = self._clock.wall_ms()
        return commands.perform(self.model, actor_id, command, args, now_ms=now_ms)

    def _end_soon(self, actor_id: str) -> None:
        self.take(self.model.end_soon(actor_id))
        self.airing.ending = True
        in_s = len(self.sound.delay) * TICK_MS / 1_000
        self.watchers.tell({"type": "ending", "in_s": in_s})

    def _bring_encoders(self) -> None:
        """An outside encoder cannot answer: asking it is bringing it, once there is a seat."""
        for who_id in self.model.asked & self.sound.encoders:
            with contextlib.suppress(TryLater):
                self.take(self.model.bring_on_stage(self.model.people[who_id]))

    def dump(self, *, by: str, reason: str) -> None:
        """Take back what was spoken last: what is held is never aired, what was aired is erased."""
        delay, next_part = self.sound.delay.length, self.airing.next_part
        taken = pressed(self.record.tick, delay=delay, next_part=next_part)
        self.airing.dump(taken.last)
        self.record.take_back(taken, reason, by)

    def erase(self, from_s: object, to_s: object, *, by: str, reason: str) -> Stretch:
        """Take back a stretch of the past, in seconds of media time; UserError `stretch_bad`."""
        taken = asked(from_s, to_s, next_part=self.airing.next_part)
        self.record.take_back(taken, reason, by)
        return taken

    def close(self) -> None:
        """Sign and sync what there is; the journal can be opened again."""
        self.minute()
        self.second()
        self.record.close()
