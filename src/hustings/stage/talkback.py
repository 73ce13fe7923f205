"""Private talk-back: a host and one person backstage, heard by each other and nobody else. Pure.

Keeps true: what is said in private never goes on air, not even by accident. A talk is over when
the host ends it, and then they are where they were; when it ends by anything else (the guest goes
on stage, loses the line or leaves, the stage starts anew), a host on stage comes out of it muted.
`stage.commands` calls `begin` and `end`; `stage.hall` asks `over` after each change of the roster.
"""

from hustings.base.errors import UserError
from hustings.stage.room import HOSTS, Change, RoomModel
from hustings.wire import kinds
from hustings.wire.kinds import Participant, Talk


def begin(room: RoomModel, host: Participant, guest: Participant) -> list[Change]:
    """From now on these two hear each other in private; UserError `talk_who` if they cannot."""
    if room.talks.get(host.id) == guest.id:
        return []
    taken = guest.id in room.talks or guest.id in room.talks.values()
    if guest.id == host.id or taken or not _can(guest) or host.id in room.talks.values():
        raise UserError(
            "talk_who", "One talks in private with one person who is backstage and connected."
        )
    return [*end(room, host), Change(kinds.TALK, Talk(host.id, guest.id), public=False)]


def end(room: RoomModel, host: Participant) -> list[Change]:
    """The host speaks to all again."""
    return [Change(kinds.TALK, Talk(host.id), public=False)] if host.id in room.talks else []


def over(room: RoomModel) -> list[Change]:
    """Talks that cannot go on; a host on stage is muted, so that no word of it is aired."""
    changes: list[Change] = []
    for host_id, guest_id in room.talks.items():
        host, guest = room.people.get(host_id), room.people.get(guest_id)
        if host is not None and host.role in HOSTS and guest is not None and _can(guest):
            continue
        if host is not None and host.place == "stage":
            changes += room.roster(host, "muted", muted=True)
        changes.append(Change(kinds.TALK, Talk(host_id), public=False))
    return changes


def _can(guest: Participant) -> bool:
    return guest.place == "backstage" and guest.connected
