"""How long a recording stays: its hosts' choice until the end, and after it only ever longer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.errors import UserError
from hustings.stage.room import RoomModel
from hustings.wire.kinds import KEEP_DAYS, Room, keeps_shorter

DAYS = st.none() | st.integers(0, KEEP_DAYS)


def put(state: str, before: int | None, after: int | None) -> int | None:
    room = RoomModel(Room("r", "R", state, keep_days=before))  # type: ignore[arg-type]
    for change in room.put({"title": "New", "keep_days": after}, now_ms=1):
        room.fold(change.body)
    assert room.facts.title == "New"
    return room.facts.keep_days


@given(st.sampled_from(["scheduled", "lobby", "live"]), DAYS, DAYS)
def test_until_the_end_its_hosts_choose(state: str, before: int | None, after: int | None) -> None:
    assert put(state, before, after) == after


@pytest.mark.parametrize(
    ("before", "after"), [(None, 0), (None, KEEP_DAYS), (30, 0), (30, 29), (1, 0)]
)
def test_after_the_end_nothing_that_is_put_lets_it_go_sooner(
    before: int | None, after: int | None
) -> None:
    with pytest.raises(UserError) as caught:
        put("ended", before, after)
    assert caught.value.code == "keep_days_shorter"


@pytest.mark.parametrize(
    ("before", "after"), [(None, None), (0, 0), (0, 1), (30, 30), (30, 31), (30, None), (0, None)]
)
def test_after_the_end_it_may_stay_longer(before: int | None, after: int | None) -> None:
    assert put("ended", before, after) == after


@given(DAYS, DAYS)
def test_of_two_choices_one_at_most_is_shorter(one: int | None, other: int | None) -> None:
    assert keeps_shorter(one, than=other) + keeps_shorter(other, than=one) == (one != other)
