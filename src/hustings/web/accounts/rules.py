"""Who may what in this house: one table, pure. docs/organiser.md tells it to people.

A room's own roles (host, co-host, speaker ...) are the stage's and come with an invitation; these
here are about the house: its calendar, its board, its people.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from hustings.base.errors import UserError

Role = Literal["owner", "staff", "moderator", "checker", "host", "member"]
Permission = Literal["people", "board", "hooks", "rooms", "erase", "moderate", "check"]

ROLES: Final[tuple[Role, ...]] = get_args(Role)

MAY: Final[Mapping[str, frozenset[Permission]]] = {
    # people: invite, change roles, remove. board: how the house is doing. hooks: whom the house
    # tells what happens. rooms: plan and change rooms, invite to the stage. erase: take back sound for good. moderate, check: their desks.
    "owner": frozenset({"people", "board", "hooks", "rooms", "erase", "moderate", "check"}),
    "staff": frozenset({"board", "hooks", "rooms", "erase", "moderate", "check"}),
    "moderator": frozenset({"moderate"}),
    "checker": frozenset({"check"}),
    "host": frozenset({"rooms"}),
    "member": frozenset(),  # an account, and nothing that others see
}


RoomRole = Literal["cohost"]

IN_ROOM: Final[Mapping[str, frozenset[Permission]]] = {
    # what somebody may in one room, whatever their role in the house; never erase
    "cohost": frozenset({"rooms"}),
}


def may_in_room(role: str, permission: Permission) -> bool:
    """Whether somebody with this role in a room may do that there; "": they have none."""
    return permission in IN_ROOM.get(role, frozenset())


def may(role: str, permission: Permission) -> bool:
    """Whether somebody with this role may do that; an unknown role may nothing."""
    return permission in MAY.get(role, frozenset())


def role_from_form(text: str) -> Role:
    """Accept a role's name, or raise `role_bad`."""
    for role in ROLES:
        if role == text:
            return role
    raise UserError("role_bad", "There is no such role in this house.", field="role")
