"""The hosts' panic button: the stage is theirs alone, at once, until they open it again. Pure.

Keeps true: nothing is lost by it. Who was on stage, the lock and the queue of hands are as before
after `calm`, but for the microphones: nobody's is opened by somebody else, so those who come back
unmute themselves. `stage.commands` calls both acts.
"""

from hustings.base.errors import Denied
from hustings.stage.room import HOSTS, Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Panic, Participant, Seat


def panic(room: RoomModel, by: Participant) -> list[Change]:
    """Everybody but hosts muted and off stage, nobody asked, hands closed, the room locked."""
    if room.panic is not None:
        return []
    facts = room.facts
    before = Panic(
        on=True,
        by=by.id,
        stage=[who.id for who in room.on_stage if who.role not in HOSTS],
        locked=facts.locked,
        hands_closed=facts.hands_closed,
    )
    changes = [Change(kinds.PANIC, before, public=False)]
    for who in room.people.values():
        if who.role not in HOSTS:
            changes += room.roster(who, "backstage", by=by.id, place="backstage", muted=True)
    for who_id in sorted(room.asked):
        changes.append(Change(kinds.SEAT, Seat(who_id, "settled", by.id), public=False))
    return changes + room.room(locked=True, hands_closed=True)


def calm(room: RoomModel, by: Participant) -> list[Change]:
    """As it was before the panic, as far as those people are still there and there are seats."""
    if (before := room.panic) is None:
        return []
    changes = [Change(kinds.PANIC, Panic(on=False, by=by.id), public=False)]
    free = room.seats - len(room.on_stage)
    back = [room.people[who] for who in before.stage if who in room.people]
    for who in [who for who in back if who.place != "stage"][: max(0, free)]:
        changes += room.roster(who, "on_stage", by=by.id, place="stage")
    return changes + room.room(locked=before.locked, hands_closed=before.hands_closed)


def allowed(room: RoomModel, who: Participant) -> None:
    """Denied `panic` while the stage is the hosts' alone and `who` is none of them."""
    if room.panic is not None and who.role not in HOSTS:
        raise Denied("panic", "The hosts have cleared the stage. Wait until they open it again.")
