"""The order of questions: as a sort of all would have it, whatever comes in which order."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.stage.evening.ranking import Ranking

STATES = ["asked", "shown", "answered", "hidden"]
CHANGES = st.lists(
    st.tuples(st.integers(0, 12).map(str), st.sampled_from(STATES), st.integers(0, 5)), max_size=80
)


@given(CHANGES, st.integers(0, 15), st.sets(st.sampled_from(STATES), min_size=1))
def test_it_is_always_as_if_all_were_sorted(
    changes: list[tuple[str, str, int]], most: int, states: set[str]
) -> None:
    ranking = Ranking()
    now: dict[str, tuple[str, int]] = {}  # in the order in which they came
    for question, state, votes in changes:
        ranking.put(question, state, votes)
        now[question] = (state, votes)
    wanted = [question for question, (state, _) in now.items() if state in states]
    assert ranking.count(*states) == len(wanted)
    assert ranking.best(most, *states) == sorted(wanted, key=lambda q: -now[q][1])[:most]
