"""What goes out at once, to one host and to one address is bounded, and nothing waits."""

from contextlib import ExitStack

import pytest

from hustings.base.errors import TryLater
from hustings.web.outbound.budget import ADDRESSES, AT_ONCE, BURST, OF_HOST, Budget


def code(budget, host, now_s=0.0):
    with pytest.raises(TryLater) as caught, budget.turn(host, now_s):
        pass
    return caught.value.code


def test_one_slow_host_cannot_take_all_and_all_together_are_bounded():
    budget = Budget()
    with ExitStack() as stack:
        for number in range(AT_ONCE):
            host = f"host{number // OF_HOST}"
            stack.enter_context(budget.turn(host, 0.0))
            if number == OF_HOST - 1:
                assert code(budget, host) == "outbound_busy"
        assert code(budget, "another") == "outbound_busy"
    with budget.turn("another", 0.0):
        pass


def test_a_host_is_asked_twenty_times_and_then_each_three_seconds():
    budget = Budget()
    for _ in range(int(BURST)):
        with budget.turn("a", 0.0):
            pass
    assert code(budget, "a") == "outbound_rate"
    with budget.turn("b", 0.0), budget.turn("a", 3.1):
        pass


def test_many_names_of_one_address_share_what_it_may_get():
    budget = Budget()
    for _ in range(int(BURST) * ADDRESSES):
        budget.charge("8.8.8.8", 0.0)
    with pytest.raises(TryLater) as caught:
        budget.charge("8.8.8.8", 0.0)
    assert caught.value.code == "outbound_rate"
    assert 0 < caught.value.delay_s < 4


def test_a_turn_that_fails_is_given_back():
    budget = Budget(at_once=1)
    with pytest.raises(KeyError), budget.turn("a", 0.0):
        raise KeyError
    with budget.turn("a", 0.0):
        pass
