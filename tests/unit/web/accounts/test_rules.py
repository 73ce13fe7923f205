"""Who may what, as docs/organiser.md promises it."""

from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from hustings.base.errors import UserError
from hustings.web.accounts.rules import (
    IN_ROOM,
    MAY,
    ON_STAGE,
    ROLES,
    ROOM_ROLES,
    Permission,
    may,
    may_in_room,
    role_from_form,
    room_role_from_form,
    stage_role,
)
from tests.fakes.tree import ROOT

PERMISSIONS = get_args(Permission)
IN_THE_HOUSE = {  # each role -> what it may everywhere, spelled out once more
    "owner": "people board hooks rooms lead erase moderate check",
    "staff": "board hooks rooms lead erase moderate check",
    "moderator": "moderate",
    "checker": "check",
    "host": "rooms lead",
    "member": "",
}
IN_ITS_ROOM = {"host": "rooms lead", "cohost": "rooms", "moderator": "moderate", "checker": "check"}
AS_WHOM = {  # in which order: house role alone, then with each role in the room
    "owner": "host host host host host",
    "staff": "host host host host host",
    "moderator": "moderator host cohost moderator moderator",
    "checker": "checker host cohost moderator checker",
    "host": "host host host host host",
    "member": "- host cohost moderator checker",
}


@pytest.mark.parametrize(("role", "permission"), [*product((*ROLES, "", "root"), PERMISSIONS)])
def test_each_role_of_the_house_may_that_and_no_more(role: str, permission: Permission) -> None:
    assert may(role, permission) == (permission in IN_THE_HOUSE.get(role, "").split())


@pytest.mark.parametrize(
    ("role", "permission"), [*product((*ROOM_ROLES, "", "owner", "speaker"), PERMISSIONS)]
)
def test_each_role_of_a_room_may_that_there_and_no_more(role: str, permission: Permission) -> None:
    assert may_in_room(role, permission) == (permission in IN_ITS_ROOM.get(role, "").split())


@pytest.mark.parametrize(("role", "place"), [*product(ROLES, range(5))])
def test_as_whom_somebody_comes_on_stage(role: str, place: int) -> None:
    there = ("", *ROOM_ROLES)[place]
    assert (stage_role(role, there) or "-") == AS_WHOM[role].split()[place]


def test_who_is_nobody_comes_on_no_stage() -> None:
    assert stage_role("", "") is None
    assert stage_role("root", "speaker") is None


def test_every_role_stands_in_the_table() -> None:
    assert set(MAY) == set(ROLES) == set(IN_THE_HOUSE)
    assert set(IN_ROOM) == set(ROOM_ROLES) == set(IN_ITS_ROOM) == {each for _, each in ON_STAGE}
    assert {each for granted in MAY.values() for each in granted} == set(PERMISSIONS)


def test_only_owners_decide_about_people() -> None:
    assert [role for role in ROLES if may(role, "people")] == ["owner"]


def test_nobody_may_more_than_an_owner_and_a_member_nothing() -> None:
    assert all(MAY[role] <= MAY["owner"] for role in ROLES)
    assert not MAY["member"]


def test_a_role_in_a_room_never_erases_nor_reaches_the_house() -> None:
    for role in IN_ROOM:
        assert not IN_ROOM[role] & {"erase", "people", "board", "hooks"}


@pytest.mark.parametrize("role", ["", "Owner", "root", "owner "])
def test_an_unknown_role_is_refused_in_forms(role: str) -> None:
    for read in (role_from_form, room_role_from_form):
        with pytest.raises(UserError) as refused:
            read(role)
        assert refused.value.code == "role_bad"


def test_the_organisers_page_says_the_same() -> None:
    page = Path(ROOT / "docs" / "organiser.md").read_text()
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("| ")
    ]
    head = next(row for row in rows if "people" in row)
    said = {
        row[0]: ({c for c, cell in zip(head, row, strict=True) if cell == "✓"}, row[-1])
        for row in rows
        if len(row) == len(head) and row != head
    }
    house = {r: (set(MAY[r]), stage_role(r, "") or "–") for r in ROLES}
    room = {f"*of one room:* {r}": (set(IN_ROOM[r]), stage_role("", r)) for r in ROOM_ROLES}
    assert said == house | room
