"""Who may what in this house: one table, pure. docs/organiser.md tells it to people.

A role of the house holds everywhere, a role in one room in that room alone; who has both may what
either of them allows. What somebody may in a room also says as whom they come on its stage. Who has
no account comes there by an invitation, which has a role of its own.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from hustings.base.errors import UserError

Role = Literal["owner", "staff", "moderator", "checker", "host", "member"]
Permission = Literal["people", "board", "hooks", "rooms", "lead", "erase", "moderate", "check"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAY: Final[Mapping[str, frozenset[Permission]]] = {
    # people: invite, change roles, remove. board: how the house is doing. hooks: whom the house
    # tells what happens. rooms: plan and change rooms, invite to the stage. lead: run the evening,
    # and decide who helps, who else leads, how long the recording stays, and whether the house's
    # rules hold. erase: take back sound for good. moderate, check: backstage as that.
    "owner": frozenset({"people", "board", "hooks", "rooms", "lead", "erase", "moderate", "check"}),
    "staff": frozenset({"board", "hooks", "rooms", "lead", "erase", "moderate", "check"}),
    "moderator": frozenset({"moderate"}),
    "checker": frozenset({"check"}),
    "host": frozenset({"rooms", "lead"}),
    "member": frozenset(),  # an account, and nothing that others see
}


RoomRole = Literal["host", "cohost", "moderator", "checker"]

IN_ROOM: Final[Mapping[str, frozenset[Permission]]] = {
    # what somebody may in one room, whatever their role in the house; never erase
    "host": frozenset({"rooms", "lead"}),
    "cohost": frozenset({"rooms"}),
    "moderator": frozenset({"moderate"}),
    "checker": frozenset({"check"}),
}
ROOM_ROLES: Final[tuple[RoomRole, ...]] = get_args(RoomRole)

ON_STAGE: Final[tuple[tuple[Permission, RoomRole], ...]] = (
    # as whom they come on the stage of a room: the first of these that they may there
    ("lead", "host"),
    ("rooms", "cohost"),
    ("moderate", "moderator"),
    ("check", "checker"),
)


def may_in_room(role: str, permission: Permission) -> bool:
    """Whether somebody with this role in a room may do that there; "": they have none."""
    return permission in IN_ROOM.get(role, frozenset())


def stage_role(role: str, in_room: str) -> RoomRole | None:
    """As whom somebody with this role in the house, and that one in the room, comes on its stage."""
    for permission, there in ON_STAGE:
        if may(role, permission) or may_in_room(in_room, permission):
            return there
    return None


def may(role: str, permission: Permission) -> bool:
    """Whether somebody with this role may do that; an unknown role may nothing."""
    return permission in MAY.get(role, frozenset())


def role_from_form(text: str) -> Role:
    """Accept a role's name, or raise `role_bad`."""
    for role in ROLES:
        if role == text:
            return role
    raise UserError("role_bad", "There is no such role in this house.", field="role")


def room_role_from_form(text: str) -> RoomRole:
    """Accept the name of a role in a room, or raise `role_bad`."""
    for role in ROOM_ROLES:
        if role == text:
            return role
    raise UserError("role_bad", "There is no such role in a room.", field="role")
