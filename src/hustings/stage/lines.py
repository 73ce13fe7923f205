"""What a room says of itself to those who follow all rooms: edges and the operator's board. Pure."""

from typing import TYPE_CHECKING, Any

import msgspec

from hustings.wire.kinds import Room

if TYPE_CHECKING:
    from hustings.stage.hall.hall import Hall


def index_line(hall: "Hall", *, wall_ms: int) -> dict[str, Any]:
    """The room's line in `GET /feed`."""
    return line_of(
        hall.model.told, head=hall.journal.size, media_time=hall.media_time, wall_ms=wall_ms
    )


def line_of(facts: Room, *, head: int, media_time: int, wall_ms: int) -> dict[str, Any]:
    """The same of a room that is not open. head: entries of its journal."""
    return {
        "room": facts.room,
        "title": facts.title,
        "state": facts.state,
        "start_ms": facts.start_ms,
        "epoch_ms": facts.epoch_ms,
        "head": head,
        "media_time": media_time,
        "wall_ms": wall_ms,
        "facts": msgspec.to_builtins(facts),
    }


def board_line(hall: "Hall", *, now_s: float) -> dict[str, Any]:
    """The room as operators watch it."""
    facts = hall.model.facts
    return {
        "room": hall.room,
        "title": facts.title,
        "language": facts.language,
        "state": facts.state,
        "on_stage": len(hall.model.on_stage),
        "hands_up": hall.gallery.hands_up,
        **msgspec.structs.asdict(hall.gallery.audience.reach(now_s)),
    }
