"""Notes of several processes become one; nothing grows without bound."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.load.crowd.tally import SAMPLES, Refusals, Seconds, percentile, summed
from hustings.load.rehearsal.orders import Findings, Own, Person, Refusal


def test_each_second_is_summed_but_lateness_is_the_worst():
    one, other = Seconds(), Seconds()
    one.add("due", 0.2)
    one.add("due", 0.9)
    one.most("late_ms", 1.5, 7.0)
    other.add("due", 2.0, 3)
    other.most("late_ms", 1.0, 4.0)
    found = summed(Findings(seconds=each.result()) for each in (one, other))
    assert found.seconds == {"due": [2, 0, 3], "late_ms": [0, 7]}


def test_refusals_are_told_apart_and_improper_ones_noticed():
    refusals = Refusals()
    refusals.add("busy", 503, "4", 1.0)
    refusals.add("busy", 503, "", 9.0)
    refusals.add("busy", 503, "500", 2.0)
    assert refusals.by_code == {"busy": Refusal(503, 3, 1, 1, 9.0)}
    other = Findings(refusals={"busy": Refusal(503, 2, 0, 0, 20.0), "queue": Refusal(503, 1)})
    both = summed([Findings(refusals=refusals.by_code), other])
    assert both.refusals["busy"] == Refusal(503, 5, 1, 1, 20.0)
    assert both.refusals["queue"].count == 1


def test_a_hundred_thousand_refusals_of_odd_kinds_are_bounded():
    refusals = Refusals()
    for number in range(100_000):
        refusals.add(f"code_{number % 70}", 503, "2", 1.0)
    assert len(refusals.by_code) == 51
    assert sum(each.count for each in refusals.by_code.values()) == refusals.count == 100_000
    assert SAMPLES < len(refusals.sample_ms) <= 2 * SAMPLES


def test_the_generator_is_as_good_as_its_worst_process():
    found = summed([
        Findings(own=Own(0.5, 1, 2, 3, 4, 1)), Findings(own=Own(0.2, 9, 9, 0, 0, 1)),
    ])  # fmt: skip
    assert found.own == Own(0.5, 9, 9, 3, 4, 2)


def test_persons_are_kept_up_to_a_bound_and_then_counted(monkeypatch):
    monkeypatch.setattr("hustings.load.crowd.tally.PERSONS", 3)
    two = Findings(persons=[Person(0, "polite", True, 0)] * 2, untold=5)
    assert (len(summed([two, two]).persons), summed([two, two]).untold) == (3, 11)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_a_percentile_is_one_of_the_values_with_enough_below(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(each <= found for each in values) >= share * len(values) - 1e-6
