"""A challenge is good once, in time, for one purpose; floods cost nobody theirs."""

import pytest

from hustings.base.errors import Denied, TryLater
from hustings.web.accounts.challenges import (
    ALL_BURST,
    ALL_RATE,
    BURST,
    GOOD_S,
    MOST,
    Challenges,
    Patience,
)


def refused(challenges: Challenges, challenge: bytes, purpose: str, now_s: float) -> bool:
    try:
        challenges.take(challenge, purpose, now_s)
    except Denied as error:
        return error.code == "challenge_bad"
    return False


def test_a_challenge_is_good_once() -> None:
    challenges = Challenges()
    challenge = challenges.issue("sign in", 0.0, note="x")
    assert challenges.take(challenge, "sign in", GOOD_S) == "x"
    assert refused(challenges, challenge, "sign in", GOOD_S)


@pytest.mark.parametrize(("purpose", "now_s"), [("sign in", GOOD_S + 0.001), ("account", 1.0)])
def test_late_or_for_something_else_it_is_bad_and_gone(purpose: str, now_s: float) -> None:
    challenges = Challenges()
    challenge = challenges.issue("sign in", 0.0)
    assert refused(challenges, challenge, purpose, now_s)
    assert refused(challenges, challenge, "sign in", 1.0)


def test_no_two_are_alike_and_made_up_ones_are_bad() -> None:
    challenges = Challenges()
    made = {challenges.issue("sign in", 0.0) for _ in range(100)}
    assert {len(each) for each in made} == {32}
    assert len(made) == 100
    assert refused(challenges, bytes(32), "sign in", 0.0)


def test_the_shelf_is_bounded_and_the_oldest_goes() -> None:
    challenges = Challenges()
    first = challenges.issue("sign in", 0.0)
    for _ in range(MOST + 10):
        last = challenges.issue("sign in", 1.0)
    assert len(challenges) <= MOST
    assert refused(challenges, first, "sign in", 2.0)
    assert not refused(challenges, last, "sign in", 2.0)


def test_old_ones_are_cleared_away_as_new_ones_come() -> None:
    challenges = Challenges()
    for _ in range(50):
        challenges.issue("sign in", 0.0)
    for _ in range(60):
        challenges.issue("sign in", GOOD_S + 1)
    assert len(challenges) == 60


def test_the_fastest_flood_cannot_push_out_a_challenge_that_counts() -> None:
    assert ALL_BURST + ALL_RATE * GOOD_S < MOST


def test_one_address_may_try_so_often() -> None:
    patience = Patience()
    for _ in range(int(BURST)):
        patience.charge("203.0.113.7", 0.0)
    with pytest.raises(TryLater) as caught:
        patience.charge("203.0.113.7", 0.0)
    assert (caught.value.code, caught.value.problem()["status"]) == ("sign_in_rate", 429)
    assert caught.value.delay_s > 0
    patience.charge("203.0.113.8", 0.0)
    patience.charge("203.0.113.7", 2.0)


def test_households_share_a_limit_as_they_share_a_network() -> None:
    patience = Patience()
    for number in range(int(BURST)):
        patience.charge(f"2001:db8:77:aa00::{number:x}", 0.0)
    with pytest.raises(TryLater):
        patience.charge("2001:db8:77:aa00::ffff", 0.0)


def test_all_addresses_together_have_a_limit() -> None:
    patience = Patience()
    for number in range(int(ALL_BURST)):
        patience.charge(f"10.0.{number // 250}.{number % 250}", 0.0)
    with pytest.raises(TryLater) as caught:
        patience.charge("10.1.0.0", 0.0)
    assert (caught.value.code, caught.value.problem()["status"]) == ("sign_in_busy", 503)
