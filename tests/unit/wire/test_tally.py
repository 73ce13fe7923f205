"""Votes of many edges as one sum, whatever is lost, doubled or late."""

from hypothesis import given
from hypothesis import strategies as st

from hustings.wire.tally import SOURCES, Tally


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.sampled_from("pq"), st.lists(st.integers(0, 9), max_size=4)
        ),
        max_size=30,
    ),
    st.integers(0, 30),
)
def test_the_sum_is_of_each_ones_last_word(
    words: list[tuple[str, str, list[int]]], cut: int
) -> None:
    tally, last = Tally(), dict[tuple[str, str], list[int]]()
    for n, (source, paper, totals) in enumerate(words):
        for _ in range(2):  # a batch whose answer was late comes twice
            tally.hear(source, {paper: totals}, "pq")
        last[source, paper] = totals
        if n == cut:
            again = Tally()
            again.restore(tally.state("pq"))
            tally = again
    for paper in "pq":
        said = [totals for (_, of), totals in last.items() if of == paper]
        sums = [sum(t[n] for t in said if n < len(t)) for n in range(4)]
        assert (tally.sums(paper) + [0] * 4)[:4] == sums


def test_only_known_papers_count_and_only_changes_are_told() -> None:
    tally = Tally()
    assert tally.hear("a", {"p": [1], "x": [1]}, ["p"]) == {"p"}
    assert tally.hear("a", {"p": [1]}, ["p"]) == set()
    assert tally.papers() == ["p"]
    tally.forget("p")
    assert tally.sums("p") == []


def test_who_was_silent_longest_makes_room_and_its_votes_stay() -> None:
    tally = Tally()
    for n in range(SOURCES + 1):
        tally.hear(f"edge{n}", {"p": [1]}, ["p"])
    assert tally.sums("p") == [SOURCES + 1]
    assert len(tally.state(["p"])) == SOURCES
