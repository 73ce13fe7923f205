"""Lanes: how many letters are under way, and who rests, in virtual time."""

import random

from hypothesis import given
from hypothesis import strategies as st

from hustings.web.post.lanes import FIRST_REST_S, HOSTS, LAST_HOST_REST_S, LAST_REST_S, Lane
from hustings.web.post.model import Outcome, Refused, Sent, TryAgain, Unsure

DOWN = TryAgain("no route", scope="host")
AWAY = TryAgain("connection refused", scope="transport")
FULL = TryAgain("mailbox full")


def tried(lane: Lane, host: str, outcome: Outcome, now_s: float) -> float:
    assert lane.room(now_s)
    assert lane.takes(host, now_s)
    lane.begin(host)
    return lane.end(host, outcome, now_s)


def test_no_more_than_so_many_at_once_and_to_one_host() -> None:
    lane = Lane(most=3, most_of_host=2)
    lane.begin("a")
    lane.begin("a")
    assert (lane.room(0), lane.takes("a", 0), lane.takes("b", 0)) == (1, False, True)
    assert lane.closed(0) == ["a"]
    lane.begin("b")
    assert lane.room(0) == 0
    lane.end("a", Sent(), 0)
    assert (lane.room(0), lane.closed(0)) == (1, [])


def test_a_host_that_is_down_rests_longer_each_time_and_holds_up_nobody_else() -> None:
    lane, now_s, rests = Lane(most=4, most_of_host=2), 0.0, []
    for _ in range(10):
        rests.append(tried(lane, "a", DOWN, now_s))
        assert lane.closed(now_s) == ["a"]
        assert tried(lane, "b", Sent(), now_s) == 0
        now_s += rests[-1]
    assert rests[:3] == [FIRST_REST_S, 2 * FIRST_REST_S, 4 * FIRST_REST_S]
    assert rests[-1] == LAST_HOST_REST_S


def test_after_its_rest_a_host_is_tried_with_one_letter_before_more_go() -> None:
    lane = Lane(most=4, most_of_host=2)
    rest_s = tried(lane, "a", DOWN, 0)
    lane.begin("a")
    assert not lane.takes("a", rest_s)
    lane.end("a", Sent(), rest_s)
    lane.begin("a")
    assert lane.takes("a", rest_s)
    assert tried(lane, "b", DOWN, rest_s) == FIRST_REST_S  # nobody remembers longer rests


def test_when_the_transport_is_away_all_rest_and_then_one_goes_ahead() -> None:
    lane = Lane(most=4, most_of_host=4)
    for _ in range(3):
        lane.begin("a")
    assert lane.end("a", AWAY, 0) == FIRST_REST_S
    assert lane.end("a", AWAY, 1) == FIRST_REST_S - 1  # the same trouble, once
    lane.end("a", Unsure("broke", scope="transport"), 1)
    assert lane.room(FIRST_REST_S - 0.1) == 0
    assert lane.room(FIRST_REST_S) == 1
    now_s = FIRST_REST_S
    for _ in range(8):
        now_s += tried(lane, "a", AWAY, now_s)
    assert tried(lane, "a", AWAY, now_s) == LAST_REST_S
    now_s += LAST_REST_S
    tried(lane, "a", FULL, now_s)  # the server speaks again, whatever it says
    assert lane.room(now_s) == 4


def test_a_host_may_ask_for_a_longer_rest_but_not_for_ever() -> None:
    lane = Lane(most=4, most_of_host=2)
    assert tried(lane, "a", TryAgain("slow down", delay_s=100, scope="host"), 0) == 100
    assert tried(lane, "b", TryAgain("go away", delay_s=1e9, scope="host"), 0) == LAST_HOST_REST_S


def test_where_many_letters_share_a_host_it_is_tried_more_often_unless_it_asks_for_peace() -> None:
    lane, now_s, rests = Lane(most=4, most_of_host=2, host_rest_s=60), 0.0, []
    for _ in range(6):
        rests.append(tried(lane, "a", DOWN, now_s))
        now_s += rests[-1]
    assert rests == [5, 10, 20, 40, 60, 60]
    assert tried(lane, "a", TryAgain("429", delay_s=300, scope="host"), now_s) == 300


def test_a_letter_that_did_not_set_out_takes_no_room() -> None:
    lane = Lane(most=1, most_of_host=1)
    lane.begin("a")
    lane.take_back("a")
    assert (lane.room(0), lane.closed(0)) == (1, [])


def test_the_table_of_resting_hosts_is_bounded() -> None:
    lane = Lane(most=4, most_of_host=2)
    for number in range(HOSTS + 50):
        tried(lane, f"h{number}", DOWN, number / 1_000)
    assert len(lane.closed(1)) == HOSTS
    assert lane.takes("h0", 1)  # its rest would have been over first


@given(seed=st.integers(0, 2**32), steps=st.integers(1, 300))
def test_whatever_happens_the_bounds_hold_and_everybody_is_tried_again(
    seed: int, steps: int
) -> None:
    dice, lane, now_s, out = random.Random(seed), Lane(most=5, most_of_host=2), 0.0, []
    outcomes = [Sent(), FULL, DOWN, AWAY, Refused("no"), Unsure("?"), Unsure("?", "transport")]
    for _ in range(steps):
        now_s += dice.random() * 10
        host = f"h{dice.randrange(6)}"
        if lane.room(now_s) and lane.takes(host, now_s):
            lane.begin(host)
            out.append(host)
        elif out:
            lane.end(out.pop(dice.randrange(len(out))), dice.choice(outcomes), now_s)
        assert len(out) <= 5
        assert all(out.count(each) <= 2 for each in out)
        assert all(not lane.takes(each, now_s) for each in lane.closed(now_s))
    while out:
        lane.end(out.pop(), Sent(), now_s)
    later_s = now_s + LAST_HOST_REST_S
    assert lane.room(later_s)
    assert all(lane.takes(f"h{n}", later_s) for n in range(6))
