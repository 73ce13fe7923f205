"""Who helps with which room, and where they sit on its stage: frozen values; pure."""

from dataclasses import dataclass

from hustings.web.rooms.model import PlannedRoom


@dataclass(frozen=True)
class Member:
    """Somebody with a role in one room."""

    account: str
    name: str
    role: str


@dataclass(frozen=True)
class Duty:
    """A room in which somebody has a role."""

    room: str
    title: str
    role: str
    made_ms: int


@dataclass(frozen=True)
class Seat:
    """Somebody's place on the stage of a room, as they came there from their account."""

    room: str
    account: str
    seat: str  # participant id
    role: str  # on the stage
    made_ms: int


@dataclass(frozen=True)
class Place:
    """A room with what somebody has there: a role, a seat, or both."""

    planned: PlannedRoom
    role: str  # in the room; "": none
    seat: str  # on its stage; "": they were never there
