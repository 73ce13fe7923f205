"""A room as its hosts see it: when is it another one?"""

from typing import get_args

import msgspec
import pytest

from hustings.base.errors import UserError
from hustings.base.ids import RoomId
from hustings.web.outbox.model import Backlog
from hustings.web.rooms.model import PlannedRoom, Wish
from hustings.web.rooms.plan import Part, Plan, differing

PICTURE = {"hash": "a" * 8, "alt": "The bridge"}
GERMAN = {"title": "Saal", "description": ""}
ARABIC = {"title": "القاعة", "description": ""}


def version(**wanted: object) -> str:
    hall = PlannedRoom(RoomId("hall"), Wish("Hall"), made_here=True, created_ms=1)
    return Plan(hall, Backlog(waiting=1, wanted=wanted)).version


def test_a_room_with_another_picture_or_other_words_is_another_version() -> None:
    seen = [
        version(),
        version(picture=PICTURE),
        version(picture=PICTURE | {"alt": "The old bridge"}),
        version(texts={"de": GERMAN}),
        version(texts={"ar": GERMAN}),
        version(texts={"de": GERMAN, "ar": ARABIC}),
    ]
    assert len(set(seen)) == len(seen)
    assert version(picture=None, texts={}) == version()
    assert version(texts={"ar": ARABIC, "de": GERMAN}) == seen[-1]  # in whatever order they came


def plan(wish: Wish | None = None, **wanted: object) -> Plan:
    hall = PlannedRoom(RoomId("hall"), wish or Wish("Hall"), made_here=True, created_ms=1)
    return Plan(hall, Backlog(waiting=1, wanted=wanted))


CHANGED: dict[Part, Plan] = {
    "wish": plan(Wish("Hall", host="Ada")),
    "texts": plan(texts={"de": GERMAN}),
    "picture": plan(picture=PICTURE),
}


@pytest.mark.parametrize("part", get_args(Part))
def test_each_form_meets_changes_of_its_own_part_alone(part: Part) -> None:
    seen = plan().seen(part)
    for changed, now in CHANGED.items():
        if changed != part:
            now.expect(seen, part)
            continue
        with pytest.raises(UserError) as refused:
            now.expect(seen, part)
        assert (refused.value.code, refused.value.facts["status"]) == ("room_changed", 412)
        now.expect("", part)  # an old page says nothing


@pytest.mark.parametrize("part", get_args(Part))
def test_a_program_meets_changes_of_every_part(part: Part) -> None:
    with pytest.raises(UserError):
        CHANGED[part].expect(plan().version)
    plan().expect(plan().version)


def test_what_another_host_saved_is_told_field_by_field() -> None:
    saved, wanted = Wish("Hall", host="Ada", radio=True), Wish("Hall", host="Bo", keep_days=3)
    assert differing(saved, wanted) == [("host", "Ada"), ("radio", True), ("keep_days", None)]
    for name in Wish.__struct_fields__:
        other = msgspec.structs.replace(saved, **{name: "another"})
        assert [field for field, _ in differing(saved, other)] == [name]
