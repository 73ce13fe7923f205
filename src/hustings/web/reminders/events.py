"""A room as reminders see it: what decides when, and what is said; pure."""

from hustings.base.ids import RoomId
from hustings.web.reminders.model import Evening
from hustings.web.reminders.words import Event
from hustings.web.rooms.model import PlannedRoom
from hustings.wire.kinds import Room
from hustings.wire.links import Links
from hustings.wire.pictures import guest_url, only_guest, picture_url


def evening_of(planned: PlannedRoom) -> Evening:
    """What decides who is told what."""
    if planned.facts:
        return evening_as_said(planned.facts)
    return Evening(planned.room, planned.state, planned.start_ms, False, 0, 0)


def evening_as_said(facts: Room) -> Evening:
    """The same of what the stage says."""
    return Evening(
        room=RoomId(facts.room),
        state=facts.state,
        start_ms=facts.start_ms,
        is_off=facts.cancelled_ms > 0,
        revision=facts.revision,
        moved_ms=facts.moved_ms or facts.revised_ms,  # 0: said before there was such a time
        is_gone=facts.deleted is not None,
        lobby_ms=60_000 * _lobby_min(facts),
    )


def event_of(planned: PlannedRoom, links: Links, language: str) -> Event:
    """What readers of a language are told. links: of the settings alone, since it goes into letters."""
    facts = planned.facts
    return Event(
        room=planned.room,
        title=planned.words(language)[0],
        host=(facts or planned.wish).host,
        start_ms=planned.start_ms,
        why=facts.cancelled_why if facts else "",
        page=links.listen(planned.room),
        icon=_icon(links.edge, facts) if facts else "",
        house=links.web,
        lobby_min=_lobby_min(facts),
    )


def _lobby_min(facts: Room | None) -> int:
    return (facts.lobby_min if facts else None) or 0


def _icon(edge: str, room: Room) -> str:
    """The only guest with a picture, who agreed to it; else the room's picture. One rule for all."""
    guest = only_guest(room)
    return guest_url(edge, room.room, guest) if guest else picture_url(edge, room)
