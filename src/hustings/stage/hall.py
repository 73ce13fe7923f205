"""One open room: its rules, its record and its sound, moved together.

Everything that happens in a room passes `_enter`: the rules say what changes (`stage.room`,
`stage.commands`), the journal takes it, the state folds it, the watchers (control sockets) hear
of it. All methods run on the studio's thread; `stage.engine` brings calls there.
"""

import contextlib
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from hustings import VERSION
from hustings.base.clock import Clock
from hustings.base.errors import Denied, TryLater, UserError
from hustings.base.ids import RoomId
from hustings.base.tasks import Tasks
from hustings.journal.entry import Entry, Visibility
from hustings.journal.file import Journal
from hustings.settings import StageSettings
from hustings.stage import commands, talkback
from hustings.stage.airing import Airing, airs_at
from hustings.stage.audience import Audience
from hustings.stage.charge import in_charge
from hustings.stage.consent import Agreements
from hustings.stage.erasing import REASON_CHARS, Eraser, Stretch, asked, listed, pressed, withdrawn
from hustings.stage.evening import evening
from hustings.stage.keys import Keys
from hustings.stage.names import clean
from hustings.stage.queue import RoomQueue, drawn
from hustings.stage.room import STEWARDS, Change, RoomModel
from hustings.stage.rtc.peers import Peer
from hustings.stage.signs import Signs
from hustings.stage.sound import Sound
from hustings.stage.views import counts_view, hands_view, held_view, seats_view
from hustings.stage.watchers import Absences, Watcher, Watchers
from hustings.stage.written import BODIES, STAGE_KINDS
from hustings.wire import kinds
from hustings.wire.batch import Answer, Batch, Hands, Rung
from hustings.wire.kinds import Participant, Room
from hustings.wire.names import PART_SAMPLES, PART_TICKS, TICK_SAMPLES
from hustings.wire.places import room_second
from hustings.wire.tokens import hand_of

log = logging.getLogger(__name__)

TICK_MS: Final = 20
LEVEL_TICKS: Final = 10  # levels go to the control sockets five times a second
ENTRY_BYTES: Final = 64 * 1024
_WITH_THE_SOUND: Final = frozenset(
    {kinds.ROOM, kinds.ROSTER, kinds.LEVEL, kinds.AGENDA, kinds.POLL}
)  # wait as it does


