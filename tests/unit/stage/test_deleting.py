"""When a recording's time is over: by dates, and however somebody sets the clock."""

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from hustings.base.clock import ManualClock
from hustings.base.ids import RoomId
from hustings.base.tasks import Tasks
from hustings.stage.deleting import (
    HOLD_S,
    LOOK_S,
    Deletions,
    Patience,
    not_kept,
    over_ms,
    overdue,
    remains,
)
from hustings.wire.kinds import Deleted, Draw, Erased, Room
from tests.fakes.journals import KEY

DAY_MS = 86_400_000
ENDED_MS = 1_800_000_000_000
ROOM = RoomId("r")


def line(keep_days: int | None, **facts: object) -> dict[str, object]:
    known = {"ended_ms": ENDED_MS, "epoch_ms": ENDED_MS - 7_200_000, "state": "ended"} | facts
    room = Room("r", "R", keep_days=keep_days, **known)  # type: ignore[arg-type]
    return {"room": "r", "media_time": 7_200 * 48_000, "facts": msgspec.to_builtins(room)}


def test_a_time_is_over_after_so_many_days_and_for_ever_is_never() -> None:
    assert overdue([line(3)], ENDED_MS + 3 * DAY_MS - 1) == set()
    assert overdue([line(3)], ENDED_MS + 3 * DAY_MS) == {ROOM}
    assert overdue([line(None)], ENDED_MS + 99_999 * DAY_MS) == set()
    assert overdue([line(0)], ENDED_MS) == {ROOM}


def test_what_is_deleted_or_has_not_ended_is_not_due() -> None:
    assert overdue([line(1, deleted=Deleted(1))], ENDED_MS + 9 * DAY_MS) == set()
    assert overdue([line(1, state="live")], ENDED_MS + 9 * DAY_MS) == set()


def test_only_a_room_that_asks_for_it_is_not_kept() -> None:
    assert not_kept(line(0))
    assert not any(not_kept(each) for each in (line(None), line(1), line(0, deleted=Deleted(1))))


@given(st.integers(0, 36_500), st.integers(-10_000, 200_000))
def test_days_are_counted_from_the_end(days: int, passed: int) -> None:
    due = overdue([line(days)], ENDED_MS + passed * DAY_MS)
    assert bool(due) is (passed >= days)


def test_a_clock_that_stood_at_1970_at_the_end_makes_nothing_old() -> None:
    """The other times of the record say when it was: its beginning, and how long it went on."""
    wrong = line(1, ended_ms=5_000)
    assert over_ms(wrong) == ENDED_MS
    assert overdue([wrong], ENDED_MS + DAY_MS - 1) == set()
    assert over_ms(line(1, ended_ms=0, epoch_ms=0, start_ms=ENDED_MS)) == ENDED_MS


def test_a_time_has_to_be_over_for_an_hour_at_every_look() -> None:
    patience = Patience()
    looks = int(HOLD_S // LOOK_S)
    for turn in range(looks):
        assert patience.held({ROOM}, 5.0 + turn * LOOK_S) == set()
    assert patience.held({ROOM}, 5.0 + HOLD_S) == {ROOM}


def test_a_clock_that_jumps_for_a_moment_deletes_nothing() -> None:
    patience = Patience()
    for turn in range(200):  # ahead for 59 minutes of each hour
        due = {ROOM} if turn % 60 else set()
        assert patience.held(due, turn * LOOK_S) == set()


@given(st.lists(st.booleans(), max_size=200))
def test_whoever_is_let_go_was_due_for_an_hour_on_end(looks: list[bool]) -> None:
    patience, since = Patience(), None
    for turn, due in enumerate(looks):
        now_s = turn * LOOK_S
        since = (now_s if since is None else since) if due else None
        held = patience.held({ROOM} if due else set(), now_s)
        assert bool(held) is (since is not None and now_s - since >= HOLD_S)


def test_what_stays_of_a_room_is_its_name_and_its_times() -> None:
    facts = Room(
        "r", "A title", "ended", "About", "de", "Ada", 1, 2, 3, 4, locked=True, topics=["t"],
        radio=True, notice="n", draw=Draw("c", "s"), erased=[Erased(1, 2, 3, "why")], delay_s=3,
        expected=9, keep_days=0,
    )  # fmt: skip
    left = msgspec.to_builtins(remains(facts, Deleted(5, "host", "because")))
    assert left == {
        "room": "r",
        "title": "A title",
        "state": "ended",
        "language": "de",
        "start_ms": 1,
        "epoch_ms": 2,
        "live_ms": 3,
        "ended_ms": 4,
        "deleted": {"at_ms": 5, "reason": "because"},
    }


async def test_of_rooms_that_were_deleted_before_nothing_is_read(tmp_path: Path) -> None:
    """What would not convert proves that it was not tried."""
    facts = {"room": "b", "title": "B", "state": "ended"}
    deleted = {"at_ms": 2_000, "by": "host", "reason": "so"}
    past = {
        RoomId("a"): {"room": "a", "facts": {"deleted": {"at_ms": 1_999}}},
        RoomId("b"): {"room": "b", "facts": facts | {"deleted": deleted}},
        RoomId("c"): {"room": "c", "facts": facts | {"room": "c"}},
    }
    deletions = Deletions(
        tmp_path, KEY, ManualClock(), Tasks(), past, past_file="ended.json", tell=lambda line: None
    )
    assert [each.room for each in deletions.facts(since_ms=2_000)] == ["b"]
