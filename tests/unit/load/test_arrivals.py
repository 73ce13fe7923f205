"""People come when they come: counted, in order, within bounds, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hustings.load.rehearsal.arrivals import SHAPES, arrivals


@given(st.sampled_from(SHAPES), st.integers(0, 500), st.floats(0.1, 1_000), st.integers(0, 9))
def test_all_come_in_order_within_the_time_and_alike_for_a_seed(shape, count, over_s, seed):
    moments = arrivals(shape, count, over_s, seed)
    assert len(moments) == count
    assert (np.diff(moments) >= 0).all()
    assert ((moments >= 0) & (moments <= over_s)).all()
    assert (moments == arrivals(shape, count, over_s, seed)).all()


def test_a_stampede_begins_with_twice_its_mean_rate_and_ebbs_away():
    moments = arrivals("stampede", 30_000, 10.0, 1)
    first, last = (moments < 1).sum(), (moments > 9).sum()
    assert first == pytest.approx(2 * 3_000 * 0.95, rel=0.05)
    assert last == pytest.approx(3_000 * 0.1, rel=0.25)


def test_a_ramp_is_even():
    counts, _ = np.histogram(arrivals("ramp", 30_000, 10.0, 1), bins=10)
    assert counts.min() > 2_800
    assert counts.max() < 3_200