class Hall:
    """One room from its opening in this process to its end.

    A journal that holds entries already is continued: same people, same timeline.
    """

    def __init__(
        self,
        room: RoomId,
        journal: Journal,
        sound: Sound,
        clock: Clock,
        limits: StageSettings,
        draw_key: bytes,
        on_facts: Callable[[], None] = lambda: None,
    ) -> None:
        self.room = room
        self.journal = journal
        self.sound = sound
        new = Room(room, room, keep_days=None if limits.keep_days < 0 else limits.keep_days)
        self.model = RoomModel(new, seats=limits.seats, people=limits.people)
        self.queue = RoomQueue(room)
        self._draw_key = draw_key
        self._limits = limits
        self._clock = clock
        self._on_facts = on_facts
        self.signs = Signs()
        self._signs_told = self.signs.view()
        self.watchers = Watchers()
        self.tell = self.watchers.tell
        self._keys = Keys()
        self.audience = Audience()
        self.evening = evening.Evening()
        self._reach = kinds.Reach()  # as the journal has it
        self._pageless = Absences()
        self.unseen = Absences()  # neither sound nor a page
        self._tick = 0
        self._early_ticks = 0
        self._snapshot_size = 0
        self._tasks = Tasks()
        self.airing = Airing(sound, journal.recovered.next_part)
        self.eraser = Eraser(journal)
        self._agreements = Agreements()
        self._recover()

    def _recover(self) -> None:
        past = self.journal.recovered
        if past.snapshot is not None:
            self.model.restore(past.snapshot)
            self._keys.restore(past.snapshot.private.get("keys", {}))
            self.audience.restore(past.snapshot.private.get("audience", {}))
            self.evening.restore(past.snapshot)
            self.eraser.resume(past.snapshot.private.get("erasing", ()))
        for entry in past.entries:
            self._replay(entry)
        self.airing.ending = self.model.ending  # what was held when we died was never aired
        self.evening.spoken.hear([], past.next_part * PART_SAMPLES)  # nobody since we ended
        self.term = past.term
        if self.ended:
            self._tick = past.next_part * PART_TICKS
            return  # read again, but nothing happens here any more
        if epoch_ms := self.model.facts.epoch_ms:
            by_wall = (self._clock.wall_ms() - epoch_ms) // TICK_MS
            self._tick = max(past.next_part * PART_TICKS, by_wall)
        self.term += 1
        reason = "restart" if past.term else "start"
        self._append(kinds.TERM, kinds.Term(self.term, VERSION, reason))
        if self.model.facts.state == "live":
            self.airing.reason = reason
        for who in list(self.model.people.values()):
            self._enter(self.model.connection(who.id, connected=False))

    def _replay(self, entry: Entry) -> None:
        kind = BODIES.get(entry.kind)
        if kind is None or entry.body is None:
            return
        body = entry.decode(kind)
        if isinstance(body, kinds.Key):
            self._keys.add(body.key, body.seq)
        elif isinstance(body, kinds.Dump):  # done already, unless we died over it
            self.eraser.erase(Stretch(body.first, body.last))
        self._fold(body, entry)

    def _fold(self, body: object, entry: Entry) -> None:
        """Take over what an entry says, new or read again."""
        before = self.model.facts
        self.model.fold(body)
        self.evening.fold(body, entry.media_time)
        for track in withdrawn(before, self.model.facts, entry.seq):
            self.eraser.erase(track)

    @property
    def ended(self) -> bool:
        """Whether the evening is over."""
        return self.model.ended

    @property
    def is_open(self) -> bool:
        """Whether anybody may be listening."""
        return self.model.facts.state in {"lobby", "live"}

    # --- time --------------------------------------------------------------------------------

    @property
    def media_time(self) -> int:
        """Samples since the epoch; 0 until the lobby opens."""
        return self._tick * TICK_SAMPLES

    @property
    def air_time(self) -> int:
        """Media time at which the audience hears what is said now: later with a broadcast delay."""
        return airs_at(self.media_time, self.model.facts)

    @property
    def room_second(self) -> float:
        """Now, as places in the queue count it; the wall's until the lobby opens."""
        if not (epoch_ms := self.model.facts.epoch_ms):
            return self._clock.wall_ms() / 1_000
        return room_second(epoch_ms, self.media_time)

    def tick(self, now_s: float) -> None:
        """Twenty milliseconds: sound in, sound out; at a part's end one `part` entry."""
        if self.ended and not self.sound.on_air:
            return
        if not self.model.facts.epoch_ms:
            self._tick_early(now_s)
            return
        if self._tick % PART_TICKS == 0:
            self._at_boundary()
        part = self.sound.tick(now_s)
        self._tick += 1
        if part is not None:
            at = part.n * PART_SAMPLES
            self._append(kinds.PART, part, media_time=at)
            for track in self.sound.tracks:  # behind their part: readers find them from it on
                self._append(kinds.TRACK, track, media_time=at, visibility=Visibility.STAGE)
            self.airing.made(part.n)
        if self._tick % LEVEL_TICKS == 0:
            self._tell_levels()

    def _tick_early(self, now_s: float) -> None:
        """Before the lobby nothing is written; those who are there hear each other."""
        if self.sound.people:
            self.sound.tick(now_s)
            self._early_ticks += 1
            if self._early_ticks % LEVEL_TICKS == 0:
                self._tell_levels()

    def skip(self, ticks: int) -> None:
        """Time passed in which this process did not run: the program goes on at a later part."""
        if self.model.facts.epoch_ms:
            self._tick += ticks
            self.airing.skip()
            self.evening.spoken.skip(ticks * TICK_SAMPLES)

    def _at_boundary(self) -> None:
        """Between two parts: begin or end the program, and own up to what is missing."""
        if self.airing.run_out and not self.ended:
            self._write_reach()
            self._enter(self.model.room(state="ended", ended_ms=self._clock.wall_ms()))
            self._tasks.start(self.close_doors(), name=f"end of {self.room}")
        gap = self.airing.boundary(self._tick // PART_TICKS, self.model.facts)
        if gap is not None:
            self._append(kinds.GAP, gap, media_time=gap.first * PART_SAMPLES)

    async def close_doors(self) -> None:
        """The room has ended, or a rehearsal begins or ends (`moved`): let everybody go."""
        is_over = self.ended and not self.model.facts.rehearsal_of
        goodbye = ("room_ended", "This room has ended.") if is_over else ("moved", "Come in again.")
        await self._expel(self.watchers.people, *goodbye)
        await self.sound.close()

    def second(self) -> None:
        """Once a second: sign what was written, and free the seats that nobody uses."""
        self.journal.checkpoint()
        if not self.ended:
            now_s, people = self._clock.monotonic(), self.model.people
            there = self.watchers.people | {who.id for who in people.values() if who.connected}
            self._enter(self.model.give_up(self.unseen.turn(list(people), there, now_s)))
            self._keep_charge()
            lobby_ms = round(self._limits.lobby_min * 60_000)
            self._enter(self.model.lobby_due(self._clock.wall_ms(), before_ms=lobby_ms))
        self.signs.echoes(self.sound.echoes)
        self._tell_signs()
        if reactions := self.audience.second(self._clock.monotonic()):
            self.tell({"type": "reactions", "reactions": reactions})
            if self.is_open:
                self._append(kinds.REACTIONS, kinds.Reactions(reactions))
        self._enter(self.evening.due(self.media_time) if self.is_open else ())
        for message in self.evening.second(self.air_time):
            self.tell(message)

    def _keep_charge(self) -> None:
        """Somebody whose page is open runs the room, a host if there is one."""
        if self.ended:
            return
        people = self.model.people
        away_s = self._pageless.turn(people, self.watchers.people, self._clock.monotonic())
        holder = in_charge(people, away_s, self.model.charge)
        if holder != self.model.charge:
            self._enter([Change(kinds.CHARGE, kinds.Charge(holder), public=False)])

    def minute(self) -> None:
        """Write how many listen, and where a reader can begin: the whole, then the public facts."""
        self._write_reach()
        if self.journal.size <= self._snapshot_size or self.model.facts.deleted:
            return
        model = self.model
        self.journal.snapshot(
            media_time=self.media_time,
            room=model.facts,
            roster=list(model.people.values()),
            speaking=model.speaking,
            term=self.term,
            part=self.airing.next_part,
            private=model.private_state()
            | {"keys": self._keys.state(), "audience": self.audience.state(self._clock.monotonic())}
            | {"evening": self.evening.state(self.air_time), "erasing": self.eraser.pending},
            shown=self.evening.shown(),
        )
        self._snapshot_size = self.journal.size

    def _write_reach(self) -> None:
        """How many listen; nothing while that does not change."""
        reach = self.audience.reach(self._clock.monotonic())
        if reach != self._reach and self.is_open:
            self._append(kinds.REACH, reach)
            self._reach = reach

    # --- what people do ------------------------------------------------------------------------

    def put(self, wanted: Mapping[str, Any]) -> Room:
        """Create or change the room's facts, as web asks."""
        self._enter(self.model.put(wanted, now_ms=self._clock.wall_ms()))
        return self.model.facts

    def take(self, changes: Iterable[Change]) -> None:
        """What the stage itself changes: a private room's facts, who moves there and back."""
        self._enter(changes)

    def join(self, who_id: str, *, name: str, role: str, device: str = "") -> Participant:
        """A person with a valid invitation takes, or takes again, their seat.

        device: fingerprint of the browser's secret; "" for an encoder. One invitation is one seat:
        Denied `seat_taken` (409) while somebody sits there at another device.
        """
        self._expect_free(who_id, device)
        self._enter(self.model.join(who_id, name=name, role=role, device=device))
        self.at_device(who_id, device)
        return self.model.people[who_id]

    def _expect_free(self, who_id: str, device: str) -> None:
        known = self.model.devices.get(who_id, set())
        if not device or not known or device in known or who_id not in self.watchers:
            return
        people = self.model.people
        hosts = [each.id for each in people.values() if each.role in STEWARDS]
        warning = {"type": "warning", "code": "seat_taken", "name": people[who_id].name}
        self.watchers.warn(hosts, f"seat {who_id}", warning, self._clock.monotonic())
        raise Denied("seat_taken", "This link is in use on another device.", status=409)

    def at_device(self, who_id: str, device: str) -> None:
        """Somebody who is here showed this device's secret."""
        if device and who_id in self.model.people:
            self._enter(self.model.at_device(who_id, device))
            self.model.sits_at[who_id] = device
            self.model.devices.setdefault(who_id, set()).add(device)

    def known(self, who_id: str) -> Participant:
        """The participant, or Denied `not_in_room`: removed, or the room has ended."""
        who = self.model.people.get(who_id)
        if who is None or self.ended:
            raise Denied("not_in_room", "You are not in this room any more.")
        return who

    async def connect(self, who_id: str, offer_sdp: str, *, encoder: bool = False) -> Peer:
        """Answer a participant's WebRTC offer."""
        self.known(who_id)
        peer = await self.sound.connect(who_id, offer_sdp, encoder=encoder)
        await self._expel_the_gone()  # removed in between
        if self.ended:  # or the room
            await self.sound.close()
        return peer

    async def command(self, actor_id: str, command: str, args: Mapping[str, Any]) -> None:
        """A command from a control socket; raises as `commands.perform` does."""
        changes = self._performed(actor_id, command, args)
        if command == "keep_track" and changes:
            self._agreements.expect(actor_id, self._clock.monotonic())
        if command == "microphone":
            self.signs.say(actor_id, str(args.get("trouble", "")))
            self._tell_signs()
        if command == "end" and changes:
            if len(self.sound.delay):  # what was said is still to be heard
                self._enter(self.model.end_soon(actor_id))
                self.airing.ending = True
                self.tell({"type": "ending", "in_s": len(self.sound.delay) * TICK_MS / 1_000})
                return
            self._write_reach()
        if command == "dump":
            self.dump(by=actor_id, reason=str(args.get("reason", "")))
        elif command == "erase":
            self.erase(
                args.get("from_s"), args.get("to_s"), by=actor_id, reason=str(args["reason"])
            )
        self._enter(changes)
        for who_id in self.model.asked & self.sound.encoders:
            # An outside encoder cannot answer: asking it is bringing it, once there is a seat.
            with contextlib.suppress(TryLater):
                self._enter(self.model.bring_on_stage(self.model.people[who_id]))
        if self.ended:
            await self.close_doors()
        if command == "leave":
            await self._expel({actor_id}, "left", "You have left the room.")
        await self._expel_the_gone()

    def _performed(self, actor_id: str, command: str, args: Mapping[str, Any]) -> list[Change]:
        if command in evening.COMMANDS:
            return self.evening.perform(self.model, actor_id, command, args)
        now_ms = self._clock.wall_ms()
        return commands.perform(self.model, actor_id, command, args, now_ms=now_ms)

    def dump(self, *, by: str, reason: str) -> None:
        """Take back what was spoken last: what is held is never aired, what was aired is erased."""
        delay, next_part = self.sound.delay.length, self.airing.next_part
        taken = pressed(self._tick, delay=delay, next_part=next_part)
        self.airing.dump(taken.last)
        self._erase(taken, reason, by)

    def erase(self, from_s: object, to_s: object, *, by: str, reason: str) -> Stretch:
        """Take back a stretch of the past, in seconds of media time; UserError `stretch_bad`."""
        taken = asked(from_s, to_s, next_part=self.airing.next_part)
        self._erase(taken, reason, by)
        return taken

    def _erase(self, taken: Stretch, reason: str, by: str) -> None:
        reason = clean(reason, REASON_CHARS)
        self.journal.withhold(taken.first, taken.last)  # before anybody hears of it
        self._append(kinds.DUMP, kinds.Dump(taken.first, taken.last, by, reason))
        erased = listed(self.model.facts, taken, reason=reason, at_ms=self._clock.wall_ms())
        self._enter(self.model.room(erased=erased))
        self.eraser.erase(taken)

    def hear_audience(self, edge: str, batch: Batch) -> Answer:
        """An edge's last second. Raises PeerError `sketch_bad`."""
        now_s = self._clock.monotonic()
        self.audience.hear(edge, batch, now_s)
        self.audience.lowered(edge, batch.hands.down)
        for run, said in batch.queues.items():
            self.queue.hear(run or edge, said, self.room_second)
        changes, asked = self.evening.hear(edge, batch)
        self._enter(changes)
        self._enter(self._audience_hands(batch.hands))  # the pages are told once
        free = self.model.hands_free
        first = batch.hands.first
        full = (
            place
            for place, hand in enumerate(first)
            if hand.id not in self.model.hands and not free.get(hand.topic, free[""])
        )
        answer = self.audience.answer(edge, taken=next(full, len(first)), free=free)
        return msgspec.structs.replace(answer, asked=asked)

    def hear_ladder(self, edge: str, rung: Rung) -> None:
        """An edge stands on another rung of the ladder; for the record, if it carries this room."""
        if self.is_open and self.audience.carries(edge):
            run = edge.rpartition(" ")[2]  # without its credential's id
            told = kinds.Ladder(run, rung.name, joined=rung.joined, reason=rung.reason)
            self._append(kinds.LADDER, told)

    def _audience_hands(self, hands: Hands) -> Iterator[Change]:
        for hand_id in hands.down:
            yield from self.model.audience_lower(hand_id)
        now_ms = self._clock.wall_ms()
        for hand in hands.first:
            at_ms = now_ms - int(hand.age_s * 1_000)
            yield from self.model.audience_hand(
                hand.id, hand.name, hand.question, at_ms=at_ms, topic=hand.topic
            )

    @property
    def hands_up(self) -> int:
        """All raised hands: those at the edges, and those of named people."""
        named = sum(bool(hand.participant) for hand in self.model.hands.values())
        shown = len(self.model.hands) - named
        return named + max(shown, self.audience.hands_up(self._clock.monotonic()))

    def _hands_view(self) -> dict[str, Any]:
        topics_up = self.audience.topics_up(self._clock.monotonic())
        return hands_view(self.model, self.hands_up, topics_up)

    def redeem(self, ticket: str) -> str:
        """The seat of whoever holds the ticket of a hand that was called; Denied `not_called`."""
        seat = hand_of(ticket)
        if seat not in self.model.asked:
            raise Denied("not_called", "This hand has not been called up.")
        return seat

    async def revoke(self, who_id: str) -> None:
        """Web withdraws an invitation: nobody sits down on it any more, whoever sits leaves."""
        self._enter(self.model.revoke(who_id))
        await self._expel_the_gone()

    async def _expel_the_gone(self) -> None:
        people = self.model.people
        gone = self.watchers.people - people.keys()
        await self._expel(
            gone | (self.sound.people - people.keys()), "removed", "A host removed you."
        )

    async def _expel(self, who_ids: Iterable[str], code: str, title: str) -> None:
        for who_id in who_ids:
            self.watchers.dismiss(who_id, code, title)
            await self.sound.disconnect(who_id)

    def connected(self, who_id: str, *, connected: bool) -> None:
        """Somebody's sound came or went."""
        self._enter(self.model.connection(who_id, connected=connected))
        self.watchers.tell_one(
            who_id, {"type": "media", "state": "connected" if connected else "lost"}
        )

    def append(self, kind: str, body: dict[str, Any], *, visibility: int, at: int, key: str) -> int:
        """An entry of web's (a caption, a note ...); the same key twice is one entry.

        Returns its sequence number. Raises UserError `entry_kind`, `entry_size`.
        """
        if kind in STAGE_KINDS or not kind.isidentifier() or len(kind) > 32:
            raise UserError("entry_kind", "This kind of entry is the stage's own, or not a word.")
        if (known := self._keys.get(key)) is not None:
            return known
        if len(msgspec.msgpack.encode(body)) > ENTRY_BYTES:
            raise UserError("entry_size", f"An entry holds at most {ENTRY_BYTES} bytes.")
        seq = self._append(kind, body, media_time=at, visibility=Visibility(visibility)).seq
        if key:
            self._append(kinds.KEY, kinds.Key(key, seq), visibility=Visibility.STAGE)
            self._keys.add(key, seq)
        return seq

    # --- what watchers see ---------------------------------------------------------------------

    def seat_socket(self, who_id: str, watcher: Watcher) -> None:
        """Tell `watcher` (on this thread; it must not block) all that changes; the newest wins."""
        self.watchers.seat(who_id, watcher)
        self._keep_charge()

    def leave_socket(self, who_id: str, watcher: Watcher) -> None:
        """Tell no more; a newer socket of the same seat stays."""
        if self.watchers.leave(who_id, watcher):
            self._keep_charge()

    def view(self) -> dict[str, Any]:
        """The whole room as participants see it (docs/protocol.md 4.1 `welcome`)."""
        return {
            "room": msgspec.to_builtins(self.model.facts),
            **self.evening.view(self.air_time),
            **self._hands_view(),
            **seats_view(self.model),
            "speaking": self.model.speaking,
            "media_time": self.media_time,
            **self.signs.view(),
        }

    def queue_line(self) -> dict[str, Any] | None:
        """Once a second: let the queue move; what edges must know of it, if anything."""
        draw = self.model.facts.draw
        return self.queue.step(self.room_second, draw) if not self.ended else None

    def _tell_levels(self) -> None:
        speaking = self.sound.speaking
        if speaking != self.model.speaking and self.model.facts.epoch_ms:
            self._append(kinds.LEVEL, level := kinds.Level(speaking))
            self.model.fold(level)
            self.evening.fold(level, self.air_time)
        if self.watchers:
            levels = {"levels": self.sound.levels(), "loudness": self.sound.loudness}
            heard = {**levels, "speaking": speaking}
            now_s = self._clock.monotonic()
            light = self.audience.light(now_s)
            hands = counts_view(self.model, self.hands_up, self.audience.topics_up(now_s))
            held = held_view(self.sound.delay)
            self.tell({"type": "levels", **heard, **light, **held, **hands})

    def _tell_signs(self) -> None:
        """Which microphones are in trouble, if that is news."""
        self.signs.keep(self.model.people)
        if (now := self.signs.view()) != self._signs_told:
            self._signs_told = now
            self.tell({"type": "microphones", **now})

    # --- the one way in --------------------------------------------------------------------------

    def _enter(self, changes: Iterable[Change]) -> None:
        told: set[str] = set()
        for change in map(self._with_draw, changes):
            visibility = Visibility.PUBLIC if change.public else Visibility.STAGE
            entry = self._append(change.kind, change.body, visibility=visibility)
            self._fold(change.body, entry)
            told.add(change.kind)
            if isinstance(change.body, kinds.Seat) and change.body.change == "asked":
                self.watchers.tell_one(change.body.id, {"type": "invited", "by": change.body.by})
        if not told:
            return
        self.sound.arrange(self.model.people, self.model.talks, self.model.facts.tracks)
        if kinds.ROOM in told:
            self._on_facts()
            self.tell({"type": "room", "room": msgspec.to_builtins(self.model.facts)})
        if told & {kinds.ROSTER, kinds.SEAT, kinds.CHARGE, kinds.PANIC, kinds.TALK}:
            self.tell({"type": "roster", **seats_view(self.model)})
            self._tell_signs()
        if kinds.HAND in told:
            self.tell({"type": "hands", **self._hands_view()})
        for message in self.evening.news(told, self.air_time):
            self.tell(message)
        self._enter(talkback.over(self.model))

    def _with_draw(self, change: Change) -> Change:
        if not isinstance(change.body, Room):
            return change
        body = drawn(change.body, self._draw_key, self.media_time, doors=self._limits.doors)
        return msgspec.structs.replace(change, body=body)

    def _append(
        self,
        kind: str,
        body: object,
        *,
        media_time: int | None = None,
        visibility: Visibility = Visibility.PUBLIC,
    ) -> Entry:
        at = self.media_time if media_time is None else media_time
        if media_time is None and kind in _WITH_THE_SOUND:
            at = airs_at(at, body if isinstance(body, Room) else self.model.facts)
        return self.journal.append(kind, body, media_time=at, visibility=visibility)

    def close(self) -> None:
        """Sign and sync what there is; the journal can be opened again."""
        self.minute()
        self.second()
        self.eraser.close()
        self.journal.close()
