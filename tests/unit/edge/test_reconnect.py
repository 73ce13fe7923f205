"""Over how many seconds a crowd returns, and how often it must be told."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.edge.reconnect import LEAST_S, LONGEST_S, USUAL, Spread


def test_few_come_back_almost_at_once() -> None:
    spread = Spread()
    assert not spread.changed(0)
    assert not spread.changed(500)
    assert spread.told_s == LEAST_S


def test_a_growing_crowd_is_told_rarely_and_a_shrunk_one_too() -> None:
    spread = Spread()
    told = sum(spread.changed(listeners) for listeners in range(0, 15_001, 10))
    assert told <= 45
    assert 7.5 <= spread.told_s <= 8.3
    assert not spread.changed(10_000)  # a little fewer: they may as well take longer
    assert spread.changed(100)
    assert spread.told_s == LEAST_S


def test_an_edge_whose_joins_cost_more_asks_for_more_time() -> None:
    spread = Spread()
    spread.rate = USUAL / 4
    assert spread.needed_s(5_000) == 10.0


@given(st.lists(st.integers(0, 200_000), max_size=50))
def test_nobody_is_told_less_than_half_the_admit_rate_needs(crowds: list[int]) -> None:
    spread = Spread()
    for listeners in crowds:
        before = spread.told_s
        assert spread.changed(listeners) == (spread.told_s != before)
        assert LEAST_S <= spread.told_s <= LONGEST_S
        assert spread.told_s == LONGEST_S or listeners / spread.told_s <= USUAL / 2 + 1e-6
