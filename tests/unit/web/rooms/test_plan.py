"""A room as its hosts see it: when is it another one?"""

from typing import Any, get_args

import msgspec
import pytest

from hustings.base.errors import UserError
from hustings.base.ids import RoomId
from hustings.web.outbox.model import Backlog
from hustings.web.rooms.model import PlannedRoom, Wish, fields_of
from hustings.web.rooms.plan import Part, Plan, changed, differing
from hustings.wire.kinds import Room, RoomState

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
    for other, now in CHANGED.items():
        if other != part:
            now.expect(seen, part)
            continue
        with pytest.raises(UserError) as refused:
            now.expect(seen, part)
        assert (refused.value.code, refused.value.facts["status"]) == ("room_changed", 412)
        now.expect("", part)  # an old page says nothing


def on_stage(state: RoomState, wish: Wish | None = None, **more: Any) -> Plan:
    wish = wish or Wish("Hall", delay_s=3)
    facts = Room("hall", wish.title, host=wish.host, state=state, **{"delay_s": 3} | more)
    planned = PlannedRoom(RoomId("hall"), wish, made_here=True, created_ms=1, facts=facts)
    return Plan(planned, Backlog())


@pytest.mark.parametrize("opened", ["lobby", "live"])
@pytest.mark.parametrize("saved", ["live", "ended"])
def test_a_delay_that_hosts_set_on_the_stage_is_no_conflict(
    opened: RoomState, saved: RoomState
) -> None:
    seen = on_stage(opened).seen("wish")
    on_stage(saved, delay_s=5).expect(seen, "wish")
    others = (on_stage(saved, Wish("Hall", host="Ada", delay_s=3)), on_stage(saved, keep_days=3))
    for other in others:  # what the form does change is
        with pytest.raises(UserError):
            other.expect(seen, "wish")


def test_before_the_start_a_delay_is_part_of_the_form() -> None:
    with pytest.raises(UserError):
        on_stage("lobby", delay_s=5).expect(on_stage("lobby").seen("wish"), "wish")


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


@pytest.mark.parametrize("alone", [True, False])
def test_who_edits_one_room_alone_does_not_say_whether_the_houses_rules_hold(alone: bool) -> None:
    hall = Wish("Hall", own_rules="Sing.", rules_alone=alone)
    typed = fields_of(hall) | {"own_rules": "Shout.", "rules_alone": "" if alone else "on"}
    theirs = changed(plan(hall), typed, guest=True)
    assert (theirs.own_rules, theirs.rules_alone) == ("Shout.", alone)
    assert changed(plan(hall), typed).rules_alone is not alone
