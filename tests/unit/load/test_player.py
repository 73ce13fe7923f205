"""The buffer model: silence and loss of one listener, in virtual time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.load.crowd.player import START_S, TARGET_S, Player
from hustings.wire.names import PART_SECONDS


def playing(first=100, now_s=0.0):
    player = Player()
    player.took(first, 1, now_s)
    player.took(first + 1, 1, now_s)
    return player


def steady(player, count, *, now_s=0.0, joined=1):
    """Parts as a live edge sends them: each at its end."""
    for _ in range(count):
        now_s += joined * PART_SECONDS
        player.took(player.next, joined, now_s)
    return now_s


def test_it_begins_when_enough_has_come():
    player = Player()
    player.took(5, 1, 1.0)
    assert player.started_s is None
    player.took(6, 1, 1.3)
    assert player.started_s == 1.3
    assert player.dry_s == pytest.approx(1.3 + 2 * PART_SECONDS)
    assert 2 * PART_SECONDS >= START_S


def test_parts_in_time_are_heard_without_a_pause():
    player = playing()
    steady(player, 1_000)
    assert (player.lost, player.silence_s, player.stalls, player.parts) == (0, 0, 0, 1_002)


def test_a_part_that_comes_after_the_buffer_is_waited_for():
    player = playing()
    player.took(102, 1, 2 * PART_SECONDS + 0.5)
    assert player.silence_s == pytest.approx(0.5)
    assert player.stalls == 1
    assert player.lost == 0


def test_silence_counts_up_to_the_end():
    player = playing()
    player.end(10.0)
    assert player.silence_s == pytest.approx(10 - 2 * PART_SECONDS)
    Player().end(5.0)  # never began: no silence of a player, but no sound either


def test_a_hole_in_the_numbers_is_lost_and_not_silence():
    player = playing()
    player.took(105, 1, 0.3)
    assert (player.lost, player.silence_s, player.next) == (3, 0, 106)


def test_what_came_before_a_resumption_is_not_heard_twice():
    player = playing(100)
    player.took(100, 4, 0.3)
    assert (player.parts, player.next, player.lost) == (4, 104, 0)
    player.took(90, 3, 0.4)
    assert player.parts == 4


def test_resumed_late_it_catches_up_and_loses_nothing():
    player = playing()
    now_s = 5.0
    for _ in range(15):
        player.took(player.next, 1, now_s)  # the backlog, at once
    assert (player.lost, player.stalls) == (0, 1)
    behind_s = player.dry_s - now_s
    now_s = steady(player, 400, now_s=now_s)
    assert player.stalls == 1
    assert behind_s > 4
    assert player.dry_s - now_s == pytest.approx(TARGET_S, abs=0.1)


def test_joined_parts_need_a_longer_buffer_which_one_pause_gives():
    player = playing()
    now_s = steady(player, 50)
    steady(player, 100, now_s=now_s, joined=8)
    assert player.lost == 0
    assert player.stalls == 1  # 2.56 s between parts, and 0.65 s were held


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(-3, 5), st.sampled_from([1, 2, 4, 8]))))
def test_nothing_is_ever_negative_and_all_parts_are_heard_or_lost(arrivals):
    player = playing(first=100)
    now_s = 0.0
    for gap_s, ahead, count in arrivals:
        now_s += gap_s
        player.took(max(0, player.next + ahead), count, now_s)
        assert player.dry_s >= now_s - 1e-9 or ahead + count <= 0
    player.end(now_s)
    assert player.lost >= 0
    assert 0 <= player.silence_s <= now_s
    assert player.parts + player.lost >= player.next - 100
