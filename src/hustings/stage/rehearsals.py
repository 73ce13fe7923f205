"""Rehearsals: the whole evening in private, then wiped.

Keeps true: a rehearsal is a room of its own, with a name that only those know who were told, so
nothing of it can be in the room that it is for; that room's people meet there while it lasts
(`meeting`), and are brought back when it ends; one entry in the room's journal says when it was
held, and no more. It ends when a host ends it, and as soon as the room itself opens. A stage that
was killed finds it in the rooms' folder and goes on with it, or wipes it. On the studio's thread.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import msgspec

from hustings.base.clock import Clock
from hustings.base.errors import HustingsError, UserError
from hustings.base.ids import RoomId, private_id
from hustings.base.tasks import Tasks
from hustings.stage.hall.hall import Hall
from hustings.stage.room import Change
from hustings.wire import kinds
from hustings.wire.kinds import Participant, Room

KIND: Final = "rehearsal"


class Rehearsals:
    """Those of one stage."""

    def __init__(
        self,
        clock: Clock,
        tasks: Tasks,
        open_room: Callable[..., Hall],
        discard: Callable[[RoomId], None],
    ) -> None:
        """open_room: makes a private room with these facts; discard: wipes it."""
        self._clock = clock
        self._tasks = tasks
        self._open_room = open_room
        self._discard = discard
        self._held: dict[RoomId, tuple[Hall, Hall]] = {}  # room -> it, its rehearsal

    def meeting(self, hall: Hall) -> Hall:
        """Where the people of a room meet now: at its rehearsal, while there is one."""
        _, rehearsal = self._held.get(hall.room, (hall, hall))
        if rehearsal is not hall and rehearsal.ended:
            self._end(hall.room)
            return hall
        return rehearsal

    def begin(self, hall: Hall) -> None:
        """Everybody in the room moves to its rehearsal. Raises `room_state`, `stage_rooms_full`."""
        if hall.room in self._held or hall.model.facts.state != "scheduled":
            raise UserError("room_state", "A room is rehearsed before its lobby opens.")
        facts = rehearsed(hall.model.facts, self._clock.wall_ms())
        rehearsal = self._open_room(private_id(KIND), **facts)
        rehearsal.take(_carried(hall))
        self._held[hall.room] = (hall, rehearsal)
        _bring(hall.model.people.values(), hall, rehearsal)
        rehearsal.take(rehearsal.model.room(locked=hall.model.facts.locked))
        self._tasks.start(hall.seats.close_doors(), name="to the rehearsal")

    def found(self, hall: Hall | None, rehearsal: Hall) -> None:
        """After a restart: a rehearsal that stands in the rooms' folder, and its room, if any."""
        if hall is None or rehearsal.model.facts.state == "scheduled":  # killed as it began
            self._discard(rehearsal.room)
            return
        self._held[hall.room] = (hall, rehearsal)
        self.second()

    def second(self) -> None:
        """End those that a host ended, or whose room has opened."""
        for room, (hall, rehearsal) in list(self._held.items()):
            if rehearsal.ended or hall.model.facts.state != "scheduled":
                self._end(room)

    def _end(self, room: RoomId) -> None:
        hall, rehearsal = self._held.pop(room)
        ended_ms = self._clock.wall_ms()
        people = list(rehearsal.model.people.values())
        if not rehearsal.ended:
            rehearsal.take(rehearsal.model.room(state="ended", ended_ms=ended_ms))
        facts = rehearsal.model.facts
        if not hall.ended:
            hall.take(hall.model.room(expected=facts.expected))
            hall.take([Change(kinds.REHEARSAL, kinds.Rehearsal(facts.epoch_ms, facts.ended_ms))])
            hall.seats.unseen.forget()  # they were at the rehearsal
            _bring(people, rehearsal, hall)
        self._tasks.start(self._wipe(rehearsal), name="end of a rehearsal")

    async def _wipe(self, rehearsal: Hall) -> None:
        await rehearsal.seats.close_doors()
        self._discard(rehearsal.room)


def rehearsed(facts: Room, now_ms: int) -> dict[str, Any]:
    """The facts of a room's rehearsal: its lobby opens at once."""
    new = msgspec.structs.replace(
        facts,
        state="lobby",
        start_ms=0,
        epoch_ms=now_ms,
        live_ms=0,
        locked=False,  # until those who are in the room have come over
        draw=None,
        tracks=[],
        picture=None,  # its file is the room's
        was_ms=0,
        cancelled_ms=0,
        cancelled_why="",
        rehearsal_of=facts.room,
    )
    return {name: value for name, value in msgspec.structs.asdict(new).items() if name != "room"}


def _carried(hall: Hall) -> Iterator[Change]:
    """What holds in a room's rehearsal too: the running order, and who may not come in."""
    if hall.record.evening.rules.id:
        yield Change(kinds.RULES, hall.record.evening.rules)
    if items := hall.record.evening.order.items:
        yield Change(kinds.ORDER, kinds.Order(list(items)), public=False)
    for who in hall.model.revoked:
        seat = hall.model.barred.get(who, kinds.Seat(who, "revoked"))
        yield Change(kinds.SEAT, seat, public=False)


def _bring(people: Iterable[Participant], source: Hall, target: Hall) -> None:
    """The same people, where they were; whoever may not come in there stays out."""
    for who in people:
        with contextlib.suppress(HustingsError):
            device = source.model.sits_at.get(who.id, "")
            target.seats.join(who.id, name=who.name, role=who.role, device=device)
            known = source.model.devices.get(who.id, set())
            target.model.devices[who.id] = target.model.devices.get(who.id, set()) | known
            there = target.model.people[who.id]
            if who.place == "stage":
                target.take(target.model.bring_on_stage(there))
            else:
                target.take(target.model.roster(there, "backstage", place="backstage"))
