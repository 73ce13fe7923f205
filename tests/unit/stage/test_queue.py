"""A room's queue at the stage: sums, promises, and a number that only grows."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.queue import GRACE_S, RoomQueue, drawn
from hustings.wire.kinds import Draw, Room
from hustings.wire.places import commitment, seed_of
from hustings.wire.queues import Said

NOW = 1_800_000_000
MASTER = b"m" * 32
OPEN = Draw("c", "00" * 32, NOW - 50)


def test_many_edges_are_one_queue() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 10: 3}, free=1, pace=10), NOW)
    queue.hear("b", Said({NOW - 10: 2, NOW - 9: 5}, free=2, pace=10), NOW)
    line = queue.step(NOW, OPEN)
    assert line is not None
    assert line["waiting"] == 7  # ten came, three are called
    assert line["serving"] == pytest.approx(NOW - 10 + 3 / 5)
    assert line["coming"] == 3
    assert line["spans"] == [(NOW - 10, NOW - 9, 5), (NOW - 9, NOW - 8, 5)]


def test_a_seat_is_promised_once() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 10: 10}, free=2, pace=10), NOW)
    queue.step(NOW, OPEN)
    serving = queue.serving
    queue.hear("a", Said(free=2, pace=10), NOW + 1)  # the same two, not taken yet
    queue.step(NOW + 1, OPEN)
    assert queue.serving == serving
    queue.hear("a", Said(free=1, pace=10, came=2), NOW + 2)  # they came, and another seat fell free
    queue.step(NOW + 2, OPEN)
    assert queue.serving == pytest.approx(serving + 0.1)


def test_a_seat_that_nobody_takes_is_promised_again() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 20: 10}, free=1, pace=10), NOW)
    queue.step(NOW, OPEN)
    serving = queue.serving
    after = NOW + GRACE_S + 1
    queue.hear("a", Said(free=1, pace=10), after)
    queue.step(after, OPEN)  # notices
    queue.hear("a", Said(free=1, pace=10), after + 1)
    queue.step(after + 1, OPEN)
    assert queue.serving > serving
    assert queue.shows < 1  # and more are called from now on


def test_no_more_are_called_than_edges_can_let_in_a_second() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 10: 1_000}, free=900, pace=20), NOW)
    queue.step(NOW, OPEN)
    assert queue.coming <= 40  # at most two seconds of it at once


def test_an_edge_that_is_silent_has_no_seats() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 10: 10}, free=5, pace=10), NOW)
    queue.step(NOW + 6, OPEN)
    assert queue.coming == 0


def test_who_came_a_moment_ago_is_not_called_before_their_second_is_whole() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 1: 10}, free=50, pace=100), NOW)
    queue.step(NOW, OPEN)
    assert queue.serving <= NOW - 2


def test_before_the_doors_open_nobody_is_called() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({0: 4, NOW - 10: 10}, free=50, pace=100), NOW)
    line = queue.step(NOW, Draw("c"))
    assert line is not None
    assert (line["serving"], line["waiting"]) == (0, 14)
    queue.hear("a", Said(free=50, pace=100), NOW + 1)
    queue.step(NOW + 1, Draw("c", "00" * 32, NOW))
    assert NOW - 1 <= queue.serving <= NOW  # all of them stand in the last second before


def test_an_edge_that_reports_late_what_came_before_the_doors_is_counted() -> None:
    queue = RoomQueue("r")
    queue.hear("a", Said({NOW - 9: 100}, free=0), NOW)
    queue.step(NOW, Draw("c", "00" * 32, NOW))
    queue.hear("b", Said({NOW - 9: 7, 0: 3}, free=0), NOW + 1)
    queue.step(NOW + 1, Draw("c", "00" * 32, NOW))
    assert queue.waiting == 110


def test_the_rate_is_what_comes_of_late() -> None:
    queue = RoomQueue("r")
    for second in range(60):
        at_s = NOW + second
        queue.hear("a", Said({NOW - 10: 10_000}, free=5, pace=10, came=5 if second else 0), at_s)
        queue.step(at_s, OPEN)
    assert queue.rate == pytest.approx(5, rel=0.1)


def test_a_room_without_a_queue_says_nothing() -> None:
    queue = RoomQueue("r")
    assert queue.step(NOW, OPEN) is None
    queue.hear("a", Said({NOW: 1}, free=5, pace=10), NOW)
    assert queue.step(NOW + 1, OPEN) is not None
    queue.hear("a", Said(free=5, pace=10, came=1), NOW + 1)
    lines = [queue.step(NOW + n, OPEN) for n in range(2, 30)]
    assert lines[0] is not None
    assert lines[-1] is None


def test_tables_are_bounded() -> None:
    queue = RoomQueue("r")
    for edge in range(20):
        arrived = {NOW + 500 * edge + n: 1 for n in range(500)}
        queue.hear(str(edge), Said(arrived), NOW)
    queue.step(NOW, OPEN)
    assert queue.waiting == 7_200
    assert len(queue.line()["spans"]) <= 80


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.dictionaries(st.integers(NOW - 40, NOW + 40), st.integers(0, 50), max_size=5),
            st.integers(0, 30),
            st.integers(0, 30),
            st.floats(0, NOW + 100),
        ),
        max_size=40,
    )
)
def test_whatever_edges_say_the_number_only_grows(words) -> None:
    queue, before = RoomQueue("r"), 0.0
    for passed, (edge, arrived, free, came, serving) in enumerate(words):
        said = Said(arrived, free, 10.0, came, serving)
        queue.hear(edge, said, NOW + passed)
        queue.hear(edge, msgspec.structs.replace(said, came=0), NOW + passed)  # comes twice
        queue.step(NOW + passed, OPEN)
        assert queue.serving >= before
        assert queue.serving <= max(before, NOW + passed)
        assert queue.waiting >= 0
        before = queue.serving


def test_the_commitment_is_there_before_and_the_seed_when_the_doors_open() -> None:
    room = drawn(Room("r", "R"), MASTER, 0, doors="lobby")
    assert room.draw == Draw(commitment(seed_of(MASTER, "r")))
    lobby = msgspec.structs.replace(room, state="lobby", epoch_ms=NOW * 1_000)
    opened = drawn(lobby, MASTER, 48_000, doors="lobby").draw
    assert opened == Draw(room.draw.commit, seed_of(MASTER, "r").hex(), NOW + 1)
    assert drawn(lobby, MASTER, 48_000, doors="live").draw == room.draw
    live = msgspec.structs.replace(lobby, state="live")
    assert drawn(live, MASTER, 96_000, doors="live").draw.doors_s == NOW + 2


def test_a_rooms_own_word_on_its_doors_goes_before_the_houses() -> None:
    for own, house, opens in (("live", "lobby", False), ("lobby", "live", True)):
        lobby = Room("r", "R", "lobby", epoch_ms=NOW * 1_000, doors=own)  # type: ignore[arg-type]
        made = drawn(lobby, MASTER, 48_000, doors=house).draw
        assert made is not None
        assert bool(made.seed and made.doors_s) == opens


def test_doors_open_once() -> None:
    lobby = Room("r", "R", state="lobby", epoch_ms=NOW * 1_000)
    first = drawn(lobby, MASTER, 48_000, doors="lobby")
    live = msgspec.structs.replace(first, state="live")
    assert drawn(live, MASTER, 9_600_000, doors="lobby").draw == first.draw
