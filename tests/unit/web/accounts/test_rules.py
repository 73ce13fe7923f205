"""Who may what, as docs/organiser.md promises it."""

from pathlib import Path
from typing import get_args

import pytest

from hustings.base.errors import UserError
from hustings.web.accounts.rules import (
    IN_ROOM,
    MAY,
    ROLES,
    Permission,
    may,
    may_in_room,
    role_from_form,
)
from tests.fakes.tree import ROOT

PERMISSIONS = get_args(Permission)


def test_every_role_stands_in_the_table() -> None:
    assert set(MAY) == set(ROLES)
    assert {each for granted in MAY.values() for each in granted} == set(PERMISSIONS)


def test_only_owners_decide_about_people() -> None:
    assert [role for role in ROLES if may(role, "people")] == ["owner"]


def test_nobody_may_more_than_an_owner_and_a_member_nothing() -> None:
    assert all(MAY[role] <= MAY["owner"] for role in ROLES)
    assert not MAY["member"]


def test_a_session_of_before_may_what_it_could() -> None:
    assert {"rooms", "board", "erase"} <= MAY["staff"]
    assert "people" not in MAY["staff"]


@pytest.mark.parametrize("role", ["", "Owner", "root", "owner "])
def test_an_unknown_role_may_nothing_and_is_refused_in_forms(role: str) -> None:
    assert not any(may(role, each) for each in PERMISSIONS)
    with pytest.raises(UserError) as refused:
        role_from_form(role)
    assert refused.value.code == "role_bad"


def test_the_organisers_page_says_the_same() -> None:
    page = Path(ROOT / "docs" / "organiser.md").read_text()
    rows = [line.split("|")[1:-1] for line in page.splitlines() if line.startswith("| ")]
    head = next(row for row in rows if "people" in [cell.strip() for cell in row])
    columns = [cell.strip() for cell in head]
    said = {
        row[0].strip().lower(): {
            c for c, cell in zip(columns[1:], row[1:], strict=True) if cell.strip() == "✓"
        }
        for row in rows
        if row[0].strip().lower() in ROLES and len(row) == len(columns)
    }
    assert said == {role: set(granted) for role, granted in MAY.items()}


def test_a_role_in_a_room_opens_that_room_and_never_erases() -> None:
    assert may_in_room("cohost", "rooms")
    assert not any(may_in_room(role, "erase") for role in (*IN_ROOM, ""))
    assert not any(may_in_room("", each) or may_in_room("owner", each) for each in PERMISSIONS)
