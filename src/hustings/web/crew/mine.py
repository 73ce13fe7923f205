"""Somebody's own rooms, as their page lists them; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from hustings.web.accounts.rules import may, may_in_room, stage_role
from hustings.web.crew.model import Place
from hustings.web.rooms.model import PlannedRoom


@dataclass(frozen=True)
class Own:
    """One room, and what its person may there."""

    planned: PlannedRoom
    role: str  # on the stage
    edits: bool


@dataclass(frozen=True)
class Mine:
    """All of them."""

    coming: Sequence[Own]  # on or to come, soonest first
    tracks: Sequence[PlannedRoom]  # that are over, and in which their own voice is kept
    next: str = ""  # cursor of the next page of all rooms; "": there is none

    def with_all(
        self,
        live: Iterable[PlannedRoom],
        coming: Iterable[PlannedRoom],
        role: str,
        following: str,
        *,
        later: bool,
    ) -> "Mine":
        """And every room of the house, where a role in the house leads to every stage.

        later: it is not the first page, which had the rooms of their own.
        """
        known = {own.planned.room for own in self.coming}
        more = [
            Own(planned, role, edits=role in {"host", "cohost"})
            for planned in (*live, *coming)
            if planned.room not in known
        ]
        if later:
            return Mine(_ordered(more), [], following)
        return replace(self, coming=_ordered([*self.coming, *more]), next=following)


def shown(places: Iterable[Place], role: str) -> tuple[list[Own], list[PlannedRoom]]:
    """What of somebody's places is listed. role: theirs in the house."""
    coming: list[Own] = []
    tracks: list[PlannedRoom] = []
    for place in places:
        facts = place.planned.facts
        if place.planned.state == "ended":
            if facts is not None and place.seat in facts.tracks and not facts.deleted:
                tracks.append(place.planned)
        elif there := stage_role(role, place.role):
            edits = may(role, "rooms") or may_in_room(place.role, "rooms")
            coming.append(Own(place.planned, there, edits))
    return _ordered(coming), tracks


def _ordered(rooms: Iterable[Own]) -> list[Own]:
    """What is on first, then what comes soonest."""
    on = {"live": 0, "lobby": 1}
    return sorted(
        rooms,
        key=lambda own: (on.get(own.planned.state, 2), own.planned.sort_ms, own.planned.room),
    )
